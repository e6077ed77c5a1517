"""Spec 86: a run is begun again from a past one, and people order what they had last time."""

import pytest

from accounts.tests.factories import make_group
from bids import states
from bids.actions.again import drop_list, order_last_time, undo_last_time
from bids.actions.bidding import Terms, Wish, place_bids
from bids.actions.costs import add_extra_cost
from bids.actions.runs import call_off, start_run
from bids.models import Bid
from bids.reading.again import last_time, usual_here
from bids.reading.board import Board
from bids.reading.invariants import problems
from bulq.kit.errors import ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in
from stores.tests.factories import make_product

from .cast import D, stage
from .factories import go_shopping, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """A past run in which Alice wanted 2 oil, Bob 4 oil and 3 gouda; and the run that was begun from it."""
    scene = stage(states.COMPLETED)
    scene.past = scene.run
    scene.run = start_run(scene.group, store=scene.past.store, by=scene.alice, again_of=scene.past)
    return scene


def order_of(scene, user, run=None):
    bids = Bid.objects.of_run(run or scene.run).filter(participation__user=user).order_by("product")
    return [(bid.product, bid.quantity, bid.limit, bid.all_or_nothing, bid.instead) for bid in bids]


class TestLastTime:
    def test_all_of_it_is_ordered_with_its_terms(self, scene):
        Bid.objects.of_run(scene.past).filter(product=scene.oil).update(
            limit=9, all_or_nothing=True, substitute_text="rape"
        )
        event, left_out = order_last_time(scene.run, by=scene.bob)
        assert left_out == []
        assert order_of(scene, scene.bob) == order_of(scene, scene.bob, scene.past)
        assert order_of(scene, scene.bob)[0][1:] == (4, 9, True, "rape")
        assert event.data["count"] == 2
        assert problems() == []

    def test_what_is_on_the_order_already_stays(self, scene):
        order(scene.run, scene.bob, scene.oil, 1)
        order_last_time(scene.run, by=scene.bob)
        assert scene.wanted(scene.bob, scene.oil) == 1
        assert scene.wanted(scene.bob, scene.gouda) == 3
        assert order_last_time(scene.run, by=scene.bob) == (None, [])

    def test_undo_takes_off_what_is_still_as_it_was_ordered(self, scene):
        event, _left_out = order_last_time(scene.run, by=scene.bob)
        order(scene.run, scene.bob, scene.oil, 5)
        assert undo_last_time(scene.run, event, by=scene.bob) == 1
        assert [line[:2] for line in order_of(scene, scene.bob)] == [(scene.oil, 5)]
        with pytest.raises(ChangedMeanwhile):
            undo_last_time(scene.run, event, by=scene.bob)

    def test_what_cannot_come_along_is_named(self, scene):
        scene.oil.step = 3
        scene.oil.save()
        _event, left_out = order_last_time(scene.run, by=scene.bob)
        assert left_out == [scene.oil.name]
        assert scene.wanted(scene.bob, scene.gouda) == 3

    def test_it_is_the_newest_run_at_this_store_in_which_the_person_wanted_something(self, scene):
        newer = start_run(scene.group, store=scene.past.store, by=scene.alice)
        order(newer, scene.alice, scene.gouda, 1)
        this = start_run(scene.group, store=scene.past.store, by=scene.alice)
        assert last_time(this, scene.bob).run == scene.past
        assert last_time(this, scene.alice).run == newer
        call_off(newer, by=scene.alice)
        assert last_time(this, scene.alice).run == scene.past
        assert last_time(this, scene.dora).run is None

    def test_nothing_of_another_group_or_store(self, scene):
        group = make_group("Elsewhere", admin=scene.bob)
        other = start_run(group, store=scene.past.store, by=scene.bob)
        assert last_time(other, scene.bob).run is None

    def test_maybe_is_nothing_to_order_again(self, scene):
        Bid.objects.of_run(scene.past).update(quantity=None)
        assert last_time(scene.run, scene.bob).run is None


def test_usual_is_what_was_wanted_in_two_of_the_last_three_runs(scene):
    tabs = make_product()
    for products in ([tabs], [tabs, scene.gouda], []):
        run = start_run(scene.group, store=scene.past.store, by=scene.alice)
        for product in products:
            place_bids(run, [Wish(product.pk, D(1))], by=scene.alice)
    this = start_run(scene.group, store=scene.past.store, by=scene.alice)
    assert usual_here(this) == [tabs.pk]
    assert usual_here(scene.run) == []


class TestTheListOfLastTime:
    @pytest.fixture
    def listed(self, scene):
        scene.run = start_run(
            scene.group, store=scene.past.store, by=scene.alice, again_of=scene.past, brings_list=True
        )
        return scene

    def test_its_products_stand_there_though_nobody_wants_them(self, listed):
        board = Board(listed.run)
        assert {row.product.pk for row in board.rows} == {listed.oil.pk, listed.gouda.pk}
        assert [row.wanted for row in board.rows] == [0, 0]
        assert (board.estimate, board.open_packs) == (0, 0)
        go = order(listed.run, listed.bob, listed.oil, 1)
        assert go is None
        go_shopping(listed.run)
        assert [item.product for item in listed.run.items.all()] == [listed.oil]

    def test_the_leader_takes_off_what_nobody_wants(self, listed):
        with pytest.raises(NotAllowed):
            drop_list(listed.run, by=listed.bob)
        order(listed.run, listed.bob, listed.oil, 1)
        drop_list(listed.run, by=listed.alice)
        listed.run.refresh_from_db()
        assert [row.product.pk for row in Board(listed.run).rows] == [listed.oil.pk]


class TestThePages:
    def test_a_past_run_brings_store_note_and_list(self, scene):
        client, url = signed_in(scene.alice), f"/groups/{scene.group.pk}/runs/new/?again={scene.past.pk}"
        page = client.get(url).text
        assert f"Again: {scene.past}." in page
        assert "The list of last time: 2 products" in page
        made = client.post(url, {"store": scene.past.store_id, "brings_list": "1"}, follow=True)
        run = scene.group.runs.newest_first().first()
        assert made.status_code == 200
        assert (run.again_of, run.brings_list) == (scene.past, True)

    @pytest.mark.parametrize("past", ["x", "", "0", "999999", "1e9", "-1", "9" * 30])
    def test_an_unknown_past_run_is_none(self, scene, past):
        page = signed_in(scene.alice).get(f"/groups/{scene.group.pk}/runs/new/?again={past}")
        assert page.status_code == 200
        assert "Again:" not in page.text

    def test_a_run_of_another_group_is_no_past_run(self, scene):
        group = make_group("Elsewhere", admin=scene.dora)
        page = signed_in(scene.dora).get(f"/groups/{group.pk}/runs/new/?again={scene.past.pk}").text
        assert "Again:" not in page

    def test_its_extra_costs_are_proposed(self, scene):
        order(scene.run, scene.bob, scene.oil, 1)
        scene.past.extra_costs.create(label="Fuel", amount=12, added_by=scene.alice)
        go_shopping(scene.run)
        client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/costs/"
        assert "Last time: Fuel, €12.00" in client.get(url).text
        add_extra_cost(scene.run, label="Fuel", amount=D(11), by=scene.alice)
        assert "Last time" not in client.get(url).text

    def test_one_tap_adds_the_amount_of_last_time(self, scene):
        client, url = signed_in(scene.bob), f"/runs/{scene.run.pk}/add/"
        page = client.get(url).text
        assert "What you had last time" in page
        assert f'value="{scene.oil.pk}=4"' in page
        assert page.count(f'id="q-{scene.oil.pk}"') == 1
        assert "What you had last time" not in client.get(url + "?q=oil").text
        form = {f"q-{scene.oil.pk}": "", f"was-{scene.oil.pk}": "", "add": f"{scene.oil.pk}=4"}
        assert client.post(f"/runs/{scene.run.pk}/order/?on=add", form).status_code == 302
        assert scene.wanted(scene.bob, scene.oil) == 4
        form["add"] = f"{scene.oil.pk}=x"
        assert client.post(f"/runs/{scene.run.pk}/order/?on=add", form).status_code == 422

    def test_all_of_it_and_back(self, scene):
        client = signed_in(scene.bob)
        page = client.post(f"/runs/{scene.run.pk}/again/", follow=True).text
        assert "2 products of last time are on your order" in page
        assert "all added" in page
        [undo] = {part.split('"')[0] for part in page.split('action="') if "/again/undo/" in part.split('"')[0]}
        assert "off your order again" in client.post(undo, follow=True).text
        assert order_of(scene, scene.bob) == []


def test_terms_are_kept_when_ordered_again_by_name(scene):
    place_bids(scene.run, [Wish(scene.oil.pk, D(4), terms=Terms(instead=scene.gouda.name))], by=scene.bob)
    this = start_run(scene.group, store=scene.past.store, by=scene.alice)
    order_last_time(this, by=scene.bob)
    assert Bid.objects.of_run(this).get(product=scene.oil).substitute == scene.gouda
