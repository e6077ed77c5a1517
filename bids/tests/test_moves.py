"""Spec 33 to 38: a run moves from state to state, back, or is called off."""

import contextlib

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from accounts.actions import groups
from bids import states
from bids.actions import bidding, distribution, lead, runs, shopping
from bids.models import Allocation, ShoppingItem
from bids.reading.invariants import problems
from bids.reading.sums import debts_of
from bids.states import COLLECTING, ENDED, TRANSITIONS, RunState
from bulq.kit.errors import BulqError, NotAllowed
from bulq.tests.planned import written_out

from .cast import WAY, D, leave_the_shop, stage
from .factories import make_run, order, purchase

pytestmark = pytest.mark.django_db
EVERY = [*WAY, states.CANCELLED]
OPEN = [state for state in EVERY if state not in ENDED]


def ready(scene, *people):
    for person in people:
        bidding.set_ready(scene.run, True, by=person)


def complete(run, *, by):
    return distribution.complete(run, waiting=distribution.not_picked_up(run).count(), by=by)


def finish(run, *, by):
    return shopping.finish_shopping(run, payer=by, open_lines=2, by=by)


def force(run, *, by):
    return distribution.force_hand_out(run, seen="", by=by)


# action, the states it starts from
MOVES = [
    (runs.lock_list, COLLECTING),
    (runs.unlock_list, {states.CONFIRMED}),
    (runs.start_shopping, {states.CONFIRMED}),
    (shopping.stop_shopping, {states.SHOPPING}),
    (finish, {states.SHOPPING}),
    (distribution.finish_sorting, {states.ADJUSTING}),
    (force, {states.ADJUSTING}),
    (complete, {states.DISTRIBUTING}),
    (distribution.reopen_hand_out, {states.COMPLETED}),
    (distribution.back_to_shopping, {states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED}),
    (runs.call_off, states.CAN_BE_CALLED_OFF),
]
IDS = [action.__name__ for action, _origins in MOVES]


class TestMoves:
    @pytest.mark.parametrize(("action", "origins"), MOVES, ids=IDS)
    def test_an_action_locks_its_run_once(self, action, origins):
        scene = stage(sorted(origins)[0])
        with CaptureQueriesContext(connection) as queries, contextlib.suppress(BulqError):
            action(scene.run, by=scene.alice)
        assert sum('FOR NO KEY UPDATE OF "bids_run"' in written_out(query["sql"]) for query in queries) == 1

    @pytest.mark.parametrize("state", EVERY)
    def test_an_action_starts_only_from_its_own_states(self, state):
        """Spec 38: several actions end in the same state; none does another's work."""
        scene = stage(state)
        kinds = scene.kinds()
        for action in (action for action, origins in MOVES if state not in origins):
            with pytest.raises(BulqError):
                action(scene.run, by=scene.alice)
        assert (scene.state, scene.kinds()) == (state, kinds)
        assert problems() == []

    @pytest.mark.parametrize(("action", "origins"), MOVES, ids=IDS)
    def test_only_the_leader_moves_a_run(self, action, origins):
        """Spec 40: not a helper, not a group admin; from outside there is no run."""
        scene = stage(origin := min(origins, key=EVERY.index))
        for user in (scene.hana, scene.bob, scene.adam):
            with pytest.raises(NotAllowed, match="Only Alice"):
                action(scene.run, by=user)
        with pytest.raises(Http404):
            action(scene.run, by=scene.charlie)
        assert scene.state == origin

    def test_the_first_bid_by_anyone_but_the_leader_makes_a_run_active(self):
        """Spec 33."""
        scene = stage(states.PLANNING)
        order(scene.run, scene.alice, scene.gouda, 1)
        assert scene.state == states.PLANNING
        order(scene.run, scene.dora, scene.gouda, None)
        assert scene.state == states.ACTIVE

    def test_handing_over_makes_it_active_when_the_old_leader_has_ordered(self):
        scene = stage(states.PLANNING)
        lead.offer_lead(scene.run, scene.hana, by=scene.alice)
        lead.accept_lead(scene.run, by=scene.hana)
        assert scene.state == states.ACTIVE
        assert problems() == []

    def test_locking_records_who_was_still_choosing_and_unlocking_keeps_the_others_ready(self):
        """Spec 33, 39."""
        scene = stage(states.ACTIVE)
        ready(scene, scene.bob)
        assert runs.still_choosing(scene.run) == [scene.alice, scene.hana]
        runs.lock_list(scene.run, by=scene.alice)
        assert scene.last_event().data["still_choosing"] == ["Alice", "Hana"]
        runs.unlock_list(scene.run, by=scene.alice)
        assert scene.state == states.ACTIVE
        assert scene.part_of(scene.bob).is_ready

    def test_nobody_goes_shopping_without_a_real_bid(self):
        """Spec 33: “Maybe” is not one."""
        run = make_run()
        stage_product = stage(states.PLANNING).oil
        order(run, run.leader, stage_product, None)
        runs.lock_list(run, by=run.leader)
        with pytest.raises(BulqError, match="nothing to shop for"):
            runs.start_shopping(run, by=run.leader)

    def test_the_list_has_one_line_for_each_product_that_someone_ordered(self):
        """Spec 33, 44."""
        scene = stage(states.ACTIVE)
        order(scene.run, scene.dora, stage(states.PLANNING).oil, None)
        runs.lock_list(scene.run, by=scene.alice)
        runs.start_shopping(scene.run, by=scene.alice)
        assert {item.product for item in scene.run.items.all()} == {scene.oil, scene.gouda}

    def test_each_move_is_recorded_with_its_actor_and_time(self):
        """Spec 38."""
        scene = stage(states.ACTIVE)
        before = scene.run.state_at
        runs.lock_list(scene.run, by=scene.alice)
        event = scene.last_event()
        assert (event.kind, event.actor) == ("run_moved", scene.alice)
        assert (event.data["origin"], event.data["to"]) == (states.ACTIVE, states.CONFIRMED)
        assert scene.fresh().state_at > before


class TestWaysBack:
    """Spec 37."""

    def test_from_shopping_while_nothing_is_bought(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 1, "5")
        with pytest.raises(BulqError, match="already been bought"):
            shopping.stop_shopping(scene.run, by=scene.alice)
        shopping.undo_purchase(scene.run.items.get(product=scene.oil).purchases.get(), by=scene.alice)
        shopping.stop_shopping(scene.run, by=scene.alice)
        assert scene.state == states.CONFIRMED
        assert not ShoppingItem.objects.filter(run=scene.run).exists()

    def test_from_sorting_out_and_orders_stay_as_they_are(self):
        scene = stage(states.ADJUSTING)
        distribution.sort_out(scene.run, scene.gouda, D("2.5"), was=D(3), by=scene.bob)
        distribution.back_to_shopping(scene.run, by=scene.alice)
        assert scene.state == states.SHOPPING
        assert scene.wanted(scene.bob, scene.gouda) == D("2.5")
        assert scene.run.items.get(product=scene.oil).purchases.count() == 1

    def test_from_the_hand_out_while_nothing_is_picked_up_and_allocations_are_dropped(self):
        scene = stage(states.DISTRIBUTING)
        rows = Allocation.objects.filter(bid__participation__user=scene.bob)
        distribution.set_picked_up(scene.run, rows, True, by=scene.hana)
        with pytest.raises(BulqError, match="already been picked up"):
            distribution.back_to_shopping(scene.run, by=scene.alice)
        distribution.set_picked_up(scene.run, rows, False, by=scene.hana)
        distribution.back_to_shopping(scene.run, by=scene.alice)
        assert scene.state == states.SHOPPING
        assert not Allocation.objects.filter(item__run=scene.run).exists()
        assert debts_of(scene.bob) == ([], [])
        leave_the_shop(scene.run)
        assert scene.state == states.DISTRIBUTING
        assert problems() == []

    def test_from_the_end_only_to_the_hand_out_when_something_was_bought(self):
        scene = stage(states.COMPLETED)
        with pytest.raises(BulqError, match="only go back to the hand-out"):
            distribution.back_to_shopping(scene.run, by=scene.alice)
        distribution.reopen_hand_out(scene.run, by=scene.alice)
        assert scene.state == states.DISTRIBUTING

    def test_from_the_end_only_to_shopping_when_nothing_was_bought(self):
        scene = stage(states.SHOPPING)
        leave_the_shop(scene.run)
        assert scene.state == states.COMPLETED
        with pytest.raises(BulqError, match="nothing to hand out"):
            distribution.reopen_hand_out(scene.run, by=scene.alice)
        distribution.back_to_shopping(scene.run, by=scene.alice)
        assert scene.state == states.SHOPPING

    def test_a_run_is_not_reopened_in_an_archived_group_or_beyond_the_limit(self, settings):
        """Spec 18, 21: it would be an open run again."""
        scene = stage(states.COMPLETED)
        settings.OPEN_RUNS_PER_GROUP = 1
        other = runs.start_run(scene.group, store=scene.run.store, by=scene.bob)
        with pytest.raises(BulqError, match="as many open runs"):
            distribution.reopen_hand_out(scene.run, by=scene.alice)
        runs.call_off(other, by=scene.bob)
        groups.archive_group(scene.group.pk, by=scene.adam)
        with pytest.raises(BulqError, match="archived"):
            distribution.reopen_hand_out(scene.run, by=scene.alice)
        assert scene.state == states.COMPLETED
        assert problems() == []


class TestCallingOff:
    """Spec 36."""

    @pytest.mark.parametrize("state", [state for state in WAY if state in states.CAN_BE_CALLED_OFF])
    def test_a_run_called_off_before_the_hand_out_leaves_no_debts(self, state):
        scene = stage(state)
        runs.call_off(scene.run, by=scene.alice)
        assert scene.state == states.CANCELLED
        assert debts_of(scene.bob) == ([], [])
        assert problems() == []

    def test_it_is_refused_once_goods_are_handed_out(self):
        scene = stage(states.DISTRIBUTING)
        with pytest.raises(BulqError, match="being handed out"):
            runs.call_off(scene.run, by=scene.alice)

    def test_it_is_final(self):
        scene = stage(states.CANCELLED)
        assert TRANSITIONS[states.CANCELLED] == set()
        for to in RunState:
            with pytest.raises(BulqError, match="moved on to “Called off”"):
                runs.move_run(scene.run, to, by=scene.alice)

    def test_a_request_to_lead_ends_with_the_run(self):
        """Spec 41."""
        scene = stage(states.ACTIVE)
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
        runs.call_off(scene.run, by=scene.alice)
        assert scene.fresh().lead_offered_to is None
