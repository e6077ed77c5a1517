"""Spec 33 to 38: a run moves from state to state, is called off, and finds its ways back."""

import pytest
from django.http import Http404

from accounts.actions import groups
from bids import states
from bids.actions import bidding, distribution, lead, runs, shopping
from bids.models import Allocation, ShoppingItem
from bids.reading.invariants import problems
from bids.reading.sums import debts_of
from bids.states import COLLECTING, ENDED, TRANSITIONS, RunState
from bulq.kit.errors import BulqError, NotAllowed

from .cast import WAY, D, leave_the_shop, stage
from .factories import make_run, order, purchase

pytestmark = pytest.mark.django_db
EVERY = [*WAY, states.CANCELLED]
OPEN = [state for state in EVERY if state not in ENDED]


def ready(one, *people):
    for person in people:
        bidding.set_ready(one.run, True, by=person)


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
    (runs.stop_shopping, {states.SHOPPING}),
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
    @pytest.mark.parametrize("state", EVERY)
    def test_an_action_starts_from_its_own_states_only(self, state):
        """Spec 38: several actions end in the same state; none does the work of another."""
        one = stage(state)
        version = one.run.version
        for action in (action for action, origins in MOVES if state not in origins):
            with pytest.raises(BulqError):
                action(one.run, by=one.alice)
        assert (one.state, one.run.version) == (state, version)
        assert problems() == []

    @pytest.mark.parametrize(("action", "origins"), MOVES, ids=IDS)
    def test_only_the_leader_moves_a_run(self, action, origins):
        """Spec 40: not a helper, not a group admin; from outside there is no run."""
        one = stage(origin := min(origins, key=EVERY.index))
        for user in (one.hana, one.bob, one.adam):
            with pytest.raises(NotAllowed, match="Only Alice"):
                action(one.run, by=user)
        with pytest.raises(Http404):
            action(one.run, by=one.charlie)
        assert one.state == origin

    def test_the_first_bid_of_anybody_but_the_leader_makes_a_run_active(self):
        """Spec 33."""
        one = stage(states.PLANNING)
        order(one.run, one.alice, one.gouda, 1)
        assert one.state == states.PLANNING
        order(one.run, one.dora, one.gouda, None)
        assert one.state == states.ACTIVE

    def test_so_does_a_change_of_leader_when_the_old_one_has_wishes(self):
        one = stage(states.PLANNING)
        lead.offer_lead(one.run, one.hana, by=one.alice)
        lead.accept_lead(one.run, by=one.hana)
        assert one.state == states.ACTIVE
        assert problems() == []

    def test_locking_names_who_was_still_choosing_and_unlocking_keeps_the_others_ready(self):
        """Spec 33, 39."""
        one = stage(states.ACTIVE)
        ready(one, one.bob)
        assert runs.still_choosing(one.run) == [one.alice, one.hana]
        runs.lock_list(one.run, by=one.alice)
        assert one.last_event().data["still_choosing"] == ["Alice", "Hana"]
        runs.unlock_list(one.run, by=one.alice)
        assert one.state == states.ACTIVE
        assert one.part_of(one.bob).is_ready

    def test_nobody_goes_shopping_without_a_real_bid(self):
        """Spec 33: “Maybe” is none."""
        run = make_run()
        stage_product = stage(states.PLANNING).oil
        order(run, run.leader, stage_product, None)
        runs.lock_list(run, by=run.leader)
        with pytest.raises(BulqError, match="nothing to shop for"):
            runs.start_shopping(run, by=run.leader)

    def test_the_list_has_one_line_for_each_product_that_somebody_really_wants(self):
        """Spec 33, 44."""
        one = stage(states.ACTIVE)
        order(one.run, one.dora, stage(states.PLANNING).oil, None)
        runs.lock_list(one.run, by=one.alice)
        runs.start_shopping(one.run, by=one.alice)
        assert {item.product for item in one.run.items.all()} == {one.oil, one.gouda}

    def test_each_move_is_recorded_with_its_actor_and_time(self):
        """Spec 38."""
        one = stage(states.ACTIVE)
        before = one.run.state_at
        runs.lock_list(one.run, by=one.alice)
        event = one.last_event()
        assert (event.kind, event.actor) == ("run_moved", one.alice)
        assert (event.data["origin"], event.data["to"]) == (states.ACTIVE, states.CONFIRMED)
        assert one.fresh().state_at > before


class TestWaysBack:
    """Spec 37."""

    def test_from_the_shop_while_nothing_is_bought(self):
        one = stage(states.SHOPPING)
        purchase(one.run, one.oil, 1, "5")
        with pytest.raises(BulqError, match="already been bought"):
            runs.stop_shopping(one.run, by=one.alice)
        shopping.undo_purchase(one.run.items.get(product=one.oil).purchases.get(), by=one.alice)
        runs.stop_shopping(one.run, by=one.alice)
        assert one.state == states.CONFIRMED
        assert not ShoppingItem.objects.filter(run=one.run).exists()

    def test_from_sorting_out_bids_stay_as_they_are_now(self):
        one = stage(states.ADJUSTING)
        distribution.sort_out(one.run, one.gouda, D("2.5"), was=D(3), by=one.bob)
        distribution.back_to_shopping(one.run, by=one.alice)
        assert one.state == states.SHOPPING
        assert one.wanted(one.bob, one.gouda) == D("2.5")
        assert one.run.items.get(product=one.oil).purchases.count() == 1

    def test_from_the_hand_out_allocations_and_shares_go_while_nothing_is_picked_up(self):
        one = stage(states.DISTRIBUTING)
        rows = Allocation.objects.filter(bid__participation__user=one.bob)
        distribution.set_picked_up(one.run, rows, True, by=one.hana)
        with pytest.raises(BulqError, match="already been picked up"):
            distribution.back_to_shopping(one.run, by=one.alice)
        distribution.set_picked_up(one.run, rows, False, by=one.hana)
        distribution.back_to_shopping(one.run, by=one.alice)
        assert one.state == states.SHOPPING
        assert not Allocation.objects.filter(item__run=one.run).exists()
        assert debts_of(one.bob) == ([], [])
        leave_the_shop(one.run)
        assert one.state == states.DISTRIBUTING
        assert problems() == []

    def test_from_the_end_to_the_hand_out_and_only_there_when_something_was_bought(self):
        one = stage(states.COMPLETED)
        with pytest.raises(BulqError, match="only go back to the hand-out"):
            distribution.back_to_shopping(one.run, by=one.alice)
        distribution.reopen_hand_out(one.run, by=one.alice)
        assert one.state == states.DISTRIBUTING

    def test_from_the_end_to_the_shop_and_only_there_when_nothing_was_bought(self):
        one = stage(states.SHOPPING)
        leave_the_shop(one.run)
        assert one.state == states.COMPLETED
        with pytest.raises(BulqError, match="nothing to hand out"):
            distribution.reopen_hand_out(one.run, by=one.alice)
        distribution.back_to_shopping(one.run, by=one.alice)
        assert one.state == states.SHOPPING

    def test_a_run_is_not_reopened_in_an_archived_group_or_beyond_the_limit(self, settings):
        """Spec 18, 21: it would be an open run again."""
        one = stage(states.COMPLETED)
        settings.OPEN_RUNS_PER_GROUP = 1
        other = runs.start_run(one.group, store=one.run.store, by=one.bob)
        with pytest.raises(BulqError, match="as many open runs"):
            distribution.reopen_hand_out(one.run, by=one.alice)
        runs.call_off(other, by=one.bob)
        groups.archive_group(one.group.pk, by=one.adam)
        with pytest.raises(BulqError, match="archived"):
            distribution.reopen_hand_out(one.run, by=one.alice)
        assert one.state == states.COMPLETED
        assert problems() == []


class TestCallingOff:
    """Spec 36."""

    @pytest.mark.parametrize("state", [state for state in WAY if state in states.CAN_BE_CALLED_OFF])
    def test_before_the_hand_out_nobody_owes_anything_after_it(self, state):
        one = stage(state)
        runs.call_off(one.run, by=one.alice)
        assert one.state == states.CANCELLED
        assert debts_of(one.bob) == ([], [])
        assert problems() == []

    def test_once_goods_are_handed_out_it_is_refused(self):
        one = stage(states.DISTRIBUTING)
        with pytest.raises(BulqError, match="being handed out"):
            runs.call_off(one.run, by=one.alice)

    def test_it_is_final(self):
        one = stage(states.CANCELLED)
        assert TRANSITIONS[states.CANCELLED] == set()
        for to in RunState:
            with pytest.raises(BulqError, match="moved on to “Called off”"):
                runs.move_run(one.run, to, by=one.alice)

    def test_a_request_to_lead_ends_with_the_run(self):
        """Spec 41."""
        one = stage(states.ACTIVE)
        lead.offer_lead(one.run, one.bob, by=one.alice)
        runs.call_off(one.run, by=one.alice)
        assert one.fresh().lead_offered_to is None
