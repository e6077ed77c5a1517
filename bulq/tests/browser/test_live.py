"""Spec 66: an open page shows what others do, at once, and loses nothing of what is being typed."""

import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from accounts.actions.membership import end_membership
from bids import states
from bids.actions import distribution, runs
from bids.actions.notifications import mark_read
from bids.models import Notification
from bids.tests.cast import D, stage
from bids.tests.factories import item_of, order, purchase
from bulq.kit import live
from bulq.tests.faults import breakable_redis
from bulq.tests.live import live_process
from dev import caddy
from dev.processes import free_port

from .conftest import session_of, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# benchmarks/ measures how soon it is seen. After an answer that took long, as on a busy machine, a page waits up to 22
# seconds before it asks again.
PATIENCE = 45
expect.set_options(timeout=PATIENCE * 1000)
NETWORK = (r"Failed to load resource: net::", r".*ERR_INCOMPLETE_CHUNKED_ENCODING")


@pytest.fixture(scope="module")
def door(live_server, tmp_path_factory):
    """Caddy before the tests' web server and a live process."""
    folder, web, port = tmp_path_factory.mktemp("door"), urlsplit(live_server.url).port, free_port()
    with live_process(folder) as (stream, _child), caddy.running(folder, port, web=web, live=[stream]) as child:
        yield SimpleNamespace(url=f"http://localhost:{port}", folder=folder, stream=stream, child=child)


@pytest.fixture
def enter(new_context, door):
    """`enter(user, path)` is that person's page, live."""
    live.breaker.reset()

    def enter(user, path, **options):
        context = new_context(base_url=door.url, **options)
        sign_in(context, door.url, session_of(user))
        page = context.new_page()
        page.goto(path)
        says(page, "Live")
        page.evaluate("window.isTheSame = true")
        return page

    return enter


def says(page, word, seconds=PATIENCE):
    expect(page.locator("#live")).to_have_text(word, timeout=seconds * 1000)


def not_reloaded(page):
    return page.evaluate("window.isTheSame") is True


def cell(page, product, name):
    """That person's amount in the order table, where everyone has a column."""
    heads = page.locator(".matrix thead th").all_inner_texts()
    return page.locator(f"#p{product.pk} > *").nth(heads.index(name))


def refreshes(page):
    """Grows each time the page refreshes."""
    found = []
    page.on("request", lambda request: found.append(request) if "x-bulq-part" in request.headers else None)
    return found


# --- What others do --------------------------------------------------------------------------------
def test_a_tap_is_marked_and_announced_on_the_other_persons_page(enter):
    scene = stage()
    path = f"/runs/{scene.run.pk}/"
    alice, bob = enter(scene.alice, path), enter(scene.bob, path, viewport={"width": 390, "height": 844})
    bob.locator(f".qty[data-line='{scene.oil.pk}'] [name=plus]:not(.add-btn)").click()
    theirs = cell(alice, scene.oil, "Bob")
    expect(theirs).to_have_text("5")
    expect(theirs).to_contain_class("changed")
    expect(alice.locator("#news")).to_have_text(f"Bob changed {scene.oil.name} to 5")
    assert alice.locator(".changed").count() == 2  # the cell, and what a phone shows instead
    assert bob.locator(".changed").count() == 0
    assert not_reloaded(alice)
    alice.keyboard.press("Tab")
    expect(alice.locator(".changed")).to_have_count(0)


def test_group_and_personal_pages_follow(enter):
    scene = stage()
    group, home = enter(scene.hana, f"/groups/{scene.group.pk}/"), enter(scene.hana, "/")
    inbox, history = enter(scene.hana, "/inbox/"), enter(scene.hana, f"/runs/{scene.run.pk}/history/")
    runs.lock_list(scene.run, by=scene.alice)
    expect(group.locator("#main")).to_contain_text("Locked")
    expect(home.locator("#main")).to_contain_text("Locked")
    expect(inbox.locator("#main")).to_contain_text("moved the run from “Collecting” to “Locked”")
    expect(history.locator("#main")).to_contain_text("moved the run from “Collecting” to “Locked”")
    assert all(map(not_reloaded, (group, home, inbox, history)))


def test_the_bell_follows_on_a_page_that_does_not(enter):
    scene = stage()
    page = enter(scene.hana, "/me/settings/")
    page.locator("[name=name]").fill("Hana B")
    bell = page.locator("#bell b")
    expect(bell).to_contain_text("2")
    runs.lock_list(scene.run, by=scene.alice)
    expect(bell).to_contain_text("3")
    mark_read(Notification.objects.all(), by=scene.hana)
    expect(bell).to_have_count(0)
    assert page.locator("[name=name]").input_value() == "Hana B"


def test_a_removed_person_no_longer_sees_the_page(enter):
    scene = stage()
    run, group = enter(scene.bob, f"/runs/{scene.run.pk}/"), enter(scene.bob, f"/groups/{scene.group.pk}/")
    end_membership(scene.group.pk, scene.bob.pk, by=scene.adam)
    for page in (run, group):
        expect(page.locator("h1")).to_have_text("Page not found")


# --- What is being typed ---------------------------------------------------------------------------
def test_an_amount_being_typed_stays_and_keeps_the_focus(enter):
    scene = stage()
    page = enter(scene.bob, f"/runs/{scene.run.pk}/")
    box = page.locator(f"[name='q-{scene.oil.pk}']")
    box.focus()
    box.press("End")
    box.press_sequentially("7")
    order(scene.run, scene.hana, scene.gouda, 3)
    expect(cell(page, scene.gouda, "Hana")).to_have_text("3")
    expect(box).to_be_focused()
    expect(box).to_have_value("47")
    box.press_sequentially("1")
    expect(box).to_have_value("471")


def test_the_message_about_saving_stays(enter):
    scene = stage()
    page = enter(scene.bob, f"/runs/{scene.run.pk}/")
    page.evaluate("document.getElementById('save-status').textContent = 'Waiting to save'")
    order(scene.run, scene.hana, scene.gouda, 3)
    expect(cell(page, scene.gouda, "Hana")).to_have_text("3")
    expect(page.locator("#save-status")).to_have_text("Waiting to save")


def test_an_unseen_change_of_an_amount_is_not_overwritten(enter):
    """What was typed was meant for the amount shown before."""
    scene = stage()
    page = enter(scene.bob, f"/runs/{scene.run.pk}/")
    box = page.locator(f"[name='q-{scene.oil.pk}']")
    box.focus()
    box.fill("7")
    order(scene.run, scene.alice, scene.gouda, 1)
    order(scene.run, scene.bob, scene.oil, 5)
    expect(cell(page, scene.gouda, "Alice")).to_have_text("1")
    box.press("Enter")
    expect(page.locator(f"#line-err-{scene.oil.pk}")).to_be_visible()
    assert scene.wanted(scene.bob, scene.oil) == 5


def test_a_half_filled_form_and_an_open_details_stay(enter):
    scene = stage(states.SHOPPING)
    page = enter(scene.alice, f"/runs/{scene.run.pk}/")
    oil = item_of(scene.run, scene.oil)
    details = page.locator(f"#d{oil.pk}")
    details.locator("> summary").click()
    price = page.locator(f"#f{oil.pk} [name=price]")
    price.fill("3.9")
    purchase(scene.run, scene.gouda, 3, 27, by=scene.hana)
    expect(page.locator("h1 small")).to_have_text("1 of 2 products done")
    expect(price).to_have_value("3.9")
    expect(price).to_be_focused()
    assert details.evaluate("one => one.open")


def test_a_half_filled_form_is_still_based_on_what_was_seen(enter):
    """The leader decided meanwhile, and what Bob was typing does not silently undo it."""
    scene = stage(states.ADJUSTING)
    page = enter(scene.bob, f"/runs/{scene.run.pk}/")
    amount = page.locator(f"#amount-{scene.gouda.pk}-{scene.bob.pk}")
    amount.fill("2")
    distribution.sort_out(scene.run, scene.gouda, D("2.5"), was=D(3), by=scene.alice, whose=scene.bob)
    expect(page.locator(f"#decide-{scene.gouda.pk} .tag")).to_contain_text("0.5 kg short")
    expect(amount).to_have_value("2")
    page.locator(f"#take-{scene.gouda.pk}-{scene.bob.pk}").get_by_role("button", name="takes this much").click()
    expect(page.locator(f"#err-{scene.gouda.pk}-{scene.bob.pk}")).to_be_visible()
    assert scene.wanted(scene.bob, scene.gouda) == D("2.5")


def test_a_half_filled_form_whose_place_is_gone_stays_too(enter):
    scene = stage(states.SHOPPING)
    page = enter(scene.alice, f"/runs/{scene.run.pk}/")
    oil = item_of(scene.run, scene.oil)
    page.locator(f"#d{oil.pk} > summary").click()
    price = page.locator(f"#f{oil.pk} [name=price]")
    price.fill("3.9")
    purchase(scene.run, scene.oil, 8, 40, by=scene.hana)
    expect(page.locator("#messages")).to_contain_text("has changed since you opened it")
    expect(price).to_have_value("3.9")


def test_an_open_decision_stays_and_the_page_behind_it_waits(enter):
    scene = stage()
    page = enter(scene.alice, f"/runs/{scene.run.pk}/")
    page.get_by_role("link", name="Lock the list…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    asked = refreshes(page)
    order(scene.run, scene.bob, scene.oil, 9)
    page.wait_for_timeout(500)
    assert not asked
    page.keyboard.press("Escape")
    expect(cell(page, scene.oil, "Bob")).to_have_text("9")


def test_an_answer_older_than_the_readers_own_change_is_not_taken_in(enter):
    """It shows an older state than the page does."""
    scene = stage()
    page = enter(scene.bob, f"/runs/{scene.run.pk}/")
    held = []

    def hold(route):
        if "x-bulq-part" in route.request.headers and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route(f"**/runs/{scene.run.pk}/", hold)
    order(scene.run, scene.hana, scene.gouda, 3)
    wait_until(page, lambda: held)
    line = page.locator(f".qty[data-line='{scene.oil.pk}']")
    with page.expect_response(lambda response: "/order/" in response.url):
        line.locator("[name=plus]:not(.add-btn)").click()
    expect(page.locator("#save-status")).to_have_text("Saved")
    route, old = held[0]
    route.fulfill(response=old)
    page.wait_for_timeout(200)
    assert line.get_attribute("data-was") == "5"
    expect(cell(page, scene.gouda, "Hana")).to_have_text("3")
    assert line.get_attribute("data-was") == "5"


def wait_until(page, is_so, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert is_so()


# --- How often -------------------------------------------------------------------------------------
def test_however_much_happens_it_refreshes_every_three_seconds(enter):
    scene = stage()
    page = enter(scene.hana, f"/runs/{scene.run.pk}/")
    page.wait_for_timeout(3000)
    asked, started = refreshes(page), time.monotonic()
    while len(asked) < 3 and time.monotonic() - started < 40:
        order(scene.run, scene.bob, scene.oil, 5 + len(asked) + time.monotonic_ns() % 90)
        page.wait_for_timeout(20)
    assert 3 <= len(asked) <= 1 + (time.monotonic() - started) / 3


def test_a_hidden_page_hears_nothing_and_refreshes_when_it_is_shown(enter):
    scene = stage()
    page = enter(scene.hana, f"/runs/{scene.run.pk}/")
    page.wait_for_timeout(3000)
    asked = refreshes(page)
    see(page, "hidden")
    order(scene.run, scene.bob, scene.oil, 6)
    page.wait_for_timeout(700)
    assert not asked
    see(page, "visible")
    expect(cell(page, scene.oil, "Bob")).to_have_text("6")
    order(scene.run, scene.bob, scene.oil, 7)
    expect(cell(page, scene.oil, "Bob")).to_have_text("7")


def see(page, state):
    """Headless pages are always visible, so tell the page otherwise."""
    page.evaluate(
        """state => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


# --- Without a stream ------------------------------------------------------------------------------
def test_it_says_when_it_is_offline_and_catches_up_afterwards(enter):
    scene = stage()
    page = enter(scene.hana, f"/runs/{scene.run.pk}/", ignore=NETWORK)
    page.context.set_offline(True)
    says(page, "Offline")
    order(scene.run, scene.bob, scene.oil, 6)
    page.wait_for_timeout(1000)
    page.context.set_offline(False)
    expect(cell(page, scene.oil, "Bob")).to_have_text("6")
    says(page, "Live")
    order(scene.run, scene.bob, scene.oil, 7)
    expect(cell(page, scene.oil, "Bob")).to_have_text("7")


def test_without_the_live_process_it_polls_and_recovers(new_context, live_server, tmp_path):
    scene, port = stage(), free_port()
    web, stream = urlsplit(live_server.url).port, free_port()
    with caddy.running(tmp_path, port, web=web, live=[stream]):
        context = new_context(base_url=f"http://localhost:{port}", ignore=NETWORK)
        sign_in(context, f"http://localhost:{port}", session_of(scene.hana))
        page = context.new_page()
        with live_process(tmp_path, port=stream):
            page.goto(f"/runs/{scene.run.pk}/")
            says(page, "Live")
        says(page, "Trying again")
        order(scene.run, scene.bob, scene.oil, 6)
        expect(cell(page, scene.oil, "Bob")).to_have_text("6")
        with live_process(tmp_path, port=stream):
            says(page, "Live")
            order(scene.run, scene.bob, scene.oil, 7)
            expect(cell(page, scene.oil, "Bob")).to_have_text("7")


def test_the_page_recovers_when_redis_is_restarted(new_context, live_server, tmp_path, settings):
    live.breaker.reset()
    scene, port, stream = stage(), free_port(), free_port()
    web, url = urlsplit(live_server.url).port, f"http://localhost:{port}"
    with breakable_redis() as broken:
        settings.LIVE_REDIS_URL = broken.url
        settings.CACHES = settings.CACHES | {"live": settings.CACHES["live"] | {"LOCATION": broken.url}}
        with live_process(tmp_path, port=stream), caddy.running(tmp_path, port, web=web, live=[stream]):
            context = new_context(base_url=url, ignore=NETWORK)
            sign_in(context, url, session_of(scene.hana))
            page = context.new_page()
            page.goto(f"/runs/{scene.run.pk}/")
            says(page, "Live")
            broken.proxy.cut_after = 0
            broken.proxy.hang_up()
            says(page, "Trying again")
            order(scene.run, scene.bob, scene.oil, 6)
            broken.proxy.cut_after = None
            says(page, "Live", seconds=60)
            expect(cell(page, scene.oil, "Bob")).to_have_text("6")
            order(scene.run, scene.bob, scene.oil, 7)
            expect(cell(page, scene.oil, "Bob")).to_have_text("7")


def test_more_tabs_than_a_browser_has_connections_all_load_and_follow(enter):
    """Over HTTP/1.1 a stream keeps one of six; the tabs without one are told by the others."""
    scene = stage()
    path = f"/runs/{scene.run.pk}/"
    first = enter(scene.hana, path)
    streams = []
    first.context.on("request", lambda request: streams.append(request) if "/live/?" in request.url else None)
    pages = [first]
    for _more in range(7):
        pages.append(first.context.new_page())
        pages[-1].goto(path)
    order(scene.run, scene.bob, scene.oil, 7)
    for page in pages:
        expect(cell(page, scene.oil, "Bob")).to_have_text("7")
    assert len(streams) == 2  # and that of the first
    assert [page.locator("#live").get_attribute("data-state") for page in pages].count("again") == 0
    for page in pages[:3]:
        page.close()
    order(scene.run, scene.bob, scene.oil, 8)
    for page in pages[3:]:
        expect(cell(page, scene.oil, "Bob")).to_have_text("8")
