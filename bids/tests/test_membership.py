"""Spec 23, 24: what becomes of a person's part in runs when they leave the group, are removed, or come back."""

import pytest
from django.http import Http404

from accounts.actions.membership import end_membership, ending_preview, join_group
from accounts.actions.people import close_account
from accounts.models import Membership
from bids import states
from bids.access import get_run, lock_run
from bids.actions import costs, distribution, lead, runs
from bids.actions.costs import may_mark_paid
from bids.models import Allocation, Bid
from bids.reading.invariants import problems
from bids.reading.sums import debts_of, owed_by_person
from bids.states import BEFORE_THE_SHOP, ENDED, FROM_THE_SHOP_ON
from bulq.kit.errors import BulqError, NotAllowed

from .cast import WAY, D, stage
from .factories import order

pytestmark = pytest.mark.django_db
OPEN = [state for state in WAY if state != states.COMPLETED]


def remove(one, user, by=None):
    end_membership(one.group.pk, user.pk, by=by or user)


def preview(one, user, by=None):
    membership = Membership.objects.select_related("group", "user").get(group=one.group, user=user)
    return ending_preview(membership, by=by or user)


@pytest.fixture(params=["leaves", "is removed", "closes the account"])
def end(request):
    def ended(one, user):
        if request.param == "closes the account":
            return close_account(by=user)
        return remove(one, user, by=one.adam if request.param == "is removed" else user)

    return ended


@pytest.mark.parametrize("state", [states.ACTIVE, states.CONFIRMED])
def test_before_the_shop_a_participant_goes_with_all_wishes_and_leader_and_helpers_can_read_it(end, state):
    one = stage(state)
    end(one, one.bob)
    part = one.part_of(one.bob)
    assert part.left_at is not None
    assert not part.bids.exists()
    event = one.last_event()
    assert (event.kind, event.subject, event.data) == ("left_run", one.bob, {"dropped": 2})
    assert one.state == state
    assert problems() == []


@pytest.mark.parametrize("state", [states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING])
def test_from_the_shop_on_bids_allocations_and_debts_stay(end, state):
    one = stage(state)
    before = list(Bid.objects.order_by("pk").values_list("pk", "quantity"))
    received, owed = Allocation.objects.count(), owed_by_person(one.run)
    end(one, one.bob)
    assert one.part_of(one.bob).left_at is not None
    assert list(Bid.objects.order_by("pk").values_list("pk", "quantity")) == before
    assert (Allocation.objects.count(), owed_by_person(one.run)) == (received, owed)
    assert (one.last_event().kind, one.last_event().subject) == ("left_group", one.bob)
    assert problems() == []


@pytest.mark.parametrize("state", OPEN)
def test_a_helper_who_goes_is_no_helper_any_more(end, state):
    one = stage(state)
    end(one, one.hana)
    part = one.part_of(one.hana)
    assert (part.is_helper, part.is_ready) == (False, False)
    assert problems() == []


@pytest.mark.parametrize("state", sorted(BEFORE_THE_SHOP))
def test_before_the_shop_a_run_whose_leader_goes_is_called_off(end, state):
    one = stage(state)
    end(one, one.alice)
    assert one.state == states.CANCELLED
    assert one.last_event().data["to"] == states.CANCELLED
    assert problems() == []


def test_the_leader_may_hand_over_first_and_then_the_run_goes_on(end):
    one = stage(states.ACTIVE)
    lead.offer_lead(one.run, one.bob, by=one.alice)
    lead.accept_lead(one.run, by=one.bob)
    end(one, one.alice)
    assert one.state == states.ACTIVE
    assert one.run.leader == one.bob
    assert one.wanted(one.alice, one.oil) is None


@pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
def test_from_the_shop_on_the_lead_has_to_be_handed_over_first(end, state):
    one = stage(state)
    with pytest.raises(BulqError, match="its lead has to be handed over first"):
        end(one, one.alice)
    assert one.state == state
    assert one.group.memberships.filter(user=one.alice).exists()
    assert one.part_of(one.alice).left_at is None


@pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
def test_a_group_admin_may_ask_another_in_place_of_the_leader(state):
    """Spec 23: recorded, and then the leader can be removed."""
    one = stage(state)
    with pytest.raises(NotAllowed):
        lead.offer_lead(one.run, one.bob, by=one.dora)
    lead.offer_lead(one.run, one.bob, by=one.adam)
    assert (one.last_event().kind, one.last_event().actor, one.last_event().subject) == (
        "lead_offered",
        one.adam,
        one.bob,
    )
    lead.accept_lead(one.run, by=one.bob)
    remove(one, one.alice, by=one.adam)
    assert one.part_of(one.alice).left_at
    assert problems() == []


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("who", ["alice", "bob", "hana"])
def test_runs_that_are_over_never_stand_in_the_way(end, state, who):
    one = stage(state)
    events = one.run.events.count()
    end(one, getattr(one, who))
    assert one.state == state
    assert one.run.events.count() == events
    assert problems() == []


@pytest.mark.parametrize("state", OPEN)
def test_who_has_no_part_in_a_run_leaves_no_trace_in_it(state):
    one = stage(state)
    version = one.run.version
    remove(one, one.dora)
    assert one.fresh().version == version


class TestThePreview:
    @pytest.mark.parametrize("state", [states.ACTIVE, states.CONFIRMED])
    def test_wishes_that_go_are_counted(self, state):
        one = stage(state)
        assert preview(one, one.bob) == ([], [f"{one.run}: the order of 2 products is dropped."])
        assert preview(one, one.hana, by=one.adam) == ([], [f"{one.run}: the order of 1 product is dropped."])
        assert preview(one, one.dora) == ([], [])

    def test_runs_that_are_called_off_are_named(self):
        one = stage(states.ACTIVE)
        assert preview(one, one.alice) == ([], [f"{one.run}: led by Alice, it will be called off."])

    @pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
    def test_a_lead_past_the_shop_stands_in_the_way(self, state):
        """The page shows it instead of the button, as the deed would be refused."""
        one = stage(state)
        assert preview(one, one.alice) == (
            [f"{one.run}: shopping has started, so its lead has to be handed over first."],
            [],
        )

    def test_orders_that_stay_and_sums_still_owed_are_named(self):
        one = stage(states.DISTRIBUTING)
        assert preview(one, one.bob)[1] == [
            f"{one.run}: the order stays, and its cost is still owed.",
            f"{one.run}: €47.00 is still owed to Alice.",
        ]

    def test_debts_of_runs_that_are_over_are_named_too(self):
        one = stage(states.COMPLETED)
        assert preview(one, one.bob)[1] == [f"{one.run}: €47.00 is still owed to Alice."]

    def test_looking_changes_nothing(self):
        one = stage(states.ACTIVE)
        version = one.run.version
        preview(one, one.bob)
        assert one.fresh().version == version
        assert one.wanted(one.bob, one.oil) == 4


class TestComingBack:
    def back(self, one, user):
        one.group.refresh_from_db()
        join_group(one.group.join_token, by=user)
        return one.part_of(user)

    @pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
    def test_from_the_shop_on_the_part_is_revived_without_its_roles(self, state):
        one = stage(state)
        remove(one, one.hana)
        part = self.back(one, one.hana)
        assert (part.left_at, part.is_helper, part.is_ready) == (None, False, False)
        assert one.wanted(one.hana, one.oil) == 2

    def test_before_the_shop_the_first_wish_revives_it(self):
        one = stage(states.ACTIVE)
        remove(one, one.hana)
        assert self.back(one, one.hana).left_at
        order(one.run, one.hana, one.oil, 1)
        part = one.part_of(one.hana)
        assert (part.left_at, part.is_helper, part.bids.count()) == (None, False, 1)

    def test_a_former_participant_of_a_reopened_run_has_left_it(self):
        """A run that was over when they went is open again without them, and the hand-out still adds up."""
        one = stage(states.COMPLETED)
        remove(one, one.bob)
        assert one.part_of(one.bob).left_at is None
        distribution.reopen_hand_out(one.run, by=one.alice)
        assert one.part_of(one.bob).left_at
        assert owed_by_person(one.run)[one.part_of(one.bob).pk] == D("47")
        assert problems() == []


class TestAFormerMember:
    @pytest.mark.parametrize("state", WAY)
    def test_the_run_is_not_found_from_that_moment(self, state):
        """Spec 24: the same as a missing one, for reading and for each action."""
        one = stage(state)
        remove(one, one.bob)
        with pytest.raises(Http404):
            get_run(one.bob, one.run.pk)
        for action in (lock_run, runs.leave_run, lead.withdraw_lead_offer):
            with pytest.raises(Http404):
                action(one.run, by=one.bob)

    def test_what_they_owe_is_still_theirs_to_see_and_the_payers_too(self):
        """Spec 24: store, day, name, amount."""
        one = stage(states.DISTRIBUTING)
        remove(one, one.bob)
        [debt], due = debts_of(one.bob)
        assert (debt.amount, debt.run.store, debt.creditor.name, due) == (D("47"), one.run.store, "Alice", [])
        assert one.bob in [due.debtor for due in debts_of(one.alice)[1]]

    def test_a_payer_who_has_left_is_still_owed_and_a_group_admin_marks_instead(self):
        """Spec 24."""
        one = stage(states.DISTRIBUTING)
        for user in (one.bob, one.hana, one.dora, one.adam):
            assert not may_mark_paid(one.run, user)
        lead.offer_lead(one.run, one.bob, by=one.alice)
        lead.accept_lead(one.run, by=one.bob)
        remove(one, one.alice)
        one.fresh()
        assert {debt.debtor for debt in debts_of(one.alice)[1]} == {one.bob, one.hana}
        assert may_mark_paid(one.run, one.adam)
        assert not may_mark_paid(one.run, one.dora)
        costs.set_paid(one.run, one.hana, True, owed=D("10"), by=one.adam)
        assert one.last_event().actor == one.adam
        with pytest.raises(NotAllowed, match="who paid, can mark this"):
            costs.set_paid(one.run, one.hana, False, owed=None, by=one.dora)
        with pytest.raises(Http404):
            costs.set_paid(one.run, one.hana, False, owed=None, by=one.alice)


class TestRequestsToLead:
    def ask(self, state, by="alice"):
        one = stage(state)
        lead.offer_lead(one.run, one.bob, by=getattr(one, by))
        return one

    @pytest.mark.parametrize("state", OPEN[1:])
    def test_the_request_closes_when_the_one_who_was_asked_goes(self, end, state):
        """Spec 41."""
        one = self.ask(state)
        end(one, one.bob)
        assert (one.fresh().lead_offered_to, one.run.lead_offered_by) == (None, None)
        assert problems() == []

    def test_the_request_closes_when_the_one_who_asked_goes(self):
        """Spec 41: here a group admin who asked in the leader's place."""
        one = stage(states.SHOPPING)
        Membership.objects.filter(group=one.group, user=one.dora).update(is_admin=True)
        lead.offer_lead(one.run, one.bob, by=one.dora)
        remove(one, one.dora)
        assert one.fresh().lead_offered_to is None

    def test_the_request_of_somebody_who_is_no_admin_any_more_cannot_be_accepted(self):
        """Spec 41: roles are checked again at acceptance."""
        one = self.ask(states.SHOPPING, by="adam")
        Membership.objects.filter(user=one.dora).update(is_admin=True)
        Membership.objects.filter(group=one.group, user=one.adam).update(is_admin=False)
        with pytest.raises(BulqError, match="can no longer be accepted"):
            lead.accept_lead(one.run, by=one.bob)
        assert one.fresh().leader == one.alice
