"""Spec 23, 24: what happens to a person's part in runs when they leave the group, are removed, or come back."""

import pytest
from django.http import Http404

from accounts.actions.membership import end_membership, ending_preview, join_group
from accounts.actions.people import close_account
from accounts.models import Membership
from bids import states
from bids.access import get_run, lock_run
from bids.actions import costs, distribution, lead, membership
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


def remove(scene, user, by=None):
    end_membership(scene.group.pk, user.pk, by=by or user)


def preview(scene, user, by=None):
    membership = Membership.objects.select_related("group", "user").get(group=scene.group, user=user)
    return ending_preview(membership, by=by or user)


@pytest.fixture(params=["leaves", "is removed", "closes the account"])
def end(request):
    def ended(scene, user):
        if request.param == "closes the account":
            return close_account(by=user)
        return remove(scene, user, by=scene.adam if request.param == "is removed" else user)

    return ended


@pytest.mark.parametrize("state", [states.ACTIVE, states.CONFIRMED])
def test_before_shopping_a_participant_leaves_with_their_order_and_leader_and_helpers_are_notified(end, state):
    scene = stage(state)
    end(scene, scene.bob)
    part = scene.part_of(scene.bob)
    assert part.left_at is not None
    assert not part.bids.exists()
    event = scene.last_event()
    assert (event.kind, event.subject, event.data) == ("left_run", scene.bob, {"dropped": 2})
    assert scene.state == state
    assert problems() == []


@pytest.mark.parametrize("state", [states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING])
def test_once_shopping_has_started_bids_allocations_and_debts_stay(end, state):
    scene = stage(state)
    before = list(Bid.objects.order_by("pk").values_list("pk", "quantity"))
    received, owed = Allocation.objects.count(), owed_by_person(scene.run)
    end(scene, scene.bob)
    assert scene.part_of(scene.bob).left_at is not None
    assert list(Bid.objects.order_by("pk").values_list("pk", "quantity")) == before
    assert (Allocation.objects.count(), owed_by_person(scene.run)) == (received, owed)
    assert (scene.last_event().kind, scene.last_event().subject) == ("left_group", scene.bob)
    assert problems() == []


@pytest.mark.parametrize("state", OPEN)
def test_a_helper_who_leaves_is_no_longer_a_helper(end, state):
    scene = stage(state)
    end(scene, scene.hana)
    part = scene.part_of(scene.hana)
    assert (part.is_helper, part.is_ready) == (False, False)
    assert problems() == []


@pytest.mark.parametrize("state", sorted(BEFORE_THE_SHOP))
def test_before_shopping_a_run_whose_leader_leaves_is_called_off(end, state):
    scene = stage(state)
    end(scene, scene.alice)
    assert scene.state == states.CANCELLED
    assert scene.last_event().data["to"] == states.CANCELLED
    assert problems() == []


def test_the_leader_can_hand_over_first_and_then_the_run_goes_on(end):
    scene = stage(states.ACTIVE)
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    lead.accept_lead(scene.run, by=scene.bob)
    end(scene, scene.alice)
    assert scene.state == states.ACTIVE
    assert scene.run.leader == scene.bob
    assert scene.wanted(scene.alice, scene.oil) is None


@pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
def test_once_shopping_has_started_the_lead_has_to_be_handed_over_first(end, state):
    scene = stage(state)
    with pytest.raises(BulqError, match="its lead has to be handed over first"):
        end(scene, scene.alice)
    assert scene.state == state
    assert scene.group.memberships.filter(user=scene.alice).exists()
    assert scene.part_of(scene.alice).left_at is None


@pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
def test_a_group_admin_can_ask_someone_in_place_of_the_leader(state):
    """Spec 23: recorded, and then the leader can be removed."""
    scene = stage(state)
    with pytest.raises(NotAllowed):
        lead.offer_lead(scene.run, scene.bob, by=scene.dora)
    lead.offer_lead(scene.run, scene.bob, by=scene.adam)
    assert (scene.last_event().kind, scene.last_event().actor, scene.last_event().subject) == (
        "lead_offered",
        scene.adam,
        scene.bob,
    )
    lead.accept_lead(scene.run, by=scene.bob)
    remove(scene, scene.alice, by=scene.adam)
    assert scene.part_of(scene.alice).left_at
    assert problems() == []


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("who", ["alice", "bob", "hana"])
def test_runs_that_have_ended_never_stand_in_the_way(end, state, who):
    scene = stage(state)
    events = scene.run.events.count()
    end(scene, getattr(scene, who))
    assert scene.state == state
    assert scene.run.events.count() == events
    assert problems() == []


@pytest.mark.parametrize("state", OPEN)
def test_a_member_who_is_not_in_a_run_leaves_no_trace_in_it(state):
    scene = stage(state)
    kinds = scene.kinds()
    remove(scene, scene.dora)
    assert scene.kinds() == kinds


class TestThePreview:
    @pytest.mark.parametrize("state", [states.ACTIVE, states.CONFIRMED])
    def test_products_of_a_dropped_order_are_counted(self, state):
        scene = stage(state)
        assert preview(scene, scene.bob) == ([], [f"{scene.run}: the order for 2 products is dropped."])
        assert preview(scene, scene.hana, by=scene.adam) == ([], [f"{scene.run}: the order for 1 product is dropped."])
        assert preview(scene, scene.dora) == ([], [])

    def test_runs_that_are_called_off_are_named(self):
        scene = stage(states.ACTIVE)
        assert preview(scene, scene.alice) == ([], [f"{scene.run}: led by Alice, it will be called off."])

    @pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
    def test_a_lead_past_the_shop_stands_in_the_way(self, state):
        """The page shows it instead of the button, as the action would be refused."""
        scene = stage(state)
        assert preview(scene, scene.alice) == (
            [f"{scene.run}: shopping has started, so its lead has to be handed over first."],
            [],
        )

    def test_orders_that_stay_and_sums_still_owed_are_named(self):
        scene = stage(states.DISTRIBUTING)
        assert preview(scene, scene.bob)[1] == [
            f"{scene.run}: the order stays, and its cost is still owed.",
            "€47.00 is still owed to Alice.",
        ]

    def test_debts_of_runs_that_have_ended_are_named_too(self):
        scene = stage(states.COMPLETED)
        assert preview(scene, scene.bob)[1] == ["€47.00 is still owed to Alice."]
        assert "Bob still owes €47.00." in preview(scene, scene.alice)[1]

    def test_looking_changes_nothing(self):
        scene = stage(states.ACTIVE)
        kinds = scene.kinds()
        preview(scene, scene.bob)
        assert scene.kinds() == kinds
        assert scene.wanted(scene.bob, scene.oil) == 4


class TestComingBack:
    def back(self, scene, user):
        scene.group.refresh_from_db()
        join_group(scene.group.join_token, by=user)
        return scene.part_of(user)

    @pytest.mark.parametrize("state", sorted(FROM_THE_SHOP_ON))
    def test_once_shopping_has_started_the_part_is_revived_without_its_roles(self, state):
        scene = stage(state)
        remove(scene, scene.hana)
        part = self.back(scene, scene.hana)
        assert (part.left_at, part.is_helper, part.is_ready) == (None, False, False)
        assert scene.wanted(scene.hana, scene.oil) == 2

    def test_before_shopping_the_first_order_revives_it(self):
        scene = stage(states.ACTIVE)
        remove(scene, scene.hana)
        assert self.back(scene, scene.hana).left_at
        order(scene.run, scene.hana, scene.oil, 1)
        part = scene.part_of(scene.hana)
        assert (part.left_at, part.is_helper, part.bids.count()) == (None, False, 1)

    def test_a_former_participant_of_a_reopened_run_has_left_it(self):
        """A run that was over when they went is open again without them, and the hand-out still adds up."""
        scene = stage(states.COMPLETED)
        remove(scene, scene.bob)
        assert scene.part_of(scene.bob).left_at is None
        distribution.reopen_hand_out(scene.run, by=scene.alice)
        assert scene.part_of(scene.bob).left_at
        assert owed_by_person(scene.run)[scene.part_of(scene.bob).pk] == D("47")
        assert problems() == []


class TestAFormerMember:
    @pytest.mark.parametrize("state", WAY)
    def test_the_run_is_missing_from_that_moment(self, state):
        """Spec 24: the same as a missing one, for reading and for each action."""
        scene = stage(state)
        remove(scene, scene.bob)
        with pytest.raises(Http404):
            get_run(scene.bob, scene.run.pk)
        for action in (lock_run, membership.leave_run, lead.withdraw_lead_offer):
            with pytest.raises(Http404):
                action(scene.run, by=scene.bob)

    def test_they_and_the_payer_still_see_what_they_owe(self):
        """Spec 24: store, day, name, amount."""
        scene = stage(states.DISTRIBUTING)
        remove(scene, scene.bob)
        [debt], due = debts_of(scene.bob)
        assert (debt.amount, debt.run.store, debt.creditor.name, due) == (D("47"), scene.run.store, "Alice", [])
        assert scene.bob in [due.debtor for due in debts_of(scene.alice)[1]]

    def test_a_payer_who_has_left_is_still_owed_and_a_group_admin_marks_payments_instead(self):
        """Spec 24."""
        scene = stage(states.DISTRIBUTING)
        for user in (scene.bob, scene.hana, scene.dora, scene.adam):
            assert not may_mark_paid(scene.run, user)
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
        lead.accept_lead(scene.run, by=scene.bob)
        remove(scene, scene.alice)
        scene.fresh()
        assert {debt.debtor for debt in debts_of(scene.alice)[1]} == {scene.bob, scene.hana}
        assert may_mark_paid(scene.run, scene.adam)
        assert not may_mark_paid(scene.run, scene.dora)
        costs.set_paid(scene.run, scene.hana, True, owed=D("10"), by=scene.adam)
        assert scene.last_event().actor == scene.adam
        with pytest.raises(NotAllowed, match="who paid, can mark this"):
            costs.set_paid(scene.run, scene.hana, False, owed=None, by=scene.dora)
        with pytest.raises(Http404):
            costs.set_paid(scene.run, scene.hana, False, owed=None, by=scene.alice)


class TestRequestsToLead:
    def ask(self, state, by="alice"):
        scene = stage(state)
        lead.offer_lead(scene.run, scene.bob, by=getattr(scene, by))
        return scene

    @pytest.mark.parametrize("state", OPEN[1:])
    def test_the_request_closes_when_the_person_asked_leaves(self, end, state):
        """Spec 41."""
        scene = self.ask(state)
        end(scene, scene.bob)
        assert (scene.fresh().lead_offered_to, scene.run.lead_offered_by) == (None, None)
        assert problems() == []

    def test_the_request_closes_when_the_asker_leaves(self):
        """Spec 41: here a group admin who asked in the leader's place."""
        scene = stage(states.SHOPPING)
        Membership.objects.filter(group=scene.group, user=scene.dora).update(is_admin=True)
        lead.offer_lead(scene.run, scene.bob, by=scene.dora)
        remove(scene, scene.dora)
        assert scene.fresh().lead_offered_to is None

    def test_a_request_by_someone_who_is_no_longer_an_admin_cannot_be_accepted(self):
        """Spec 41: roles are checked again at acceptance."""
        scene = self.ask(states.SHOPPING, by="adam")
        Membership.objects.filter(user=scene.dora).update(is_admin=True)
        Membership.objects.filter(group=scene.group, user=scene.adam).update(is_admin=False)
        with pytest.raises(BulqError, match="can no longer be accepted"):
            lead.accept_lead(scene.run, by=scene.bob)
        assert scene.fresh().leader == scene.alice
