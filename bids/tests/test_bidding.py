"""Spec 39, 43, 44, 47, 49: people say how much they want, and when they are done."""

import pytest
from django.http import Http404

from bids import states
from bids.actions import bidding, membership, runs
from bids.actions.bidding import Wish, place_bids, place_wish, set_ready, undo_removal
from bids.models import Bid
from bids.reading.invariants import problems
from bids.states import COLLECTING
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from stores.tests.factories import make_product

from .cast import WAY, D, stage
from .factories import order

pytestmark = pytest.mark.django_db
LATER = [state for state in [*WAY, states.CANCELLED] if state not in COLLECTING]


def want(scene, user, product, quantity, whose=None, **fields):
    amount = None if quantity is None else D(quantity)
    return place_bids(scene.run, [Wish(product.pk, amount, **fields)], by=user, whose=whose)


def bid_of(scene, user, product):
    return Bid.objects.get(participation__run=scene.run, participation__user=user, product=product)


@pytest.fixture
def scene():
    return stage(states.ACTIVE)


class TestAWish:
    def test_the_first_wish_makes_someone_a_participant(self, scene):
        """Spec 43; any product of the catalogue, sold at the store or not."""
        want(scene, scene.dora, scene.gouda, "1.5", comment="aged")
        bid = bid_of(scene, scene.dora, scene.gouda)
        assert (bid.quantity, bid.comment) == (D("1.5"), "aged")
        scene.gouda.refresh_from_db()
        assert scene.gouda.is_unit_fixed

    def test_a_second_wish_for_the_same_product_changes_the_first(self, scene):
        want(scene, scene.bob, scene.oil, 6)
        assert bid_of(scene, scene.bob, scene.oil).quantity == 6
        assert scene.last_event().data == {"quantity": "6", "was": "4.00"}

    def test_if_a_form_has_a_product_twice_the_last_line_counts(self, scene):
        """A form can be made to carry a line twice (q-5 and q-05)."""
        product = make_product()
        place_bids(scene.run, [Wish(product.pk, D(1)), Wish(product.pk, D(2))], by=scene.bob)
        assert bid_of(scene, scene.bob, product).quantity == 2

    def test_an_empty_order_changes_nothing(self, scene):
        kinds = scene.kinds()
        assert not place_bids(scene.run, [], by=scene.dora).changed
        assert not want(scene, scene.bob, scene.oil, 4).changed
        assert scene.kinds() == kinds
        assert not scene.run.participations.filter(user=scene.dora).exists()

    @pytest.mark.parametrize(
        ("kind", "quantity", "sentence"),
        [
            ("oil", "1.5", "in steps of 1 piece"),
            ("gouda", "0.3", "in steps of 0.5 kg"),
            ("oil", "100000", "Enter at most 99\u00a0999"),
            ("oil", "-1", "Enter at most 99\u00a0999"),
            ("gouda", "99999.5", "Enter at most 99\u00a0999"),
        ],
    )
    def test_a_quantity_that_cannot_be_chosen_is_refused_with_a_sentence(self, scene, kind, quantity, sentence):
        """Spec 1."""
        product = getattr(scene, kind)
        [[problem]] = want(scene, scene.dora, product, quantity).refusals.values()
        assert sentence in problem
        assert not Bid.objects.filter(participation__user=scene.dora).exists()

    @pytest.mark.parametrize("quantity", ["99999", "0.5"])
    def test_the_bounds_themselves_are_accepted(self, scene, quantity):
        assert not want(scene, scene.dora, scene.gouda, quantity).refusals

    def test_a_quantity_off_the_step_can_stay_but_not_change(self, scene):
        """Spec 1: a new step holds for new entries."""
        type(scene.oil).objects.filter(pk=scene.oil.pk).update(step=3)
        assert not want(scene, scene.bob, scene.oil, 4, comment="still").refusals
        assert want(scene, scene.bob, scene.oil, 5).refusals
        assert not want(scene, scene.bob, scene.oil, 6).refusals

    def test_each_line_of_a_form_is_stored_or_refused_by_itself(self, scene):
        """Spec 47."""
        eggs = make_product("Eggs", step=6)
        wishes = [Wish(eggs.pk, D(5)), Wish(scene.gouda.pk, D(2)), Wish(scene.oil.pk + 10**6, D(1))]
        outcome = place_bids(scene.run, wishes, by=scene.dora)
        assert outcome.refusals.keys() == {eggs.pk, scene.oil.pk + 10**6}
        assert "no longer exists" in outcome.refusals[scene.oil.pk + 10**6][0]
        assert outcome.changed
        assert bid_of(scene, scene.dora, scene.gouda).quantity == 2

    def test_one_wish_is_refused_at_its_field(self, scene):
        with pytest.raises(BulqError, match="steps of 1") as refused:
            place_wish(scene.run, Wish(scene.oil.pk, D("0.5")), by=scene.bob, whose=scene.bob)
        assert refused.value.field == "quantity"


class TestMaybe:
    def test_interest_is_in_no_total_and_stays_interest_when_edited(self, scene):
        """Spec 44."""
        want(scene, scene.dora, scene.oil, None)
        want(scene, scene.dora, scene.oil, None, comment="if it is cold pressed")
        bid = bid_of(scene, scene.dora, scene.oil)
        assert (bid.quantity, bid.comment) == (None, "if it is cold pressed")
        assert bid not in Bid.objects.real()
        assert scene.dora not in runs.still_choosing(scene.run)

    def test_it_can_become_an_order_and_interest_again(self, scene):
        want(scene, scene.dora, scene.oil, None)
        want(scene, scene.dora, scene.oil, 2)
        assert bid_of(scene, scene.dora, scene.oil).quantity == 2
        want(scene, scene.dora, scene.oil, None)
        assert bid_of(scene, scene.dora, scene.oil).quantity is None
        assert scene.last_event().kind == "interested"


class TestTakingOff:
    def test_zero_removes_it_and_undo_restores_quantity_and_comment(self, scene):
        """Spec 43."""
        want(scene, scene.bob, scene.oil, 4, comment="big ones")
        [event] = want(scene, scene.bob, scene.oil, 0).removed
        assert not scene.part_of(scene.bob).bids.filter(product=scene.oil).exists()
        for _twice in range(2):
            undo_removal(scene.run, event, by=scene.bob)
        bid = bid_of(scene, scene.bob, scene.oil)
        assert (bid.quantity, bid.comment) == (4, "big ones")
        assert problems() == []

    def test_undo_restores_interest_too(self, scene):
        want(scene, scene.bob, scene.oil, None, comment="perhaps")
        [event] = want(scene, scene.bob, scene.oil, 0).removed
        undo_removal(scene.run, event, by=scene.bob)
        bid = bid_of(scene, scene.bob, scene.oil)
        assert (bid.quantity, bid.comment) == (None, "perhaps")

    def test_undo_does_not_overwrite_a_newer_order(self, scene):
        [event] = want(scene, scene.bob, scene.oil, 0).removed
        want(scene, scene.bob, scene.oil, 7)
        with pytest.raises(BulqError, match="was changed to 7"):
            undo_removal(scene.run, event, by=scene.bob)
        assert bid_of(scene, scene.bob, scene.oil).quantity == 7

    def test_only_its_owner_or_the_leader_can_undo_it(self, scene):
        [event] = want(scene, scene.bob, scene.oil, 0).removed
        with pytest.raises(NotAllowed):
            undo_removal(scene.run, event, by=scene.hana)
        undo_removal(scene.run, event, by=scene.alice)
        assert bid_of(scene, scene.bob, scene.oil).quantity == 4


class TestStaleForms:
    """D6: what the page showed is no longer true, so nothing is overwritten."""

    @pytest.mark.parametrize(("was", "now"), [(None, "4"), ("3", "4"), ("4", "nothing")])
    def test_the_line_is_refused_and_the_sentence_names_the_stored_quantity(self, scene, was, now):
        if now == "nothing":
            want(scene, scene.bob, scene.oil, 0)
        shown = None if was is None else D(was)
        [[problem]] = want(scene, scene.bob, scene.oil, 5, was=shown).refusals.values()
        assert problem == f"This was changed to {now}. Check it, then save again."
        assert scene.wanted(scene.bob, scene.oil) == (None if now == "nothing" else 4)

    def test_asking_for_the_stored_quantity_is_no_conflict(self, scene):
        assert not want(scene, scene.bob, scene.oil, 4, was=D(3)).refusals

    def test_a_quantity_that_the_page_showed_can_be_changed(self, scene):
        want(scene, scene.bob, scene.oil, 5, was=D(4))
        assert scene.wanted(scene.bob, scene.oil) == 5


class TestLimits:
    def test_the_limit_counts_only_products_new_to_the_run(self, scene, settings):
        """Spec 21, 44."""
        settings.PRODUCTS_PER_RUN = 3
        first, second = make_product(), make_product()
        outcome = place_bids(scene.run, [Wish(first.pk, None), Wish(second.pk, D(1))], by=scene.dora)
        assert outcome.refusals == {second.pk: ["This run already has as many products as it can hold."]}
        assert not want(scene, scene.dora, scene.oil, 1).refusals
        assert not want(scene, scene.hana, first, 1).refusals
        assert not want(scene, scene.dora, second, 0).refusals


class TestReady:
    def test_setting_it_twice_is_not_a_toggle(self, scene):
        """Spec 39."""
        for _twice in range(2):
            set_ready(scene.run, True, by=scene.bob)
        assert scene.part_of(scene.bob).is_ready
        assert scene.kinds().count("ready") == 1
        set_ready(scene.run, False, by=scene.bob)
        assert not scene.part_of(scene.bob).is_ready

    @pytest.mark.parametrize("by", ["bob", "alice"])
    def test_any_change_to_a_persons_order_clears_it(self, scene, by):
        """Spec 39."""
        for user in (scene.bob, scene.hana):
            set_ready(scene.run, True, by=user)
        want(scene, getattr(scene, by), scene.oil, 5, whose=scene.bob)
        assert not scene.part_of(scene.bob).is_ready
        assert scene.part_of(scene.hana).is_ready

    def test_a_form_that_changes_nothing_does_not_clear_it(self, scene):
        set_ready(scene.run, True, by=scene.bob)
        want(scene, scene.bob, scene.oil, 4)
        want(scene, scene.bob, scene.oil, "1.5")
        assert scene.part_of(scene.bob).is_ready

    def test_someone_who_is_not_in_the_run_has_to_choose_first(self, scene):
        with pytest.raises(BulqError, match="Choose something first"):
            set_ready(scene.run, True, by=scene.dora)


class TestLeavingTheRun:
    def test_the_order_is_dropped_and_the_membership_stays(self, scene):
        """Spec 39."""
        membership.leave_run(scene.run, by=scene.bob)
        assert not Bid.objects.filter(participation__user=scene.bob).exists()
        assert scene.group.memberships.filter(user=scene.bob).exists()
        with pytest.raises(ChangedMeanwhile, match="are not taking part"):
            membership.leave_run(scene.run, by=scene.bob)
        order(scene.run, scene.bob, scene.oil, 1)
        assert scene.part_of(scene.bob).left_at is None

    def test_the_leader_has_to_hand_over_or_call_off(self, scene):
        with pytest.raises(BulqError, match="You lead this run"):
            membership.leave_run(scene.run, by=scene.alice)

    @pytest.mark.parametrize("state", LATER)
    def test_only_while_people_are_choosing(self, state):
        scene = stage(state)
        with pytest.raises(BulqError, match="Ask Alice"):
            membership.leave_run(scene.run, by=scene.bob)


class TestTheLeader:
    """Spec 49."""

    def test_can_change_and_remove_any_order_and_it_is_recorded(self, scene):
        want(scene, scene.alice, scene.oil, 3, whose=scene.bob)
        event = scene.last_event()
        assert (event.kind, event.actor, event.subject) == ("ordered", scene.alice, scene.bob)
        want(scene, scene.alice, scene.oil, 0, whose=scene.bob)
        assert scene.last_event().subject == scene.bob
        assert scene.wanted(scene.bob, scene.oil) is None

    def test_nobody_else_can(self, scene):
        for user in (scene.hana, scene.adam, scene.dora):
            with pytest.raises(NotAllowed):
                want(scene, user, scene.oil, 3, whose=scene.bob)
        with pytest.raises(Http404):
            want(scene, scene.charlie, scene.oil, 3)
        with pytest.raises(Http404):
            want(scene, scene.alice, scene.oil, 3, whose=scene.charlie)
        assert scene.wanted(scene.bob, scene.oil) == 4


@pytest.mark.parametrize("state", LATER)
def test_once_the_list_is_locked_nobody_can_change_it(state):
    """Spec 43: not the leader either."""
    scene = stage(state)
    for user, whose in ((scene.bob, None), (scene.alice, scene.bob)):
        with pytest.raises(ChangedMeanwhile, match="The list is locked"):
            want(scene, user, scene.oil, 5, whose=whose)
    if state != states.ADJUSTING:  # there, being ready means keeping the order
        with pytest.raises(ChangedMeanwhile, match="already locked"):
            bidding.set_ready(scene.run, True, by=scene.bob)
