"""Four people on phones: from “up to 4 is fine” to the last cent (spec 75 to 82)."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_group, make_user
from bids import states
from bids.models import Allocation, Bid
from bids.reading.invariants import problems
from bids.reading.sums import owed_by_person
from bids.tests.factories import make_run, order
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
# Cents that each owes in the end, worked out by hand: see the comments at each product.
OWED = {"Alice": 1290, "Bob": 1721, "Dora": 3129, "Eve": 2140}


class Trip:
    """A run at Metro, and the four with their phones; a page that was not asked for reloads nothing."""

    def __init__(self, enter, **options):
        self.alice, self.bob, self.dora, self.eve = (make_user(name) for name in ("Alice", "Bob", "Dora", "Eve"))
        group = make_group(admin=self.alice, members=[self.bob, self.dora, self.eve])
        self.store = make_store(currency=group.currency)
        self.run = make_run(leader=self.alice, group=group, store=self.store)
        self.products = {
            # 10 kg for 21.00. Wanted 3, 2 to 4 and 4 to 5: the 1 kg above 9 goes 0.67 to Bob and 0.33 to Dora.
            "Rice": self._product("Rice", unit="kg", kind="divisible", step=1, pack=10, price="21.00"),
            # 12 for 19.80, four for each of three people.
            "Penne": self._product("Penne", pack=12, price="19.80"),
            # Nobody fills the pack: dropped.
            "Tabs": self._product("Tabs", pack=4, price="50.00"),
            # 5 of 7 for 37.00: Eve wants both of hers or none, so Dora gets 3 of 5.
            "Oil": self._product("Oil", pack=7, price="51.80"),
            # Not there: Bob takes jam instead, 2 for 5.00.
            "Honey": self._product("Honey", price="3.00"),
            "Jam": self._product("Jam", price="2.50"),
        }
        people = (self.alice, self.bob, self.dora, self.eve)
        self.phones = {user.name: enter(user, viewport=PHONE, **options) for user in people}

    def _product(self, name, *, pack=None, price, **fields):
        product = make_product(name, **({"unit": "piece"} | fields))
        make_offer(product, self.store, pack_size=pack, price=price, quantity=pack or 1)
        return product

    def page(self, name, path=""):
        page = self.phones[name]
        page.goto(f"/runs/{self.run.pk}/{path}")
        return page

    def line(self, page, product):
        return page.locator(f"#p{self.products[product].pk}")

    def wanted(self, product):
        bids = Bid.objects.of_run(self.run).filter(product=self.products[product])
        return {bid.participation.user.name: (bid.quantity, bid.limit, bid.all_or_nothing) for bid in bids}


@pytest.fixture
def trip(enter):
    return Trip(enter)


def to_buy(page, name):
    return page.locator("li.buy", has=page.locator(".what", has_text=re.compile(f"^{name}$")))


def said(row, text):
    expect(row.locator(".wish summary")).to_contain_text(text, timeout=15_000)


def test_a_whole_run_with_ranges(trip):
    choose(trip)
    fill_the_packs(trip)
    decide_and_lock(trip)
    shop(trip)
    hand_out(trip)
    trip.run.refresh_from_db()
    assert trip.run.state == states.COMPLETED
    owed = owed_by_person(trip.run)
    people = {part.pk: part.user.name for part in trip.run.participations.select_related("user")}
    assert {people[part]: int(total * 100) for part, total in owed.items()} == OWED
    assert problems() == []


def choose(trip):
    for name, product, amount in (
        ("Alice", "Rice", 3), ("Alice", "Penne", 4), ("Bob", "Rice", 1), ("Bob", "Penne", 3), ("Bob", "Honey", 2),
        ("Dora", "Rice", 4), ("Dora", "Tabs", 1), ("Dora", "Oil", 5), ("Eve", "Penne", 4), ("Eve", "Tabs", 1),
        ("Eve", "Oil", 2),
    ):  # fmt: skip
        order(trip.run, getattr(trip, name.lower()), trip.products[product], amount)
    page = trip.page("Bob")
    rice = trip.line(page, "Rice")
    rice.get_by_role("textbox", name="Rice: how much you want").fill("2–4")
    rice.get_by_role("textbox", name="Rice: how much you want").press("Tab")
    said(rice, "up to 4")
    expect(rice.get_by_role("textbox", name="Rice: how much you want")).to_have_value("2")
    honey = trip.line(page, "Honey")
    honey.locator("summary").click()
    honey.get_by_label("Or instead").fill("Jam")
    honey.get_by_label("Or instead").press("Tab")
    said(honey, "or Jam")
    page = trip.page("Dora")
    rice = trip.line(page, "Rice")
    rice.locator("summary").click()
    rice.get_by_role("button", name="Up to more of Rice").click()
    said(rice, "up to 5")
    expect(rice).to_contain_text("fills with what people said is fine")
    page = trip.page("Eve")
    oil = trip.line(page, "Oil")
    oil.locator("summary").click()
    oil.get_by_text("All or nothing").click()
    said(oil, "all or nothing")
    assert trip.wanted("Rice") == {"Alice": (3, None, False), "Bob": (2, 4, False), "Dora": (4, 5, False)}
    assert trip.wanted("Oil")["Eve"] == (2, None, True)


def fill_the_packs(trip):
    page = trip.page("Alice", "packs/")
    page.get_by_role("button", name="Start the last stretch").click()
    expect(page.locator(".toast, .banner").first).to_contain_text("Only full packs from now on")
    page = trip.page("Eve")
    penne = trip.line(page, "Penne")
    penne.get_by_role("button", name="Less Penne").click()
    expect(penne.locator(".error:not([hidden])")).to_contain_text("Stay at 4, or ask Alice.", timeout=15_000)
    page = trip.page("Bob")
    page.get_by_role("button", name="Penne: +1 fills it").click()
    expect(page.locator("#to-fill")).not_to_contain_text("Penne", timeout=15_000)
    assert sum(quantity for quantity, *_rest in trip.wanted("Penne").values()) == 12


def decide_and_lock(trip):
    page = trip.page("Alice")
    page.get_by_role("link", name="Open packs, lock…").click()
    tabs = page.locator("section.panel", has=page.get_by_role("heading", name="Tabs"))
    expect(tabs).to_contain_text("2 pieces over, offered in Sort out; what nobody takes is yours, up to €25.00.")
    tabs.get_by_text("Drop for everybody").click()
    page.get_by_role("button", name="Save and lock…").click()
    expect(page.get_by_role("heading", name="Lock the list?")).to_be_visible()
    assert trip.wanted("Tabs") == {}
    page.get_by_role("button", name="Lock the list").click()
    page.get_by_role("button", name="Start shopping").click()
    expect(page.locator("#h-todo")).to_be_visible()
    dora = trip.phones["Dora"]
    dora.goto("/inbox/")
    expect(dora.locator("main")).to_contain_text("took 1 piece of Tabs off your order: the pack was not full")


def shop(trip):
    page = trip.page("Alice")
    expect(to_buy(page, "Rice")).to_contain_text("9–12 kg wanted")
    page.get_by_role("button", name="Got 10 kg of Rice for €21.00").click()
    expect(page.locator(".toast")).to_contain_text("Rice is in the cart")
    page.get_by_role("button", name="Got 12 pieces of Penne for €19.80").click()
    expect(page.locator(".toast")).to_contain_text("Penne is in the cart")
    oil = to_buy(page, "Oil")
    expect(oil).to_contain_text("Eve: all or nothing")
    oil.locator("summary").first.click()
    oil.get_by_label("How much").fill("5")
    oil.get_by_text("pieces", exact=True).click()
    oil.get_by_role("textbox", name=re.compile("^Price")).fill("37.00")
    oil.get_by_text("all of it").click()
    oil.get_by_role("button", name="Got it").click()
    expect(page.locator(".toast")).to_contain_text("Oil is in the cart")
    honey = to_buy(page, "Honey")
    expect(honey).to_contain_text("Bob: or Jam")
    honey.locator("summary").first.click()
    honey.get_by_role("button", name="Not there").click()
    page.get_by_role("button", name="Bob takes Jam instead: 2 pieces").click()
    expect(page.locator("li.buy", has_text="Bob takes 2 pieces of Jam instead.")).to_be_visible()
    page.get_by_role("button", name="Got 2 pieces of Jam for €5.00").click()
    expect(page.locator(".toast")).to_contain_text("Jam is in the cart")
    page.get_by_role("link", name="Finish…").click()
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("main")).to_contain_text("5 of 7 pieces came. Someone has to take 2 pieces less.")


def hand_out(trip):
    page = trip.page("Alice")
    page.get_by_role("link", name="Divide what is left…").click()
    slip = page.locator("section.panel", has=page.get_by_role("heading", name="Dora"))
    expect(slip).to_contain_text("€31.29")
    expect(slip).to_contain_text("4.33 kg Rice")
    expect(slip).to_contain_text("(asked for 5 pieces)")
    page.get_by_role("button", name="Split like this and start the hand-out").click()
    expect(page.locator(".stages [aria-current]")).to_contain_text("Hand-out")
    bob = trip.page("Bob")
    expect(bob.locator("main")).to_contain_text("€17.21")
    rice = Allocation.objects.get(bid__participation__user=trip.bob, item__product=trip.products["Rice"])
    assert (rice.quantity, rice.cost) == (Decimal("2.67"), Decimal("5.61"))
    for name in ("Bob", "Dora", "Eve"):
        page.get_by_role("button", name=f"{name} has everything").click()
        expect(page.get_by_role("button", name=f"{name} has everything")).to_have_count(0)
        page.get_by_role("button", name=f"{name} has paid").click()
        expect(page.get_by_role("button", name=f"{name} has paid")).to_have_count(0)
    page.get_by_role("link", name="Finish the hand-out…").click()
    page.get_by_role("button", name="Finish the hand-out").click()
    expect(page.locator("main")).to_contain_text("Settled: everything is handed out and paid.")


def test_without_script_the_fold_is_part_of_the_form(enter):
    trip = Trip(enter, java_script_enabled=False)
    order(trip.run, trip.bob, trip.products["Rice"], 2)
    page = trip.page("Bob")
    rice = trip.line(page, "Rice")
    rice.locator("summary").click()
    rice.get_by_label("Up to", exact=True).fill("1")
    rice.get_by_text("All or nothing").click()
    rice.get_by_label("Or instead").fill("couscous")
    page.get_by_role("button", name="Save", exact=True).click()
    rice = trip.line(page, "Rice")
    expect(rice).to_contain_text("“Up to” can't be less than the 2 you want")
    expect(rice.get_by_label("Or instead")).to_have_value("couscous")
    rice.get_by_label("Up to", exact=True).fill("3")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("Your order is saved.")
    said(trip.line(page, "Rice"), "up to 3, all or nothing, or couscous")


def test_a_change_by_somebody_else_leaves_what_is_being_typed(trip):
    """An open fold, half filled in, while the row changes."""
    order(trip.run, trip.bob, trip.products["Rice"], 2)
    page = trip.page("Bob")
    rice = trip.line(page, "Rice")
    rice.locator("summary").click()
    rice.get_by_label("Or instead").fill("cous")
    order(trip.run, trip.dora, trip.products["Rice"], 4)
    expect(rice.locator(".whos")).to_contain_text("Dora 4", timeout=15_000)
    expect(rice.get_by_label("Or instead")).to_have_value("cous")
    expect(rice.locator("details.wish")).to_have_attribute("open", "")
    rice.get_by_label("Or instead").press("Tab")
    said(rice, "or cous")


def test_one_tap_adds_the_amount_of_last_time(trip):
    order(trip.run, trip.bob, trip.products["Rice"], 3)
    trip.run.state = states.CANCELLED
    trip.run.save()
    past = make_run(leader=trip.alice, group=trip.run.group, store=trip.store)
    order(past, trip.bob, trip.products["Oil"], 2)
    trip.run = make_run(leader=trip.alice, group=trip.run.group, store=trip.store)
    page = trip.page("Bob", "add/")
    expect(page.locator(".again")).not_to_contain_text("Rice")  # a run that was called off is none
    page.get_by_role("button", name="Add 2 pieces of Oil to your order").click()
    oil = trip.line(page, "Oil")
    expect(oil.locator(".qty[data-line]")).to_have_attribute("data-was", "2", timeout=15_000)
    oil.locator("summary").click()
    oil.get_by_role("button", name="Up to more of Oil").click()
    said(oil, "up to 3")
    assert trip.wanted("Oil") == {"Bob": (2, 3, False)}


def test_eight_taps_start_a_run_and_order_five_things(trip):
    """Spec 86: from the past run to an order like the last one."""
    for product in ("Rice", "Penne", "Oil", "Honey", "Jam"):
        order(trip.run, trip.alice, trip.products[product], 2)
    trip.run.state = states.COMPLETED
    trip.run.payer = trip.alice
    trip.run.save()
    page = trip.phones["Alice"]
    page.goto(f"/groups/{trip.run.group_id}/")
    taps = (
        ("link", "New run"), ("link", str(trip.run)), ("button", "Start collecting"), ("button", "All of it"),
    )  # fmt: skip
    for role, name in taps:
        page.get_by_role(role, name=name).first.click()
    expect(page.locator(".toast")).to_contain_text("5 products of last time are on your order")
    assert len(taps) <= 8
    assert Bid.objects.filter(participation__user=trip.alice).exclude(participation__run=trip.run).count() == 5
