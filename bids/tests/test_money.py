"""Spec 60 to 63: what it costs, who has it, who has paid."""

import pytest
from django.http import Http404

from bids import states
from bids.actions import runs, shopping
from bids.actions.costs import add_extra_cost, correct_total, remove_extra_cost, set_paid
from bids.actions.distribution import (
    back_to_shopping,
    complete,
    finish_sorting,
    not_picked_up,
    reopen_hand_out,
    set_picked_up,
    sort_out,
)
from bids.models import Allocation, ExtraCost, Purchase
from bids.reading.guidance import next_step
from bids.reading.invariants import problems
from bids.reading.ledger import Ledger
from bids.reading.standing import standing_of
from bids.reading.sums import debts_of, owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from stores.models import Price

from .cast import WAY, D, leave_the_shop, stage
from .factories import purchase

pytestmark = pytest.mark.django_db


def owed(one):
    """What each person's part comes to, by first letter: oil 40 for 2, 4, 2 and Gouda 27 for Bob."""
    parts = owed_by_person(one.run)
    return {part.user.name[0]: parts[part.pk] for part in one.run.participations.select_related("user")}


def extra(one, amount, by=None, label="Deposit"):
    add_extra_cost(one.run, label=label, amount=D(amount), by=by or one.alice)
    return ExtraCost.objects.latest("pk")


def bought(one, product):
    return Purchase.objects.select_related("item__run", "price").get(item__run=one.run, item__product=product)


def pay(one, user, by, paid=True, amount=None):
    now = owed_by_person(one.run)[one.part_of(user).pk]
    set_paid(one.run, user, paid, owed=now if amount is None else D(amount), by=by)


def said(one, user):
    """The word for the state, and what happens next, to this reader."""
    standing = standing_of(one.fresh(), user)
    return standing.label, next_step(standing)


@pytest.fixture
def one():
    return stage(states.DISTRIBUTING)


class TestExtraCosts:
    """Spec 60."""

    def test_they_are_split_by_value_and_sums_are_the_run(self, one):
        assert owed(one) == {"A": 10, "B": 47, "H": 10}
        extra(one, "6.70", by=one.hana)
        assert owed(one) == {"A": 11, "B": D("51.70"), "H": 11}
        assert Ledger(one.run, one.bob).total == sum(owed(one).values())

    def test_a_discount_is_at_most_the_goods(self, one):
        with pytest.raises(BulqError, match=r"discounts come to €67\.01, more than the goods at €67\.00"):
            extra(one, "-67.01")
        extra(one, "-60")
        with pytest.raises(BulqError, match="more than the goods"):
            extra(one, "-7.01")
        extra(one, "-7")
        assert set(owed(one).values()) == {0}
        assert problems() == []

    def test_other_costs_do_not_make_room_for_a_discount(self, one):
        extra(one, "50")
        with pytest.raises(BulqError, match="more than the goods"):
            extra(one, "-67.01")

    def test_removed_they_are_gone_from_every_share(self, one):
        cost = extra(one, "6.70")
        remove_extra_cost(cost, by=one.hana)
        assert owed(one) == {"A": 10, "B": 47, "H": 10}
        with pytest.raises(ChangedMeanwhile, match="has removed this"):
            remove_extra_cost(cost, by=one.alice)

    def test_where_everything_was_a_gift_all_who_receive_something_share_alike(self):
        one = stage(states.SHOPPING)
        purchase(one.run, one.oil, 8, "0")
        leave_the_shop(one.run)
        extra(one, "3.01")
        assert sorted(owed(one).values()) == [1, 1, D("1.01")]
        assert problems() == []

    def test_where_nothing_was_bought_they_are_the_payers(self):
        one = stage(states.SHOPPING)
        extra(one, "5")
        leave_the_shop(one.run, payer=one.bob)
        assert owed(one) == {"A": 0, "B": 5, "H": 0}
        assert debts_of(one.bob) == ([], [])
        assert problems() == []

    def test_they_stay_within_what_a_run_can_cost(self, one):
        with pytest.raises(BulqError, match="can cost at most"):
            extra(one, "9999933")
        extra(one, "9999932.99")

    def test_yen_are_split_into_whole_ones(self):
        one = stage(states.DISTRIBUTING, currency="JPY")
        extra(one, "100")
        assert sum(owed(one).values()) == 167
        assert all(amount == int(amount) for amount in owed(one).values())
        assert problems() == []

    @pytest.mark.parametrize("state", [*WAY, states.CANCELLED])
    def test_from_the_shop_until_completion(self, state):
        one = stage(state)
        if state in states.FROM_THE_SHOP_ON:
            remove_extra_cost(extra(one, "1", by=one.hana), by=one.hana)
        else:
            with pytest.raises(ChangedMeanwhile, match="from the shop to the end"):
                extra(one, "1")

    def test_only_by_leader_and_helpers(self, one):
        cost = extra(one, "1", by=one.hana)
        for user, error in ((one.bob, NotAllowed), (one.adam, NotAllowed), (one.charlie, Http404)):
            for action in (
                lambda user=user: extra(one, "1", by=user),
                lambda user=user: remove_extra_cost(cost, by=user),
            ):
                with pytest.raises(error):
                    action()


class TestPickingUp:
    """Spec 62."""

    def rows(self, one, user):
        return Allocation.objects.filter(item__run=one.run, bid__participation__user=user)

    def test_leader_and_helpers_mark_one_or_all_of_a_person_and_take_it_back(self, one):
        for _twice in range(2):
            set_picked_up(one.run, self.rows(one, one.bob), True, by=one.hana)
        assert set(self.rows(one, one.bob).values_list("picked_up_by", flat=True)) == {one.hana.pk}
        assert one.kinds().count("picked_up") == 2
        set_picked_up(one.run, self.rows(one, one.bob)[:1], False, by=one.alice)
        assert self.rows(one, one.bob).filter(picked_up_at=None).count() == 1
        for user, error in ((one.bob, NotAllowed), (one.charlie, Http404)):
            with pytest.raises(error):
                set_picked_up(one.run, self.rows(one, one.bob), True, by=user)

    def test_the_payers_and_the_leaders_own_count_as_picked_up(self):
        one = stage(states.SHOPPING)
        purchase(one.run, one.oil, 8, "40")
        leave_the_shop(one.run, payer=one.hana)
        assert {row.bid.participation.user for row in not_picked_up(one.run)} == {one.bob}
        ledger = Ledger(one.fresh(), one.bob)
        assert [account.user for account in ledger.accounts if account.has_all] == [one.alice, one.hana]

    def test_a_thing_of_another_run_is_left_alone(self, one):
        other = stage(states.DISTRIBUTING)
        set_picked_up(one.run, self.rows(other, other.bob), True, by=one.alice)
        assert not self.rows(other, other.bob).filter(picked_up_at__isnull=False).exists()

    @pytest.mark.parametrize("state", [states.ADJUSTING, states.COMPLETED, states.SHOPPING])
    def test_only_during_the_hand_out(self, state):
        one = stage(state)
        with pytest.raises(ChangedMeanwhile, match="during the hand-out"):
            set_picked_up(one.run, self.rows(one, one.bob), True, by=one.alice)


class TestCompleting:
    """Spec 35."""

    def test_what_is_not_picked_up_is_named_recorded_and_still_owed(self, one):
        with pytest.raises(ChangedMeanwhile, match="picked up or put back in the meantime"):
            complete(one.run, waiting=0, by=one.alice)
        complete(one.run, waiting=3, by=one.alice)
        names = sorted([f"{one.gouda.name} (Bob)", f"{one.oil.name} (Bob)", f"{one.oil.name} (Hana)"])
        assert sorted(one.last_event().data["not_collected"]) == names
        assert [debt.amount for debt in debts_of(one.bob)[0]] == [47]

    def test_then_it_says_who_still_pays_until_all_have(self, one):
        complete(one.run, waiting=3, by=one.alice)
        assert said(one, one.dora) == ("Handed out", "Handed out. 2 people still have to pay €57.00 in total.")
        pay(one, one.bob, one.alice)
        assert said(one, one.dora) == ("Handed out", "Handed out. 1 person still has to pay €10.00.")
        pay(one, one.hana, one.alice)
        assert said(one, one.dora) == ("Settled", "Settled: everything is handed out and paid.")


class TestPaying:
    """Spec 63."""

    def test_payer_and_leader_mark_and_unmark_and_it_is_recorded(self):
        one = stage(states.SHOPPING)
        purchase(one.run, one.oil, 8, "40")
        leave_the_shop(one.run, payer=one.hana)
        for by in (one.hana, one.alice):
            for _twice in range(2):
                pay(one, one.bob, by)
            assert (one.last_event().kind, one.last_event().actor) == ("paid", by)
            assert one.part_of(one.bob).paid_amount == 20
            pay(one, one.bob, by, paid=False)
            assert one.part_of(one.bob).paid_amount is None
        assert one.kinds().count("paid") == 2
        for user, error in ((one.bob, NotAllowed), (one.adam, NotAllowed), (one.charlie, Http404)):
            with pytest.raises(error):
                pay(one, one.bob, user)

    def test_the_payer_owes_nobody_and_the_leader_owes_the_payer(self):
        one = stage(states.SHOPPING)
        purchase(one.run, one.oil, 8, "40")
        leave_the_shop(one.run, payer=one.hana)
        with pytest.raises(BulqError, match="Hana owes nothing"):
            pay(one, one.hana, one.alice)
        [debt], _due = debts_of(one.alice)
        assert (debt.amount, debt.creditor) == (10, one.hana)
        assert {due.debtor for due in debts_of(one.hana)[1]} == {one.alice, one.bob}

    def test_what_the_page_said_has_to_be_what_is_owed(self, one):
        """D6."""
        for amount in ("46.99", "0"):
            with pytest.raises(ChangedMeanwhile, match=r"has changed to €47\.00"):
                pay(one, one.bob, one.alice, amount=amount)
        with pytest.raises(ChangedMeanwhile):
            set_paid(one.run, one.bob, True, owed=None, by=one.alice)

    def test_a_mark_keeps_its_amount_when_the_total_is_corrected_and_shows_the_difference(self, one):
        pay(one, one.bob, one.alice)
        correct_total(bought(one, one.gouda), D(30), was=D(27), by=one.alice)
        assert one.part_of(one.bob).paid_amount == 47
        assert [debt.amount for debt in debts_of(one.bob)[0]] == [3]
        pay(one, one.bob, one.alice)
        assert (one.part_of(one.bob).paid_amount, debts_of(one.bob)[0]) == (50, [])
        correct_total(bought(one, one.gouda), D(20), was=D(30), by=one.alice)
        assert (debts_of(one.bob)[0], [debt.amount for debt in debts_of(one.bob)[1]]) == ([], [10])
        assert [(debt.creditor, debt.amount) for debt in debts_of(one.alice)[0]] == [(one.bob, 10)]

    def test_only_in_the_hand_out_and_after_it(self):
        for state in WAY:
            one = stage(state)
            if state in states.WITH_ALLOCATIONS:
                pay(one, one.bob, one.alice)
            elif state != states.PLANNING:
                with pytest.raises(ChangedMeanwhile, match="once the hand-out has started"):
                    set_paid(one.run, one.bob, True, owed=D(1), by=one.alice)

    def test_somebody_without_a_part_pays_nothing(self, one):
        with pytest.raises(BulqError):
            set_paid(one.run, one.dora, True, owed=D(0), by=one.alice)


class TestCorrectingATotal:
    """Spec 37."""

    def test_costs_are_split_again_and_the_observation_follows(self, one):
        correct_total(bought(one, one.oil), D("40.01"), was=D(40), by=one.alice)
        assert sum(owed(one).values()) == D("67.01")
        assert Price.objects.standing().get(offer__product=one.oil).amount == D("40.01")
        assert one.last_event().data == {"total": "40.01", "was": "40"}
        correct_total(bought(one, one.oil), D(0), was=D("40.01"), by=one.alice)
        assert not Price.objects.standing().filter(offer__product=one.oil).exists()
        assert owed(one) == {"A": 0, "B": 27, "H": 0}
        assert problems() == []

    def test_what_is_received_stays(self, one):
        before = list(Allocation.objects.order_by("pk").values_list("quantity", flat=True))
        correct_total(bought(one, one.oil), D("0.01"), was=D(40), by=one.alice)
        assert list(Allocation.objects.order_by("pk").values_list("quantity", flat=True)) == before
        assert problems() == []

    def test_a_stale_form_is_told_what_is_there_now(self, one):
        correct_total(bought(one, one.oil), D(41), was=D(40), by=one.alice)
        with pytest.raises(ChangedMeanwhile, match=r"corrected it to €41\.00"):
            correct_total(bought(one, one.oil), D(42), was=D(40), by=one.alice)

    def test_not_below_the_discounts_nor_above_what_a_run_can_cost(self, one):
        extra(one, "-60")
        with pytest.raises(BulqError, match="more than the goods at"):
            correct_total(bought(one, one.oil), D(32), was=D(40), by=one.alice)
        with pytest.raises(BulqError, match="can cost at most"):
            correct_total(bought(one, one.oil), D("9999999.99"), was=D(40), by=one.alice)
        assert sum(owed(one).values()) == 7

    def test_while_sorting_out_too_and_only_then_by_the_leader(self):
        one = stage(states.ADJUSTING)
        correct_total(bought(one, one.oil), D(41), was=D(40), by=one.alice)
        for user, error in ((one.hana, NotAllowed), (one.charlie, Http404)):
            with pytest.raises(error):
                correct_total(bought(one, one.oil), D(42), was=D(41), by=user)
        over = stage(states.COMPLETED)
        with pytest.raises(ChangedMeanwhile, match="between the shop and the end"):
            correct_total(bought(over, over.oil), D(42), was=D(40), by=over.alice)

    def test_discounts_that_no_longer_fit_are_found_before_the_hand_out(self):
        one = stage(states.ADJUSTING, gouda="3", oil="7")
        extra(one, "-60")
        correct_total(bought(one, one.oil), D(20), was=D(40), by=one.alice)
        sort_out(one.run, one.oil, D(3), was=D(4), by=one.bob)
        with pytest.raises(BulqError, match="Correct them first"):
            finish_sorting(one.run, by=one.alice)


def test_going_back_and_forth_ends_in_the_same_sums(one):
    """Spec 37: allocations are dropped and made anew."""
    extra(one, "1")
    before = owed(one)
    back_to_shopping(one.run, by=one.alice)
    assert set(owed(one).values()) == {0}
    leave_the_shop(one.fresh())
    assert owed(one) == before
    complete(one.run, waiting=3, by=one.alice)
    reopen_hand_out(one.run, by=one.alice)
    assert owed(one) == before


def test_called_off_after_buying_nobody_owes_anything():
    """Spec 36: goods and cost stay with the payer."""
    one = stage(states.ADJUSTING)
    extra(one, "5")
    runs.call_off(one.run, by=one.alice)
    assert set(owed(one).values()) == {0}
    assert debts_of(one.bob) == debts_of(one.alice) == ([], [])
    with pytest.raises(BulqError):
        shopping.undo_purchase(bought(one, one.oil), by=one.alice)
    assert problems() == []
