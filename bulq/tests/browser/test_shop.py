"""Shopping on a phone: ticks without a network, lines without a price, and where the focus goes."""

import re

import pytest
from playwright.sync_api import expect

from bids import states
from bids.actions import costs
from bids.models import Allocation, Participation, Purchase, Run, ShoppingItem
from bids.tests.factories import item_of
from bids.tests.stages import stage
from stores.tests.factories import make_offer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
CUT = [r"Failed to load resource", r"A call to 'fetch|EventSource"]
WAITING = "[data-unsent]"


@pytest.fixture
def shop():
    """Alice in the shop: oil has a price; tabs get one, so that there are two lines to tick."""
    cast = stage(states.SHOPPING)
    make_offer(cast.tabs, cast.store, price="3.00")
    return cast


def tick(page, product):
    page.locator(".buy:not(.got)").filter(has_text=product.name).locator(".tick").click()


def bought(run):
    return list(Purchase.objects.filter(item__run=run).order_by("pk").values_list("item__product__name", flat=True))


# --- Without a network -----------------------------------------------------------------------------
def test_ticks_without_a_network_wait_on_the_page_and_are_sent_in_order(enter, shop):
    page = enter(shop.alice, ignore=CUT, **PHONE)
    page.goto(f"/runs/{shop.run.pk}/")
    page.context.set_offline(True)
    tick(page, shop.tabs)
    tick(page, shop.oil)
    expect(page.locator(f".buy{WAITING}")).to_have_count(2)
    expect(page.locator("#messages")).to_contain_text("No connection. What you do here waits on this page")
    assert bought(shop.run) == [shop.gouda.name]
    page.context.set_offline(False)
    expect(page.locator(".buy.got")).to_have_count(3)
    expect(page.locator(WAITING)).to_have_count(0)
    expect(page.locator("#messages")).not_to_contain_text("No connection")
    assert bought(shop.run) == [shop.gouda.name, shop.tabs.name, shop.oil.name]


def test_a_tick_whose_answer_was_cut_off_is_bought_once(enter, shop):
    page = enter(shop.alice, ignore=CUT, **PHONE)
    page.goto(f"/runs/{shop.run.pk}/")
    cuts = iter([True])

    def cut_the_first_answer(route):
        if route.request.method == "POST" and next(cuts, False):
            route.fetch(max_redirects=0)  # it arrives, but the answer does not
            route.abort()
        else:
            route.continue_()

    page.route(re.compile("/items/"), cut_the_first_answer)
    tick(page, shop.oil)
    expect(page.locator(f".buy{WAITING}")).to_have_count(1)
    expect(page.locator(".buy.got").filter(has_text=shop.oil.name)).to_be_visible(timeout=15_000)
    assert bought(shop.run).count(shop.oil.name) == 1


def test_a_tick_that_came_second_is_reported_and_the_next_is_sent(enter, shop):
    page = enter(shop.alice, ignore=CUT, **PHONE)
    page.goto(f"/runs/{shop.run.pk}/")
    page.context.set_offline(True)
    tick(page, shop.oil)
    tick(page, shop.tabs)
    expect(page.locator(f".buy{WAITING}")).to_have_count(2)
    item = item_of(shop.run, shop.oil)
    Purchase.objects.create(item=item, quantity=6, total="44.40", bought_by=shop.bob)
    ShoppingItem.objects.filter(pk=item.pk).update(version=item.version + 1)
    page.context.set_offline(False)
    expect(page.locator("#messages")).to_contain_text("already bought this")
    expect(page.locator(".buy.got")).to_have_count(3)
    assert bought(shop.run) == [shop.gouda.name, shop.oil.name, shop.tabs.name]


def marks(cast):
    """Every form of a run that is one button: its page, and how to see that it took effect."""
    run = cast.run
    return {
        "picked up": (
            lambda page: page.locator("button.thing").first,
            lambda: Allocation.objects.filter(item__run=run, picked_up_at__isnull=False).exists(),
        ),
        "paid": (
            lambda page: page.get_by_role("button", name=f"{cast.bob.name} has paid"),
            lambda: Participation.objects.filter(run=run, paid_amount__isnull=False).exists(),
        ),
        "ready": (
            lambda page: page.locator("[name=ready]:visible").first,
            lambda: Participation.objects.filter(run=run, is_ready=True).exists(),
        ),
        "not there": (
            lambda page: page.get_by_role("button", name="Not there").first,
            lambda: ShoppingItem.objects.filter(run=run, not_there_at__isnull=False).exists(),
        ),
        "put back": (
            lambda page: page.get_by_role("button", name="Put back on the list").first,
            lambda: not Purchase.objects.filter(item__run=run).exists(),
        ),
        "unlocked": (
            lambda page: page.get_by_role("button", name="Unlock the list"),
            lambda: Run.objects.get(pk=run.pk).is_collecting,
        ),
    }


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        (states.ACTIVE, "ready"),
        (states.CONFIRMED, "unlocked"),
        (states.SHOPPING, "not there"),
        (states.SHOPPING, "put back"),
        (states.DISTRIBUTING, "picked up"),
        (states.DISTRIBUTING, "paid"),
    ],
)
def test_any_button_pressed_without_a_network_waits_and_takes_effect_later(enter, state, mark):
    cast = stage(state)
    button, is_done = marks(cast)[mark]
    page = enter(cast.bob if mark == "ready" else cast.alice, ignore=CUT)
    page.goto(f"/runs/{cast.run.pk}/")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.context.set_offline(True)
    button(page).click()
    expect(page.locator(WAITING)).to_have_count(1)
    expect(page.locator("#messages")).to_contain_text("waits on this page")
    assert not is_done()
    page.context.set_offline(False)
    expect(page.locator(WAITING)).to_have_count(0)
    assert is_done()


def test_a_form_sent_without_a_network_waits_with_what_was_typed(enter, shop):
    page = enter(shop.alice, ignore=CUT)
    page.goto(f"/runs/{shop.run.pk}/costs/")
    page.get_by_label("What for").fill("Fuel")
    page.get_by_label("Amount").fill("7")
    page.context.set_offline(True)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(WAITING)).to_have_count(1)
    expect(page.get_by_label("What for")).to_have_value("Fuel")
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="Remove Fuel")).to_be_visible()
    assert costs.ExtraCost.objects.filter(run=shop.run).count() == 1


# --- A line without a price ------------------------------------------------------------------------
@pytest.mark.parametrize("scripts", [True, False], ids=["with script", "without script"])
def test_the_first_tap_on_a_line_without_a_price_asks_for_it(enter, scripts):
    """At once and quietly: the cursor is in Price, and nothing covers it."""
    cast = stage(states.SHOPPING)
    page = enter(cast.alice, java_script_enabled=scripts, **PHONE)
    page.goto(f"/runs/{cast.run.pk}/")
    tick(page, cast.tabs)
    price = page.locator(f"#line-{item_of(cast.run, cast.tabs).pk} [name=price]")
    expect(price).to_be_focused()
    expect(page.locator(".errors, .error:visible")).to_have_count(0)
    box, dock = price.bounding_box(), page.locator(".dock").bounding_box()
    assert page.locator(".trip").bounding_box()["height"] <= box["y"]
    assert box["y"] + box["height"] <= dock["y"]
    page.keyboard.type("3.50")
    page.keyboard.press("Enter")
    done = page.locator(".buy.got").filter(has_text=cast.tabs.name)
    expect(done).to_be_visible()
    expect(done.locator("details")).not_to_have_attribute("open", "")
    assert item_of(cast.run, cast.tabs).purchases.get().total == 3.5


# --- By keyboard -----------------------------------------------------------------------------------
def test_by_keyboard_the_focus_moves_to_the_next_line(enter, shop):
    page = enter(shop.alice)
    page.goto(f"/runs/{shop.run.pk}/")
    lines = page.locator("#todo .buy")
    expect(lines).to_have_count(2)
    first, second = lines.nth(0).get_attribute("id"), lines.nth(1).get_attribute("id")
    page.locator(f"#{first} .tick").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#todo #{second} .tick")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#todo .buy")).to_have_count(0)
