"""Spec 94, M5: every amount says why it is what it is, and its parts add up to it."""

from contextlib import closing
from decimal import Decimal
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from accounts.tests.factories import make_user
from bids import states
from bids.actions import costs, distribution, merging, shopping
from bids.actions.bidding import Terms, Wish, place_bids
from bids.models import ExtraShare, Participation, Purchase
from bids.reading.division import Division
from bids.reading.lines import lines_of
from bids.reading.reasons import Reason
from bids.reading.why import why_of
from bulq.tests.client import signed_in
from stores.tests.factories import make_offer, make_product, make_weighed_product

from . import adding_up
from .cast import D, leave_the_shop, stage
from .factories import go_shopping, order, purchase
from .test_stateful import PLAY, AnyLife
from .trying import Watch

pytestmark = pytest.mark.django_db


def want(scene, user, product, quantity, limit=None, all_or_nothing=False):
    terms = Terms(limit and D(limit), all_or_nothing, "")
    outcome = place_bids(scene.run, [Wish(product.pk, D(quantity), None, terms=terms)], by=user)
    assert not outcome.refusals


def why(scene, user, product=None):
    people = Participation.objects.filter(run=scene.run, user=user).select_related("run__group")
    [found] = why_of(people).values()
    return found if product is None else next(thing for thing in found.things if thing.line.product == product)


def told(scene, user, product, reader=None):
    """The facts on the hand-out page about a thing: `{term: text}`, of several with one term the last."""
    bid = scene.part_of(user).bids.get(product=product)
    page = adding_up.tree(signed_in(reader or scene.bob).get(f"/runs/{scene.run.pk}/").content.decode())
    fold = page.find("details", id=f"why-{bid.pk}")
    return dict(zip((dt.text for dt in fold.find_all("dt")), (dd.text for dd in fold.find_all("dd")), strict=True))


def force(scene):
    seen = Division(scene.run, lines_of(scene.run)).fingerprint()
    distribution.force_hand_out(scene.run, seen=seen, by=scene.alice)
    scene.fresh()


@pytest.fixture
def scene():
    return stage(states.ACTIVE)


class TestAThing:
    def test_a_pack_that_was_filled(self, scene):
        """The example of spec 94: 2, up to 4, of a pack of 12, is 3 of 12 and 3/12 of 13.80."""
        tea = make_product("Tea")
        make_offer(tea, scene.run.store, pack_size=12, price="13.80", quantity=12)
        want(scene, scene.bob, tea, 2, 4)
        want(scene, scene.hana, tea, 8, 10)
        go_shopping(scene.run)
        purchase(scene.run, tea, 12, "13.80")
        leave_the_shop(scene.run)
        assert told(scene, scene.bob, tea) == {
            "Wanted": "2 pieces, up to 4 pieces is fine",
            "Bought": "12 pieces for €13.80, 1 pack of 12",
            "Filled": "10 pieces wanted in all, 2 pieces more bought: 1 piece of it in this share, as is fine",
            "Cost": "3/12 of €13.80 = €3.45",
        }

    def test_too_little_is_shared_in_proportion_or_all_or_nothing(self, scene):
        tea = make_product("Tea")
        want(scene, scene.bob, tea, 4, all_or_nothing=True)
        want(scene, scene.hana, tea, 5)
        want(scene, scene.alice, tea, 3)
        want(scene, scene.bob, scene.oil, 6, all_or_nothing=True)
        go_shopping(scene.run)
        purchase(scene.run, tea, 10, "20")
        purchase(scene.run, scene.oil, 4, "20")
        leave_the_shop(scene.run)
        force(scene)
        assert told(scene, scene.hana, tea)["Too little"] == "Only 10 for 12 pieces wished, shared in proportion"
        whole = "Only 10 for 12 pieces wished. This order was all or nothing, and it fits"
        assert told(scene, scene.bob, tea)["Too little"] == whole
        nothing = told(scene, scene.bob, scene.oil)
        assert (
            nothing["Too little"] == "Only 4 for 10 pieces wished. This order was all or nothing, and it does not fit"
        )
        assert nothing["Cost"] == "Nothing received: €0.00"
        assert why(scene, scene.hana, scene.oil).reason == Reason.AS_WANTED

    def test_what_was_weighed_is_rounded_without_a_lot(self):
        scene = stage(states.DISTRIBUTING, gouda="3.1")
        facts = told(scene, scene.bob, scene.gouda)
        assert facts["Weighed"] == "3.1 on the scales for 3 kg wished, shared in proportion"
        assert facts["Cost"] == "3.1/3.1 of €27.00 = €27.00"

    def test_what_nobody_took_fell_to_the_leader_who_had_ordered_none(self, scene):
        tea = make_product("Tea")
        order(scene.run, scene.bob, tea, 2)
        go_shopping(scene.run)
        purchase(scene.run, tea, 4, "8")
        leave_the_shop(scene.run)
        force(scene)
        facts = told(scene, scene.alice, tea)
        assert (facts["Wanted"], facts["Left over"]) == (
            "None of it",
            "Nobody took 2 pieces of it, so it fell to the leader",
        )
        thing = why(scene, scene.bob, tea)
        assert (thing.reason, thing.all_wanted) == (Reason.AS_WANTED, 2)

    def test_the_odd_cent_was_drawn_by_lot_only_where_remainders_are_equal(self, scene):
        honey, salt = make_product("Honey"), make_product("Salt")
        for user in (scene.alice, scene.bob, scene.hana):
            order(scene.run, user, honey, 1)
        order(scene.run, scene.bob, salt, 2)
        order(scene.run, scene.hana, salt, 1)
        go_shopping(scene.run)
        purchase(scene.run, honey, 3, "10.00")
        purchase(scene.run, salt, 3, "1.00")
        leave_the_shop(scene.run)
        cents = {user: why(scene, user, honey) for user in (scene.alice, scene.bob, scene.hana)}
        assert sorted(thing.cost for thing in cents.values()) == [D("3.33"), D("3.33"), D("3.34")]
        for user, thing in cents.items():
            assert thing.odd_cent.is_by_lot
            assert thing.odd_cent.is_up == (thing.cost == D("3.34"))
            share = "this share" if thing.odd_cent.is_up else "someone else's share"
            text = f"It doesn't come out even. By lot, the odd €0.01 is in {share}"
            facts = told(scene, user, honey)
            assert (facts["The odd one"], facts["Cost"]) == (text, f"1/3 of €10.00 = €{thing.cost}")
        facts = told(scene, scene.bob, salt)
        assert facts["Rounded"] == "Exactly it is €0.6667, rounded so that all shares come to €1.00"
        assert "The odd one" not in facts

    def test_an_odd_piece_was_drawn_by_lot_too(self, scene):
        tea = make_product("Tea")
        want(scene, scene.bob, tea, 2, 4)
        want(scene, scene.hana, tea, 2, 4)
        go_shopping(scene.run)
        purchase(scene.run, tea, 5, "10")
        leave_the_shop(scene.run)
        things = [why(scene, user, tea) for user in (scene.bob, scene.hana)]
        assert sorted((thing.share.quantity, thing.odd_piece.is_up) for thing in things) == [(2, False), (3, True)]
        assert all(thing.odd_piece.is_by_lot for thing in things)

    def test_a_gift_and_what_was_not_there_cost_nothing(self, scene):
        go_shopping(scene.run)
        purchase(scene.run, scene.oil, 8, "0")
        leave_the_shop(scene.run)
        assert told(scene, scene.bob, scene.oil)["Cost"] == "4 of 8, free: €0.00"
        facts = told(scene, scene.bob, scene.gouda)
        assert (facts["Bought"], facts["Cost"]) == ("Not there", "Nothing was bought, so it costs nothing")

    def test_a_total_corrected_during_the_hand_out_says_what_it_was(self):
        scene = stage(states.DISTRIBUTING)
        bought = Purchase.objects.get(item__run=scene.run, item__product=scene.oil)
        costs.correct_total(bought, D(44), was=D(40), by=scene.alice)
        facts = told(scene, scene.bob, scene.oil)
        assert facts["Corrected"].startswith("Alice corrected €40.00 to €44.00 on ")
        assert facts["Cost"] == "4/8 of €44.00 = €22.00"

    def test_a_total_corrected_before_the_hand_out_began_is_no_news(self):
        scene = stage(states.ADJUSTING)
        bought = Purchase.objects.get(item__run=scene.run, item__product=scene.oil)
        costs.correct_total(bought, D(44), was=D(40), by=scene.alice)
        force(scene)
        assert "Corrected" not in told(scene, scene.bob, scene.oil)

    def test_an_order_changed_in_sort_out_says_what_it_was(self):
        scene = stage(states.ADJUSTING)
        distribution.sort_out(scene.run, scene.gouda, D(2), was=D(3), by=scene.bob)
        distribution.finish_sorting(scene.run, by=scene.alice)
        facts = told(scene, scene.bob, scene.gouda)
        assert (facts["Wanted"], facts["Sorted out"]) == ("2 kg", "Changed from 3 kg")

    def test_what_happened_before_the_run_went_back_to_the_shop_is_forgotten(self):
        scene = stage(states.ADJUSTING)
        distribution.sort_out(scene.run, scene.gouda, D(2), was=D(3), by=scene.bob)
        distribution.back_to_shopping(scene.run, by=scene.alice)
        leave_the_shop(scene.fresh())
        assert "Sorted out" not in told(scene, scene.bob, scene.gouda)

    def test_of_two_products_that_became_one_no_fraction_is_shown(self):
        """Trap 38: each was split by itself, and nothing is split again."""
        scene = stage(states.SHOPPING)
        other = make_product("Oyl")
        shopping.add_while_shopping(scene.run, other, quantity=D(3), whose=scene.bob, by=scene.alice)
        purchase(scene.run, scene.oil, 8, "40")
        purchase(scene.run, other, 3, "3.01")
        leave_the_shop(scene.run)
        distribution.complete(scene.run, waiting=3, by=scene.alice)
        merging.merge(other, scene.oil, by=make_user("Root", is_staff=True, is_superuser=True))
        facts = told(scene, scene.bob, scene.oil)
        assert facts["Merged"] == "This was two products then, and each was split by itself"
        assert facts["Cost"] == "7 of 11: €23.01"
        assert {"Rounded", "The odd one"}.isdisjoint(facts)


class TestTheTrip:
    def test_each_way_of_splitting_is_told(self):
        scene = stage(states.DISTRIBUTING)
        for label, amount, how in (("Fuel", "6.70", "value"), ("Card", "-2.00", "value"), ("Bags", "1.00", "equal")):
            costs.add_extra_cost(scene.run, label=label, amount=D(amount), how=how, by=scene.alice)
        costs.add_extra_cost(scene.run, label="Crate", amount=D(3), how="person", person=scene.bob, by=scene.alice)
        page = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/").text
        assert "Fuel €6.70 and Card -€2.00, together €4.70, for goods of €47.00 out of €67.00: €3.30" in page
        assert "Bags €1.00, in 3 equal parts: €0.3" in page
        assert "Crate €3.00, for this person alone: €3.00" in page
        odd = [why(scene, user).parts[1].odd for user in (scene.alice, scene.bob, scene.hana)]
        assert [rounding.is_by_lot for rounding in odd] == [True] * 3

    def test_where_nobody_received_anything_it_stays_with_the_payer(self):
        scene = stage(states.SHOPPING)
        costs.add_extra_cost(scene.run, label="Fuel", amount=D(5), by=scene.alice)
        leave_the_shop(scene.run, payer=scene.bob)
        page = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/").text
        assert "Fuel €5.00. Nobody received anything, so it stays with whoever paid: €5.00" in page

    def test_it_is_told_from_what_is_stored(self):
        """Trap 42: another stored part is another amount told, though a new split would say something else."""
        scene = stage(states.DISTRIBUTING)
        costs.add_extra_cost(scene.run, label="Fuel", amount=D("6.70"), by=scene.alice)
        ExtraShare.objects.filter(participation=scene.part_of(scene.bob)).update(amount=D("1.23"))
        assert why(scene, scene.bob).extra == D("1.23")


def test_many_runs_take_as_many_queries_as_one():
    scene = stage(states.DISTRIBUTING)
    others = [stage(states.DISTRIBUTING) for _ in range(2)]
    for one in (scene, *others):
        costs.add_extra_cost(one.run, label="Fuel", amount=D("6.70"), by=one.alice)
    people = Participation.objects.select_related("run__group")
    few = list(people.filter(run=scene.run, user=scene.bob))
    many = list(people.filter(run__in=[scene.run.pk, *(one.run.pk for one in others)]))
    counts = []
    for some in (few, many):
        with CaptureQueriesContext(connection) as captured:
            found = why_of(some)
        counts.append(len(captured))
        assert {part.pk for part in some} == found.keys()
    assert counts[0] == counts[1] <= 8
    assert why_of([]) == {}


def test_of_a_run_that_is_not_handed_out_there_is_nothing_to_tell():
    scene = stage(states.ACTIVE)
    found = why(scene, scene.bob)
    assert (found.total, found.things) == (0, ())


def test_while_collecting_the_likely_total_says_what_it_is_added_up_of(scene):
    make_offer(scene.oil, scene.run.store, pack_size=6, price="31.99", quantity=6)
    make_offer(scene.gouda, scene.run.store, price="11.11")
    rice = make_weighed_product("Rice")
    order(scene.run, scene.bob, rice, 1)
    want(scene, scene.bob, scene.oil, 4, 8)
    client, address = signed_in(scene.bob), f"/runs/{scene.run.pk}/"
    table = adding_up.tree(client.get(address).content.decode())
    page = adding_up.tree(client.get(f"{address}estimate/").content.decode())
    facts = [dd.text for dd in page.find("dl").find_all("dd")]
    assert facts == [
        "8 pieces at €31.99 for 6 pieces = €42.65", "3 kg × €11.11 = €33.33", "no price yet", "€75.98",
    ]  # fmt: skip
    assert adding_up.first(table.find("section", id="sums")) == Decimal("75.98")
    assert all(rows == shown for rows, shown in adding_up.estimate(page))


@pytest.mark.parametrize("state", [states.CONFIRMED, states.SHOPPING, states.COMPLETED])
def test_the_estimate_is_told_as_long_as_the_order_table_is_shown(state):
    scene = stage(state)
    answer = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/estimate/")
    assert answer.status_code == (200 if state == states.CONFIRMED else 302)


def test_in_sort_out_everyone_sees_what_would_be_theirs_and_why():
    scene = stage(states.ADJUSTING, oil="6")
    page = adding_up.tree(signed_in(scene.bob).get(f"/runs/{scene.run.pk}/").content.decode())
    panel = page.find("section", id="mine-now")
    assert "Only 6 for 8 pieces wished, shared in proportion" in panel.text
    assert "3/6 of €40.00 = €20.00" in panel.text
    force(scene)
    assert why(scene, scene.bob).total == adding_up.first(panel.find("header"))
    outsider = adding_up.tree(signed_in(scene.dora).get(f"/runs/{scene.run.pk}/").content.decode())
    assert list(outsider.find_all("section", id="mine-now")) == []


class AnyWhy(AnyLife):
    """Random people do random things to a run; in the end every page of it is added up, for every reader."""

    # What makes amounts that don't come out even.
    aimed_at = ("buy", "finish_shopping", "force_hand_out", "correct_total", "add_extra_cost")
    seen, odd = 0, 0

    def teardown(self):
        try:
            if self.life:
                self.add_up()
        finally:
            super().teardown()

    def add_up(self):
        run = self.life.run
        pages = {"": (adding_up.whys, adding_up.folds), "?by=product": (adding_up.whys,), "force/": (adding_up.whys,)}
        if run.has_allocations:
            pages["print/"] = (adding_up.ways,)
        if run.stage_page == "board":
            pages["estimate/"] = (adding_up.estimate,)
        for user in [*Random(run.pk).sample(self.life.people, 2), run.leader]:
            for address, readings in pages.items():
                answer = signed_in(user).get(f"/runs/{run.pk}/{address}")
                assert answer.status_code in (200, 302, 403, 404), (address, answer.status_code)
                if answer.status_code == 200:
                    page = adding_up.tree(answer.content.decode())
                    type(self).odd += sum(term.text in ("Rounded", "The odd one") for term in page.find_all("dt"))
                    for rows, shown in (pair for read in readings for pair in read(page)):
                        assert rows == shown, (run.state, address, user, rows, shown)
                        type(self).seen += 1


@pytest.mark.slow
def test_every_amount_of_random_histories_is_what_its_way_adds_up_to():
    """M5."""
    beginnings = [states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED]
    AnyWhy.stages = {
        state: stage(state, currency="JPY" if number % 3 == 1 else "EUR") for number, state in enumerate(beginnings)
    }
    AnyWhy.products, AnyWhy.beginnings = [make_weighed_product("Rice").pk, make_product("Eggs", step=6).pk], beginnings
    with closing(Watch()) as AnyWhy.watch:
        run_state_machine_as_test(AnyWhy, settings=settings(PLAY, max_examples=50, stateful_step_count=30))
    assert AnyWhy.seen > 900
    assert AnyWhy.odd > 200
