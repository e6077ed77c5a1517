"""Pages without JavaScript, by keyboard, on paper, and while someone is typing."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_group, make_user
from bids import states
from bids.models import Bid, Participation, Run
from bids.tests.factories import item_of, make_run, order
from bids.tests.stages import stage
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PLAIN = {"java_script_enabled": False}


def order_page(enter, **options):
    """Mara's page of a run where Jon wants three products."""
    mara, jon = make_user("Mara"), make_user("Jon")
    store = make_store()
    run = make_run(leader=jon, group=make_group(admin=jon, members=[mara]), store=store)
    products = [make_product(f"Product {n}") for n in range(3)]
    for product in products:
        make_offer(product, store, price="2.00")
        order(run, jon, product, 1)
    page = enter(mara, **options)
    page.goto(f"/runs/{run.pk}/")
    return page, mara, products


def wanted_by(user):
    return {bid.product.name: bid.quantity for bid in Bid.objects.filter(participation__user=user)}


# --- Without JavaScript ----------------------------------------------------------------------------
def test_without_javascript_one_button_saves_and_two_step_amounts(enter):
    page, mara, (first, second, _third) = order_page(enter, **PLAIN)
    page.locator(f"[name=q-{first.pk}]").fill("3")
    page.locator(f"[name=q-{second.pk}]").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    assert wanted_by(mara) == {first.name: 3, second.name: 1}
    page.get_by_role("button", name=f"More {first.name}").click()
    page.get_by_role("button", name=f"Less {second.name}").click()
    assert wanted_by(mara) == {first.name: 4}
    page.get_by_role("button", name="Undo").click()
    assert wanted_by(mara) == {first.name: 4, second.name: 1}


def test_without_javascript_enter_saves_and_does_not_press_minus(enter):
    page, mara, (product, *_others) = order_page(enter, **PLAIN)
    page.locator(f"[name=q-{product.pk}]").fill("3")
    with page.expect_navigation():
        page.locator(f"[name=q-{product.pk}]").press("Enter")
    assert wanted_by(mara) == {product.name: 3}


def test_without_javascript_a_tick_in_the_shop_buys(enter):
    cast = stage(states.SHOPPING)
    page = enter(cast.alice, **PLAIN)
    page.goto(f"/runs/{cast.run.pk}/")
    page.get_by_role("button", name=f"Got 6 pieces of {cast.oil.name} for €44.40").click()
    assert item_of(cast.run, cast.oil).purchases.get().total == Decimal("44.40")
    expect(page.locator(".buy.got").filter(has_text=cast.oil.name)).to_be_visible()


def test_without_javascript_a_run_is_handed_out_paid_and_finished(enter):
    cast = stage(states.DISTRIBUTING)
    page = enter(cast.alice, **PLAIN)
    page.goto(f"/runs/{cast.run.pk}/")
    for person in (cast.bob, cast.eve):
        card = page.locator(".handout > details").filter(has=page.get_by_text(person.name))
        if card.get_attribute("open") is None:
            card.locator("> summary").click()
        page.get_by_role("button", name=f"{person.name} has everything").click()
        page.get_by_role("button", name=f"{person.name} has paid").click()
    page.get_by_role("link", name="Finish the hand-out…").click()
    page.get_by_role("button", name="Finish the hand-out").click()
    assert Run.objects.get().state == states.COMPLETED
    expect(page.locator(".next")).to_have_text("Settled: everything is handed out and paid.")


# --- By keyboard -----------------------------------------------------------------------------------
def tab_to(page, target):
    """Press Tab until `target` has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("Tab never got there")


def test_choosing_by_keyboard_keeps_the_focus_in_the_line(enter):
    page, mara, (product, *_others) = order_page(enter)
    tab_to(page, page.get_by_role("button", name=f"Add {product.name} to your order"))
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(f"#q-{product.pk}")).to_have_value("2")
    expect(page.get_by_role("button", name=f"More {product.name}")).to_be_focused()
    expect(page.locator("#save-status")).to_have_text("Saved", timeout=15_000)
    expect(page.locator(f"[data-line='{product.pk}']")).to_have_attribute("data-was", "2", timeout=15_000)
    assert wanted_by(mara) == {product.name: 2}


def test_ticking_and_marking_as_paid_work_by_keyboard(enter):
    cast = stage(states.DISTRIBUTING)
    page = enter(cast.alice)
    page.goto(f"/runs/{cast.run.pk}/")
    card = page.locator(f"#person-{cast.eve.pk}")
    if card.get_attribute("open") is None:
        tab_to(page, card.locator("> summary"))
        page.keyboard.press("Enter")
    tick = card.locator("button.thing").first
    tab_to(page, tick)
    page.keyboard.press("Space")
    expect(tick).to_have_attribute("aria-pressed", "true")
    expect(tick).to_be_focused()
    paid = page.get_by_role("button", name=f"{cast.bob.name} has paid")
    tab_to(page, paid)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Unmark {cast.bob.name}'s payment")).to_be_visible()
    assert Participation.objects.get(run=cast.run, user=cast.bob).paid_amount


def test_a_decision_opens_as_a_dialog_and_escape_closes_it(enter):
    cast = stage(states.ACTIVE)
    page = enter(cast.alice)
    page.goto(f"/runs/{cast.run.pk}/")
    link = page.get_by_role("link", name="Lock the list…")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_have_accessible_name("Lock the list?")
    expect(dialog).to_contain_text("are still choosing")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(link).to_be_focused()
    assert Run.objects.get().state == states.ACTIVE
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Lock the list").click()
    expect(page.get_by_role("button", name="Start shopping")).to_be_visible()


# --- While someone types ---------------------------------------------------------------------------
def test_half_typed_text_survives_the_answer_to_another_form(enter):
    cast = stage(states.ADJUSTING)
    page = enter(cast.alice)
    page.goto(f"/runs/{cast.run.pk}/")
    amounts = page.locator(f"#decide-{cast.oil.pk} [name=quantity]")
    bob, eve = amounts.nth(0), amounts.nth(1)
    eve.fill("1")
    bob.fill("3")
    bob.press("Enter")
    expect(page.get_by_text("Everything is sorted out.", exact=True)).to_be_visible()

    page.goto(f"/runs/{cast.run.pk}/costs/")
    page.get_by_label("What for").fill("Fuel")
    page.get_by_role("button", name="Remove Deposit").click()
    expect(page.get_by_role("button", name="Remove Deposit")).to_have_count(0)
    expect(page.get_by_label("What for")).to_have_value("Fuel")


def test_a_refused_form_keeps_what_was_typed_and_leads_to_the_mistake(enter):
    cast = stage(states.SHOPPING)
    page = enter(cast.alice)
    page.goto(f"/runs/{cast.run.pk}/costs/")
    page.get_by_label("What for").fill("Fuel")
    page.get_by_label("Amount").fill("about 7")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".errors")).to_be_focused()
    expect(page.get_by_label("Amount")).to_have_value("about 7")
    expect(page.get_by_label("What for")).to_have_value("Fuel")
    assert page.title().startswith("Error: ")


def test_a_card_opened_by_hand_stays_open_until_its_person_has_everything(enter):
    cast = stage(states.DISTRIBUTING)
    page = enter(cast.alice)
    page.goto(f"/runs/{cast.run.pk}/")
    card = page.locator(f"#person-{cast.eve.pk}")
    if card.get_attribute("open") is None:
        card.locator("> summary").click()
    page.get_by_role("button", name=f"{cast.bob.name} has paid").click()
    expect(page.get_by_role("button", name=f"Unmark {cast.bob.name}'s payment")).to_be_visible()
    expect(card).to_have_attribute("open", "")
    page.get_by_role("button", name=f"{cast.eve.name} has everything").click()
    done = page.locator(f"#person-{cast.eve.pk}-all")
    expect(done).to_be_visible()
    expect(done).not_to_have_attribute("open", "")


# --- Looks -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("theme", "bright"), [("light", True), ("dark", False), ("system", False)])
def test_the_theme_of_the_account_wins_over_the_device(enter, theme, bright):
    mara = make_user("Mara", theme=theme)
    page = enter(mara, color_scheme="dark")
    page.goto("/")
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    lightness = page.evaluate(
        """(colour) => {
            const context = new OffscreenCanvas(1, 1).getContext("2d");
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return context.getImageData(0, 0, 1, 1).data[0];
        }""",
        colour,
    )
    assert (lightness > 128) == bright


def test_the_sheets_of_a_run_can_be_printed(enter):
    cast = stage(states.DISTRIBUTING)
    page = enter(cast.bob)
    page.goto(f"/runs/{cast.run.pk}/print/")
    page.emulate_media(media="print")
    for hidden in (".topbar", ".bottomnav", "[data-print]"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.get_by_role("heading", name="By product")).to_be_visible()
    slips = page.locator(".slip")
    assert slips.count() == 2
    first, second = slips.nth(0).bounding_box(), slips.nth(1).bounding_box()
    assert first["y"] == second["y"], "two slips stand in a row"
    sheet = page.pdf(format="A4", prefer_css_page_size=True)
    assert sheet.startswith(b"%PDF")
    assert sheet.count(b"/Type /Page\n") == 2, "one page by product, one by person"
