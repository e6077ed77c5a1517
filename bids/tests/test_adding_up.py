"""Spec 6: sums on a page, on paper or in a file equal the rows shown with them, for every reader."""

import pytest

from bids import states
from bids.actions import costs, distribution, receipts
from bids.actions.costs import correct_total, set_paid
from bids.actions.runs import lock_list, start_shopping
from bids.models import Purchase
from bids.reading.receipts import comparison_of
from bids.reading.sums import owed_by_person
from bulq.tests.client import signed_in
from stores.tests.factories import make_offer, make_product

from . import adding_up
from .cast import D, leave_the_shop, stage
from .factories import go_shopping, order, purchase

pytestmark = pytest.mark.django_db


def with_costs(scene):
    """A deposit that leaves odd cents, and a discount."""
    grain = 1 if scene.run.currency == "JPY" else D("0.01")
    for label, amount in (("Deposit", 7 + grain), ("Loyalty", -3 - grain)):
        costs.add_extra_cost(scene.run, label=label, amount=D(amount), by=scene.alice)


def handed_out(currency="EUR"):
    """With extra costs, someone who gets nothing they ordered, a correction after Bob has paid, and a gift."""
    scene = stage(states.SHOPPING, currency=currency)
    purchase(scene.run, scene.oil, 8, "40")
    purchase(scene.run, scene.gouda, "2.9", "27")
    purchase(scene.run, scene.gouda, "0.1", "0")
    with_costs(scene)
    leave_the_shop(scene.run)
    owed = owed_by_person(scene.run)
    set_paid(scene.run, scene.bob, True, owed=owed[scene.part_of(scene.bob).pk], by=scene.alice)
    gouda = Purchase.objects.filter(item__run=scene.run, total=27).get()
    correct_total(gouda, D(20), was=D(27), by=scene.alice)
    return scene


def over():
    scene = handed_out()
    distribution.complete(scene.run, waiting=distribution.not_picked_up(scene.run).count(), by=scene.alice)
    return scene


def only_extra_costs():
    """Nothing was bought; the payer bears the extra costs."""
    scene = stage(states.SHOPPING)
    costs.add_extra_cost(scene.run, label="Fuel", amount=D(5), by=scene.alice)
    leave_the_shop(scene.run, payer=scene.bob)
    return scene


def with_prices(state):
    scene = stage(states.ACTIVE)
    make_offer(scene.oil, scene.run.store, pack_size=6, price="31.99", quantity=6)
    order(scene.run, scene.bob, make_product("Salt"), 2)
    order(scene.run, scene.hana, scene.gouda, "0.5")
    make_offer(scene.gouda, scene.run.store, price="11.11")
    if state == states.SHOPPING:
        go_shopping(scene.run)
        purchase(scene.run, scene.gouda, 2, "22.22")
    return scene


def sorting_out():
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 7, "40.01")
    purchase(scene.run, scene.gouda, "2", "13.37")
    with_costs(scene)
    leave_the_shop(scene.run)
    return scene


def with_receipts():
    """A difference, part of which the payer took."""
    scene = handed_out()
    receipts.add_receipt(scene.run, amount=D("70.00"), label="Till 4", by=scene.alice)
    receipts.leave_to_payer(scene.run, seen=comparison_of(scene.run).version, by=scene.alice)
    receipts.add_receipt(scene.run, amount=D("1.11"), by=scene.hana)
    costs.add_extra_cost(scene.run, label="Crate", amount=D(2), how="person", person=scene.bob, by=scene.alice)
    costs.add_extra_cost(scene.run, label="Bags", amount=D("1.01"), how="equal", by=scene.alice)
    return scene


PAGES = [
    (with_receipts, "", adding_up.whys),
    (handed_out, "", adding_up.whys),
    (handed_out, "?by=product", adding_up.whys),
    (lambda: handed_out("JPY"), "", adding_up.whys),
    (over, "", adding_up.folds),
    (handed_out, "", adding_up.folds),
    (over, "", adding_up.whys),
    (only_extra_costs, "", adding_up.whys),
    (sorting_out, "", adding_up.whys),
    (sorting_out, "force/", adding_up.whys),
    (handed_out, "print/", adding_up.ways),
    (lambda: with_prices(states.ACTIVE), "estimate/", adding_up.estimate),
    (with_receipts, "costs/", adding_up.costs),
    (with_receipts, "", adding_up.hand_out),
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
def test_sums_on_a_page_add_up(situation, address, read):
    scene, seen = situation(), 0
    for user in (scene.alice, scene.bob, scene.hana, scene.dora):
        answer = signed_in(user).get(f"/runs/{scene.run.pk}/{address}")
        if answer.status_code == 403:  # the preview is the leader's, files are for those who take part
            continue
        html = answer.content.decode()
        for rows, shown in read(adding_up.tree(html)):
            assert rows == shown, (user, rows, shown)
            seen += 1
    assert seen


@pytest.mark.parametrize("situation", [handed_out, lambda: handed_out("JPY"), over, only_extra_costs])
def test_sums_in_a_file_add_up(situation):
    scene = situation()
    client, address = signed_in(scene.bob), f"/runs/{scene.run.pk}/export"
    sums = [
        *adding_up.csv_sums(client.get(f"{address}.csv").content.decode()),
        *adding_up.json_sums(client.get(f"{address}.json").json()),
    ]
    assert len(sums) >= 6
    assert [pair for pair in sums if pair[0] != pair[1]] == []


@pytest.mark.slow
def test_no_debt_is_shown_below_zero_and_the_two_directions_are_never_netted():
    """Hana owes Alice, who gives Bob some back: neither is ever shown below zero, or netted against the other."""
    scene = over()
    owed = {name: owed_by_person(scene.run)[scene.part_of(getattr(scene, name)).pk] for name in ("bob", "hana")}
    back = scene.part_of(scene.bob).paid_amount - owed["bob"]
    assert 0 < back < owed["hana"]
    wrong = [f"-€{back:f}", f"\u2212€{back:f}", f"€{owed['hana'] - back:f}"]
    addresses = ["/", "/me/", "/inbox/", f"/groups/{scene.group.pk}/"]
    addresses += [f"/runs/{scene.run.pk}/{part}" for part in ("", "?by=product", "history/", "print/", "costs/")]
    for user in (scene.alice, scene.bob, scene.hana, scene.dora):
        for address in addresses:
            page = adding_up.tree(signed_in(user).get(address).content.decode())
            # A column of the balances shows by its sign who gives and who gets.
            for table in page.find_all("table", class_="balances"):
                table.children.clear()
            assert [text for text in wrong if text in page.text] == [], (user, address)
    document = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/export.json").json()
    facts = {person["id"]: (D(person["still_owes"] or 0), D(person["gets_back"] or 0)) for person in document["people"]}
    assert (facts[scene.bob.pk], facts[scene.hana.pk]) == ((0, back), (owed["hana"], 0))


def test_the_expected_cost_is_the_same_before_and_during_shopping():
    """Whole packs at the last price: 2 packs of 6, and 3.5 kg; the number of lines without a price is shown too."""
    scene = with_prices(states.ACTIVE)
    lock_list(scene.run, by=scene.alice)
    page = signed_in(scene.alice).get(f"/runs/{scene.run.pk}/").content.decode()
    assert "Take about €102.87 with you." in page
    assert "1 product has no price yet and is not in this sum." in " ".join(page.split())
    start_shopping(scene.run, by=scene.alice)
    page = " ".join(signed_in(scene.alice).get(f"/runs/{scene.run.pk}/").content.decode().split())
    assert "about €102.87 to go" in page
    assert "+ 1 without a price" in page
