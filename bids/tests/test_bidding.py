"""Spec 39, 43, 44, 47, 49: people say how much they want, and when they are done."""

import pytest
from django.http import Http404

from bids import states
from bids.actions import bidding, runs
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


def want(one, user, product, quantity, whose=None, **said):
    amount = None if quantity is None else D(quantity)
    return place_bids(one.run, [Wish(product.pk, amount, **said)], by=user, whose=whose)


def bid_of(one, user, product):
    return Bid.objects.get(participation__run=one.run, participation__user=user, product=product)


@pytest.fixture
def one():
    return stage(states.ACTIVE)


class TestAWish:
    def test_the_first_one_makes_the_part_in_the_run(self, one):
        """Spec 43; any product of the catalogue, sold at the store or not."""
        want(one, one.dora, one.gouda, "1.5", comment="aged")
        bid = bid_of(one, one.dora, one.gouda)
        assert (bid.quantity, bid.comment) == (D("1.5"), "aged")
        one.gouda.refresh_from_db()
        assert one.gouda.is_unit_fixed

    def test_a_second_one_for_the_same_product_changes_the_first(self, one):
        want(one, one.bob, one.oil, 6)
        assert bid_of(one, one.bob, one.oil).quantity == 6
        assert one.last_event().data == {"quantity": "6", "was": "4.00"}

    def test_of_two_for_one_product_in_one_form_the_last_counts(self, one):
        """A form can be made to carry a line twice (q-5 and q-05)."""
        product = make_product()
        place_bids(one.run, [Wish(product.pk, D(1)), Wish(product.pk, D(2))], by=one.bob)
        assert bid_of(one, one.bob, product).quantity == 2

    def test_none_at_all_changes_nothing(self, one):
        version = one.run.version
        assert not place_bids(one.run, [], by=one.dora).changed
        assert not want(one, one.bob, one.oil, 4).changed
        assert one.fresh().version == version
        assert not one.run.participations.filter(user=one.dora).exists()

    @pytest.mark.parametrize(
        ("kind", "quantity", "sentence"),
        [
            ("oil", "1.5", "in steps of 1 piece"),
            ("gouda", "0.3", "in steps of 0.5 kg"),
            ("oil", "100000", "Enter at most 99,999"),
            ("oil", "-1", "Enter at most 99,999"),
            ("gouda", "99999.5", "Enter at most 99,999"),
        ],
    )
    def test_a_quantity_that_cannot_be_chosen_is_refused_with_a_sentence(self, one, kind, quantity, sentence):
        """Spec 1."""
        product = getattr(one, kind)
        [[problem]] = want(one, one.dora, product, quantity).refusals.values()
        assert sentence in problem
        assert not Bid.objects.filter(participation__user=one.dora).exists()

    @pytest.mark.parametrize("quantity", ["99999", "0.5"])
    def test_the_bounds_themselves_are_taken(self, one, quantity):
        assert not want(one, one.dora, one.gouda, quantity).refusals

    def test_a_quantity_off_the_step_may_stay_but_not_change(self, one):
        """Spec 1: a new step holds for new entries."""
        type(one.oil).objects.filter(pk=one.oil.pk).update(step=3)
        assert not want(one, one.bob, one.oil, 4, comment="still").refusals
        assert want(one, one.bob, one.oil, 5).refusals
        assert not want(one, one.bob, one.oil, 6).refusals

    def test_each_line_of_a_form_is_stored_or_refused_by_itself(self, one):
        """Spec 47."""
        eggs = make_product("Eggs", step=6)
        wishes = [Wish(eggs.pk, D(5)), Wish(one.gouda.pk, D(2)), Wish(one.oil.pk + 10**6, D(1))]
        outcome = place_bids(one.run, wishes, by=one.dora)
        assert outcome.refusals.keys() == {eggs.pk, one.oil.pk + 10**6}
        assert "no longer exists" in outcome.refusals[one.oil.pk + 10**6][0]
        assert outcome.changed
        assert bid_of(one, one.dora, one.gouda).quantity == 2

    def test_one_wish_is_refused_at_its_field(self, one):
        with pytest.raises(BulqError, match="steps of 1") as refused:
            place_wish(one.run, Wish(one.oil.pk, D("0.5")), by=one.bob, whose=one.bob)
        assert refused.value.field == "quantity"


class TestMaybe:
    def test_interest_counts_in_no_total_and_stays_interest_when_edited(self, one):
        """Spec 44."""
        want(one, one.dora, one.oil, None)
        want(one, one.dora, one.oil, None, comment="if it is cold pressed")
        bid = bid_of(one, one.dora, one.oil)
        assert (bid.quantity, bid.comment) == (None, "if it is cold pressed")
        assert bid not in Bid.objects.real()
        assert one.dora not in runs.still_choosing(one.run)

    def test_it_becomes_real_and_back(self, one):
        want(one, one.dora, one.oil, None)
        want(one, one.dora, one.oil, 2)
        assert bid_of(one, one.dora, one.oil).quantity == 2
        want(one, one.dora, one.oil, None)
        assert bid_of(one, one.dora, one.oil).quantity is None
        assert one.last_event().kind == "interested"


class TestTakingOff:
    def test_zero_takes_it_off_and_undo_brings_quantity_and_comment_back(self, one):
        """Spec 43."""
        want(one, one.bob, one.oil, 4, comment="big ones")
        [event] = want(one, one.bob, one.oil, 0).removed
        assert not one.part_of(one.bob).bids.filter(product=one.oil).exists()
        for _twice in range(2):
            undo_removal(one.run, event, by=one.bob)
        bid = bid_of(one, one.bob, one.oil)
        assert (bid.quantity, bid.comment) == (4, "big ones")
        assert problems() == []

    def test_so_it_does_with_interest(self, one):
        want(one, one.bob, one.oil, None, comment="perhaps")
        [event] = want(one, one.bob, one.oil, 0).removed
        undo_removal(one.run, event, by=one.bob)
        assert (bid_of(one, one.bob, one.oil).quantity, bid_of(one, one.bob, one.oil).comment) == (None, "perhaps")

    def test_undo_does_not_overwrite_what_was_wished_since(self, one):
        [event] = want(one, one.bob, one.oil, 0).removed
        want(one, one.bob, one.oil, 7)
        with pytest.raises(BulqError, match="was changed to 7"):
            undo_removal(one.run, event, by=one.bob)
        assert bid_of(one, one.bob, one.oil).quantity == 7

    def test_nobody_else_but_the_leader_undoes_it(self, one):
        [event] = want(one, one.bob, one.oil, 0).removed
        with pytest.raises(NotAllowed):
            undo_removal(one.run, event, by=one.hana)
        undo_removal(one.run, event, by=one.alice)
        assert bid_of(one, one.bob, one.oil).quantity == 4


class TestStaleForms:
    """D6: what the page showed is no longer there; nothing is overwritten."""

    @pytest.mark.parametrize(("was", "now"), [(None, "4"), ("3", "4"), ("4", "nothing")])
    def test_the_line_is_refused_naming_what_is_there_now(self, one, was, now):
        if now == "nothing":
            want(one, one.bob, one.oil, 0)
        shown = None if was is None else D(was)
        [[problem]] = want(one, one.bob, one.oil, 5, was=shown).refusals.values()
        assert problem == f"This was changed to {now}. Check it, then save again."
        assert one.wanted(one.bob, one.oil) == (None if now == "nothing" else 4)

    def test_asking_for_what_is_there_already_is_no_conflict(self, one):
        assert not want(one, one.bob, one.oil, 4, was=D(3)).refusals

    def test_what_the_page_showed_is_changed(self, one):
        want(one, one.bob, one.oil, 5, was=D(4))
        assert one.wanted(one.bob, one.oil) == 5


class TestLimits:
    def test_the_limit_counts_only_products_new_to_the_run(self, one, settings):
        """Spec 21, 44."""
        settings.PRODUCTS_PER_RUN = 3
        first, second = make_product(), make_product()
        outcome = place_bids(one.run, [Wish(first.pk, None), Wish(second.pk, D(1))], by=one.dora)
        assert outcome.refusals == {second.pk: ["This run already has as many products as it can hold."]}
        assert not want(one, one.dora, one.oil, 1).refusals
        assert not want(one, one.hana, first, 1).refusals
        assert not want(one, one.dora, second, 0).refusals


class TestReady:
    def test_set_is_not_toggle(self, one):
        """Spec 39."""
        for _twice in range(2):
            set_ready(one.run, True, by=one.bob)
        assert one.part_of(one.bob).is_ready
        assert one.kinds().count("ready") == 1
        set_ready(one.run, False, by=one.bob)
        assert not one.part_of(one.bob).is_ready

    @pytest.mark.parametrize("by", ["bob", "alice"])
    def test_it_is_cleared_for_a_person_whose_bids_change_by_whoever(self, one, by):
        """Spec 39."""
        for user in (one.bob, one.hana):
            set_ready(one.run, True, by=user)
        want(one, getattr(one, by), one.oil, 5, whose=one.bob)
        assert not one.part_of(one.bob).is_ready
        assert one.part_of(one.hana).is_ready

    def test_what_changes_nothing_does_not_clear_it(self, one):
        set_ready(one.run, True, by=one.bob)
        want(one, one.bob, one.oil, 4)
        want(one, one.bob, one.oil, "1.5")
        assert one.part_of(one.bob).is_ready

    def test_somebody_without_a_part_chooses_first(self, one):
        with pytest.raises(BulqError, match="Choose something first"):
            set_ready(one.run, True, by=one.dora)


class TestLeavingTheRun:
    def test_wishes_go_and_the_group_stays(self, one):
        """Spec 39."""
        runs.leave_run(one.run, by=one.bob)
        assert not Bid.objects.filter(participation__user=one.bob).exists()
        assert one.group.memberships.filter(user=one.bob).exists()
        with pytest.raises(ChangedMeanwhile, match="are not taking part"):
            runs.leave_run(one.run, by=one.bob)
        order(one.run, one.bob, one.oil, 1)
        assert one.part_of(one.bob).left_at is None

    def test_the_leader_hands_over_or_calls_off(self, one):
        with pytest.raises(BulqError, match="You lead this run"):
            runs.leave_run(one.run, by=one.alice)

    @pytest.mark.parametrize("state", LATER)
    def test_only_while_the_run_collects(self, state):
        one = stage(state)
        with pytest.raises(BulqError, match="Ask Alice"):
            runs.leave_run(one.run, by=one.bob)


class TestTheLeader:
    """Spec 49."""

    def test_changes_and_retracts_anybodys_bid_and_it_is_recorded(self, one):
        want(one, one.alice, one.oil, 3, whose=one.bob)
        event = one.last_event()
        assert (event.kind, event.actor, event.subject) == ("ordered", one.alice, one.bob)
        want(one, one.alice, one.oil, 0, whose=one.bob)
        assert one.last_event().subject == one.bob
        assert one.wanted(one.bob, one.oil) is None

    def test_nobody_else_does(self, one):
        for user in (one.hana, one.adam, one.dora):
            with pytest.raises(NotAllowed):
                want(one, user, one.oil, 3, whose=one.bob)
        with pytest.raises(Http404):
            want(one, one.charlie, one.oil, 3)
        with pytest.raises(Http404):
            want(one, one.alice, one.oil, 3, whose=one.charlie)
        assert one.wanted(one.bob, one.oil) == 4


@pytest.mark.parametrize("state", LATER)
def test_once_the_list_is_locked_nobody_changes_it(state):
    """Spec 43: not the leader either."""
    one = stage(state)
    for user, whose in ((one.bob, None), (one.alice, one.bob)):
        with pytest.raises(ChangedMeanwhile, match="The list is locked"):
            want(one, user, one.oil, 5, whose=whose)
    if state != states.ADJUSTING:  # there it says that one wants nothing changed
        with pytest.raises(ChangedMeanwhile, match="already locked"):
            bidding.set_ready(one.run, True, by=one.bob)
