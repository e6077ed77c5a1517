"""Spec 57 to 59: lines that differ are sorted out by hand, or divided by the leader."""

import pytest
from django.db import transaction
from django.http import Http404

from accounts.actions.membership import end_membership
from bids import states
from bids.actions import costs, lead
from bids.actions.bidding import set_ready
from bids.actions.distribution import finish_sorting, force_hand_out, sort_out
from bids.models import Allocation, Bid, Purchase, Run
from bids.reading.division import Division
from bids.reading.invariants import problems
from bids.reading.jobs import JobKind, jobs_of
from bids.reading.lines import lines_of
from bids.reading.preview import Preview
from bids.reading.standing import standings
from bids.reading.sums import owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in

from .cast import WAY, D, leave_the_shop, stage
from .factories import go_shopping, order, purchase

pytestmark = pytest.mark.django_db
OTHERS = [state for state in [*WAY, states.CANCELLED] if state != states.ADJUSTING]


def sort(scene, user, product, quantity, was, by=None):
    sort_out(scene.run, product, D(quantity), was=D(was), by=by or user, whose=user)


def accepts_step(scene, whose, product, *, by):
    """Whether an amount may change by 1 in the direction that its line needs; nothing stays changed."""
    now = scene.wanted(whose, product) or D(0)
    quantity = now + (1 if line_of(scene, product).surplus else -1)
    if quantity < 0:
        return False
    with transaction.atomic():
        try:
            sort(scene, whose, product, quantity, was=now, by=by)
        except BulqError:
            return False
        finally:
            transaction.set_rollback(True)
    return True


def line_of(scene, product):
    return next(line for line in lines_of(scene.run) if line.product == product)


def fingerprint(scene):
    return Division(scene.fresh(), lines_of(scene.run)).fingerprint()


@pytest.fixture
def short():
    """2 of 3 kg Gouda were bought; the oil matches."""
    return stage(states.ADJUSTING)


@pytest.fixture
def over():
    """11 of 8 oil were bought, and 4 of 3 kg Gouda."""
    return stage(states.ADJUSTING, oil="11", gouda="4")


class TestAShortage:
    """Spec 57: people can only lower, by at most what is still short."""

    @pytest.mark.parametrize("quantity", ["2", "2.01", "2.99"])
    def test_is_lowered_to_the_hundredth(self, short, quantity):
        sort(short, short.bob, short.gouda, quantity, was=3)
        assert short.wanted(short.bob, short.gouda) == D(quantity)

    @pytest.mark.parametrize("quantity", ["1.99", "0", "3.01", "4"])
    def test_cannot_be_lowered_further_or_raised(self, short, quantity):
        with pytest.raises(BulqError, match="you can take up to 1 kg less"):
            sort(short, short.bob, short.gouda, quantity, was=3)
        assert short.wanted(short.bob, short.gouda) == 3

    def test_cannot_be_made_worse_by_someone_without_an_order(self, short):
        with pytest.raises(BulqError, match="There is not enough"):
            sort(short, short.hana, short.gouda, "1", was=0)

    def test_a_bid_no_larger_than_it_can_be_removed(self):
        scene = stage(states.ADJUSTING, oil="6")
        sort(scene, scene.hana, scene.oil, "0", was=2)
        assert scene.wanted(scene.hana, scene.oil) is None
        assert line_of(scene, scene.oil).matches
        assert problems() == []

    def test_once_it_matches_it_is_read_only(self, short):
        sort(short, short.bob, short.gouda, "2", was=3)
        for quantity in ("1.99", "2.01"):
            with pytest.raises(BulqError, match="already matches what was bought"):
                sort(short, short.bob, short.gouda, quantity, was=2)


class TestASurplus:
    """Spec 57: any current participant can raise, by at most what is left."""

    def test_can_be_taken_by_participants_with_and_without_an_order(self, over):
        sort(over, over.bob, over.oil, "6", was=4)
        sort(over, over.hana, over.gouda, "0.5", was=0)
        assert (over.wanted(over.bob, over.oil), over.wanted(over.hana, over.gouda)) == (6, D("0.5"))
        assert problems() == []

    @pytest.mark.parametrize("quantity", ["3", "0", "8"])
    def test_cannot_be_overshot_and_nothing_can_be_lowered(self, over, quantity):
        with pytest.raises(BulqError, match="you can take up to 3 pieces more"):
            sort(over, over.bob, over.oil, quantity, was=4)

    def test_counted_goods_stay_whole(self, over):
        with pytest.raises(BulqError, match="enter a whole number"):
            sort(over, over.bob, over.oil, "4.5", was=4)

    def test_only_the_leader_can_turn_a_maybe_into_an_order(self, over):
        """No switch by its owner."""
        Bid.objects.create(participation=over.part_of(over.hana), product=over.gouda, comment="perhaps")
        with pytest.raises(BulqError, match="You said Maybe"):
            sort(over, over.hana, over.gouda, "1", was=0)
        sort(over, over.hana, over.gouda, "1", was=0, by=over.alice)
        bid = over.part_of(over.hana).bids.get(product=over.gouda)
        assert (bid.quantity, bid.comment) == (1, "perhaps")

    def test_only_for_current_participants(self, over):
        with pytest.raises(BulqError, match="Only people in this run"):
            sort(over, over.dora, over.oil, "1", was=0)
        with pytest.raises(Http404):
            sort(over, over.charlie, over.oil, "1", was=0)


class TestTheRules:
    def test_lines_that_match_lines_not_bought_and_other_products_are_read_only(self):
        scene = stage(states.SHOPPING)
        other = stage(states.PLANNING).oil
        missing = scene.gouda
        purchase(scene.run, scene.oil, 9, "40")
        leave_the_shop(scene.run)
        for product in (missing, other):
            with pytest.raises(BulqError, match="None of this was bought"):
                sort(scene, scene.bob, product, "1", was=scene.wanted(scene.bob, product) or 0)

    def test_a_stale_form_shows_the_stored_value(self, short):
        """D6."""
        sort(short, short.bob, short.gouda, "2.5", was=3)
        with pytest.raises(ChangedMeanwhile, match=r"was changed to 2\.5"):
            sort(short, short.bob, short.gouda, "2", was=3)
        sort(short, short.bob, short.gouda, "2.5", was=3)
        assert short.kinds().count("sorted_out") == 1

    def test_the_leader_can_decide_for_others_and_it_is_recorded(self, short):
        """Spec 49."""
        sort(short, short.bob, short.gouda, "2", was=3, by=short.alice)
        event = short.last_event()
        assert (event.kind, event.actor, event.subject) == ("sorted_out", short.alice, short.bob)
        for user in (short.hana, short.adam):
            with pytest.raises(NotAllowed):
                sort(short, short.bob, short.gouda, "2", was=2, by=user)

    def test_the_leader_can_lower_the_amount_of_someone_who_left(self, short, over):
        """Spec 49, 57."""
        for scene in (short, over):
            end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)
        sort(short, short.bob, short.gouda, "2", was=3, by=short.alice)
        assert short.wanted(short.bob, short.gouda) == 2
        with pytest.raises(BulqError, match="Only people in this run"):
            sort(over, over.bob, over.gouda, "4", was=3, by=over.alice)

    @pytest.mark.parametrize("viewer", ["alice", "hana", "adam"])
    @pytest.mark.parametrize("bought", [{"oil": "6", "gouda": "2"}, {"oil": "11", "gouda": "4"}])
    def test_the_page_has_a_form_exactly_where_a_step_is_accepted(self, bought, viewer):
        """Bob has left, and Hana said Maybe to the Gouda."""
        scene = stage(states.ADJUSTING, **bought)
        Bid.objects.create(participation=scene.part_of(scene.hana), product=scene.gouda)
        end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)
        user = getattr(scene, viewer)
        page = signed_in(user).get(f"/runs/{scene.run.pk}/").text
        for product in (scene.oil, scene.gouda):
            for whose in (scene.alice, scene.bob, scene.hana):
                has_form = f'id="take-{product.pk}-{whose.pk}"' in page
                assert has_form == accepts_step(scene, whose, product, by=user), (product.name, whose.name)

    @pytest.mark.parametrize("state", OTHERS)
    def test_only_while_sorting_out(self, state):
        scene = stage(state)
        with pytest.raises(ChangedMeanwhile, match="nothing to sort out"):
            sort(scene, scene.bob, scene.oil, "4", was=4)

    def test_finishing_is_refused_and_names_every_line_that_differs(self, over):
        """Spec 59."""
        with pytest.raises(BulqError) as refused:
            finish_sorting(over.run, by=over.alice)
        assert refused.value.message == f"Still to sort out: {over.gouda.name} and {over.oil.name}."
        sort(over, over.bob, over.oil, "7", was=4)
        sort(over, over.bob, over.gouda, "4", was=3)
        finish_sorting(over.run, by=over.alice)
        assert over.state == states.DISTRIBUTING
        assert over.received(over.bob, over.oil) == 7
        assert problems() == []


class TestForce:
    """Spec 59."""

    def force(self, scene, seen=None):
        force_hand_out(scene.run, seen=seen or fingerprint(scene), by=scene.alice)
        assert scene.state == states.DISTRIBUTING
        assert problems() == []

    def test_a_shortage_of_counted_goods_is_divided_in_proportion_into_whole_units(self):
        scene = stage(states.ADJUSTING, oil="5", gouda="3")
        self.force(scene)
        received = {user: scene.received(user, scene.oil) for user in (scene.alice, scene.bob, scene.hana)}
        assert sum(received.values()) == 5
        assert received[scene.bob] in (2, 3)  # 2.5 by quota
        assert {received[scene.alice], received[scene.hana]} <= {1, 2}  # 1.25 each
        assert scene.wanted(scene.bob, scene.oil) == 4, "the bid says what was wanted"

    def test_someone_may_get_nothing(self):
        scene = stage(states.ADJUSTING, oil="1", gouda="3")
        self.force(scene)
        assert Allocation.objects.filter(item__product=scene.oil).count() == 1

    def test_the_leader_gets_the_surplus_that_nobody_took(self):
        scene = stage(states.ADJUSTING, oil="11", gouda="3")
        self.force(scene)
        assert [scene.received(user, scene.oil) for user in (scene.alice, scene.bob, scene.hana)] == [5, 4, 2]
        assert scene.last_event().data["forced"] == [scene.oil.name]

    def test_a_leader_without_an_order_gets_one(self):
        scene = stage(states.ADJUSTING, oil="8", gouda="4")
        assert scene.wanted(scene.alice, scene.gouda) is None
        self.force(scene)
        assert (scene.received(scene.alice, scene.gouda), scene.wanted(scene.alice, scene.gouda)) == (1, 1)

    def test_a_maybe_of_the_leader_becomes_an_order(self):
        scene = stage(states.ADJUSTING, oil="8", gouda="4")
        Bid.objects.create(participation=scene.part_of(scene.alice), product=scene.gouda, comment="perhaps")
        self.force(scene)
        bid = Bid.objects.get(participation__user=scene.alice, product=scene.gouda)
        assert (bid.quantity, bid.comment, scene.received(scene.alice, scene.gouda)) == (1, "perhaps", 1)

    def test_a_small_weighing_difference_is_shared_by_all(self):
        scene = stage(states.ADJUSTING, oil="7", gouda="3.10")
        self.force(scene)
        assert scene.received(scene.bob, scene.gouda) == D("3.10")
        assert scene.received(scene.alice, scene.gouda) is None

    def test_the_preview_is_what_happens(self):
        scene = stage(states.ADJUSTING, oil="11", gouda="2")
        preview = Preview(scene.run, lines_of(scene.run))
        shown = {user: why.total for user, why in preview.people}
        self.force(scene, seen=preview.fingerprint)
        assert shown == {
            scene.run.participations.get(pk=pk).user: sum_ for pk, sum_ in owed_by_person(scene.run).items()
        }
        assert preview.differing == [scene.gouda, scene.oil]

    def test_a_stale_preview_is_refused_no_matter_what_changed(self):
        """409 and a new preview."""
        scene = stage(states.ADJUSTING, oil="11", gouda="2")
        seen = fingerprint(scene)
        sort(scene, scene.bob, scene.oil, "5", was=4)
        for stale in (seen, ""):
            with pytest.raises(ChangedMeanwhile, match="since this preview was made"):
                force_hand_out(scene.run, seen=stale, by=scene.alice)
        assert scene.state == states.ADJUSTING
        self.force(scene, seen=fingerprint(scene))

    @pytest.mark.parametrize("change", ["total", "extra", "leader"])
    def test_a_preview_is_stale_when_the_costs_changed(self, change):
        scene = stage(states.ADJUSTING, oil="11", gouda="2")
        seen = fingerprint(scene)
        if change == "total":
            bought = Purchase.objects.get(item__run=scene.run, item__product=scene.oil)
            costs.correct_total(bought, D(41), was=D(40), by=scene.alice)
        elif change == "extra":
            costs.add_extra_cost(scene.run, label="Fuel", amount=D(1), by=scene.hana)
        else:
            lead.offer_lead(scene.run, scene.bob, by=scene.alice)
            lead.accept_lead(scene.run, by=scene.bob)
        assert fingerprint(scene) != seen


def test_interest_is_in_no_total_and_no_allocation():
    """Spec 44."""
    scene = stage(states.ACTIVE)
    order(scene.run, scene.dora, scene.oil, None)
    other = stage(states.ADJUSTING)
    Bid.objects.create(participation=other.part_of(other.hana), product=other.gouda)
    assert line_of(other, other.gouda).wanted == 3
    force_hand_out(other.run, seen=fingerprint(other), by=other.alice)
    assert other.received(other.hana, other.gouda) is None


class TestNoThanks:
    def jobs(self, scene, user):
        runs = Run.objects.open().visible_to(user).select_related("store", "group", "leader", "payer")
        return [job.kind for job in jobs_of(user, standings(runs, user).values())]

    def test_people_who_keep_their_order_say_so_once_and_have_no_job_any_more(self, over):
        assert JobKind.SORT_OUT in self.jobs(over, over.bob)
        for _twice in range(2):
            set_ready(over.run, True, by=over.bob)
        assert JobKind.SORT_OUT not in self.jobs(over, over.bob)
        assert over.kinds().count("keeps_order") == 1
        set_ready(over.run, False, by=over.bob)
        assert JobKind.SORT_OUT in self.jobs(over, over.bob)

    def test_being_done_choosing_is_no_answer_to_what_came(self):
        scene = stage(states.ACTIVE)
        set_ready(scene.run, True, by=scene.bob)
        go_shopping(scene.run)
        purchase(scene.run, scene.oil, 9, "40")
        leave_the_shop(scene.run)
        assert scene.state == states.ADJUSTING
        assert not scene.part_of(scene.bob).is_ready
