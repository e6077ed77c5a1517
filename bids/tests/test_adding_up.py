"""Spec 6: sums shown on a page, a print or in a file equal the rows shown there, whoever reads them."""

import pytest

from bids import states
from bids.actions import costs, distribution
from bids.actions.costs import correct_total, set_paid
from bids.actions.runs import lock_list, start_shopping
from bids.models import Purchase
from bids.reading.sums import owed_by_person
from bulq.tests.client import signed_in
from stores.tests.factories import make_offer, make_product

from . import adding_up
from .cast import D, leave_the_shop, stage
from .factories import go_shopping, order, purchase

pytestmark = pytest.mark.django_db


def with_costs(one):
    """A deposit that leaves odd cents, and a discount."""
    grain = 1 if one.run.currency == "JPY" else D("0.01")
    for label, amount in (("Deposit", 7 + grain), ("Loyalty", -3 - grain)):
        costs.add_extra_cost(one.run, label=label, amount=D(amount), by=one.alice)


def handed_out(currency="EUR"):
    """With extra costs, somebody who gets nothing of what they wanted, a correction after Bob has paid, and a gift."""
    one = stage(states.SHOPPING, currency=currency)
    purchase(one.run, one.oil, 8, "40")
    purchase(one.run, one.gouda, "2.9", "27")
    purchase(one.run, one.gouda, "0.1", "0")
    with_costs(one)
    leave_the_shop(one.run)
    owed = owed_by_person(one.run)
    set_paid(one.run, one.bob, True, owed=owed[one.part_of(one.bob).pk], by=one.alice)
    gouda = Purchase.objects.filter(item__run=one.run, total=27).get()
    correct_total(gouda, D(20), was=D(27), by=one.alice)
    return one


def over():
    one = handed_out()
    distribution.complete(one.run, waiting=distribution.not_picked_up(one.run).count(), by=one.alice)
    return one


def only_extra_costs():
    """Nothing was bought; what was spent beside it is the payer's."""
    one = stage(states.SHOPPING)
    costs.add_extra_cost(one.run, label="Fuel", amount=D(5), by=one.alice)
    leave_the_shop(one.run, payer=one.bob)
    return one


def with_prices(state):
    one = stage(states.ACTIVE)
    make_offer(one.oil, one.run.store, pack_size=6, price="31.99", quantity=6)
    order(one.run, one.bob, make_product("Salt"), 2)
    order(one.run, one.hana, one.gouda, "0.5")
    make_offer(one.gouda, one.run.store, price="11.11")
    if state == states.SHOPPING:
        go_shopping(one.run)
        purchase(one.run, one.gouda, 2, "22.22")
    return one


def sorting_out():
    one = stage(states.SHOPPING)
    purchase(one.run, one.oil, 7, "40.01")
    purchase(one.run, one.gouda, "2", "13.37")
    with_costs(one)
    leave_the_shop(one.run)
    return one


PAGES = [
    (handed_out, "", adding_up.hand_out),
    (lambda: handed_out("JPY"), "", adding_up.hand_out),
    (over, "", adding_up.hand_out),
    (only_extra_costs, "", adding_up.hand_out),
    (handed_out, "?by=product", adding_up.by_product),
    (handed_out, "costs/", adding_up.costs),
    (sorting_out, "costs/", adding_up.costs),
    (sorting_out, "force/", adding_up.slips),
    (handed_out, "print/", adding_up.slips),
    (lambda: handed_out("JPY"), "print/", adding_up.slips),
    (only_extra_costs, "print/", adding_up.slips),
    (lambda: with_prices(states.ACTIVE), "", adding_up.board),
    (lambda: with_prices(states.SHOPPING), "", adding_up.shop),
]


@pytest.mark.slow
@pytest.mark.parametrize(("situation", "address", "read"), PAGES)
def test_what_a_page_shows_adds_up(situation, address, read):
    one, seen = situation(), 0
    for user in (one.alice, one.bob, one.hana, one.dora):
        answer = signed_in(user).get(f"/runs/{one.run.pk}/{address}")
        if answer.status_code == 403:  # the preview is the leader's, files are for those who take part
            continue
        html = answer.content.decode()
        for rows, said in read(adding_up.tree(html)):
            assert rows == said, (user, rows, said)
            seen += 1
    assert seen


@pytest.mark.parametrize("situation", [handed_out, lambda: handed_out("JPY"), over, only_extra_costs])
def test_what_a_file_holds_adds_up(situation):
    one = situation()
    client, address = signed_in(one.bob), f"/runs/{one.run.pk}/export"
    sums = [
        *adding_up.csv_sums(client.get(f"{address}.csv").content.decode()),
        *adding_up.json_sums(client.get(f"{address}.json").json()),
    ]
    assert len(sums) >= 6
    assert [pair for pair in sums if pair[0] != pair[1]] == []


@pytest.mark.slow
def test_no_debt_is_shown_below_zero_and_no_two_directions_as_one_sum():
    """Hana owes Alice, who gives Bob some back: nowhere is either below zero, or one set off against the other."""
    one = over()
    owed = {name: owed_by_person(one.run)[one.part_of(getattr(one, name)).pk] for name in ("bob", "hana")}
    back = one.part_of(one.bob).paid_amount - owed["bob"]
    assert 0 < back < owed["hana"]
    wrong = [f"-€{back:f}", f"\u2212€{back:f}", f"€{owed['hana'] - back:f}"]
    addresses = ["/", "/me/", "/inbox/", f"/groups/{one.group.pk}/"]
    addresses += [f"/runs/{one.run.pk}/{part}" for part in ("", "?by=product", "history/", "print/", "costs/")]
    for user in (one.alice, one.bob, one.hana, one.dora):
        for address in addresses:
            page = adding_up.tree(signed_in(user).get(address).content.decode())
            # A column of the balances says with a sign who gives and who gets.
            for table in page.all("table", class_="balances"):
                table.children.clear()
            assert [text for text in wrong if text in page.text] == [], (user, address)
    document = signed_in(one.bob).get(f"/runs/{one.run.pk}/export.json").json()
    facts = {person["id"]: (D(person["still_owes"] or 0), D(person["gets_back"] or 0)) for person in document["people"]}
    assert (facts[one.bob.pk], facts[one.hana.pk]) == ((0, back), (owed["hana"], 0))


def test_what_the_shop_will_cost_is_one_sum_before_it_and_in_it():
    """Whole packs at the last price: 2 packs of 6, and 3.5 kg; how many lines have no price is said beside it."""
    one = with_prices(states.ACTIVE)
    lock_list(one.run, by=one.alice)
    page = signed_in(one.alice).get(f"/runs/{one.run.pk}/").content.decode()
    assert "Take about €102.87 with you." in page
    assert "1 product has no price yet and is not in this sum." in " ".join(page.split())
    start_shopping(one.run, by=one.alice)
    page = " ".join(signed_in(one.alice).get(f"/runs/{one.run.pk}/").content.decode().split())
    assert "about €102.87 to go" in page
    assert "+ 1 without a price" in page
