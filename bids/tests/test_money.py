"""Spec 60 to 63: what goods cost, who has them, who has paid."""

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


def owed(scene):
    """Each person's total, by first letter: oil 40 for 2, 4, 2 and Gouda 27 for Bob."""
    parts = owed_by_person(scene.run)
    return {part.user.name[0]: parts[part.pk] for part in scene.run.participations.select_related("user")}


def extra(scene, amount, by=None, label="Deposit"):
    add_extra_cost(scene.run, label=label, amount=D(amount), by=by or scene.alice)
    return ExtraCost.objects.latest("pk")


def bought(scene, product):
    return Purchase.objects.select_related("item__run", "price").get(item__run=scene.run, item__product=product)


def pay(scene, user, by, paid=True, amount=None):
    now = owed_by_person(scene.run)[scene.part_of(user).pk]
    set_paid(scene.run, user, paid, owed=now if amount is None else D(amount), by=by)


def standing_for(scene, user):
    """The word for the state, and what happens next, to this reader."""
    standing = standing_of(scene.fresh(), user)
    return standing.label, next_step(standing)


@pytest.fixture
def scene():
    return stage(states.DISTRIBUTING)


class TestExtraCosts:
    """Spec 60."""

    def test_they_are_split_by_value_and_the_shares_add_up_to_the_run(self, scene):
        assert owed(scene) == {"A": 10, "B": 47, "H": 10}
        extra(scene, "6.70", by=scene.hana)
        assert owed(scene) == {"A": 11, "B": D("51.70"), "H": 11}
        assert Ledger(scene.run, scene.bob).total == sum(owed(scene).values())

    def test_a_discount_cannot_exceed_the_goods(self, scene):
        with pytest.raises(BulqError, match=r"discounts come to €67\.01, more than the goods at €67\.00"):
            extra(scene, "-67.01")
        extra(scene, "-60")
        with pytest.raises(BulqError, match="more than the goods"):
            extra(scene, "-7.01")
        extra(scene, "-7")
        assert set(owed(scene).values()) == {0}
        assert problems() == []

    def test_other_costs_do_not_make_room_for_a_discount(self, scene):
        extra(scene, "50")
        with pytest.raises(BulqError, match="more than the goods"):
            extra(scene, "-67.01")

    def test_a_removed_cost_is_gone_from_every_share(self, scene):
        cost = extra(scene, "6.70")
        remove_extra_cost(cost, by=scene.hana)
        assert owed(scene) == {"A": 10, "B": 47, "H": 10}
        with pytest.raises(ChangedMeanwhile, match="has removed this"):
            remove_extra_cost(cost, by=scene.alice)

    def test_where_everything_was_free_all_who_receive_something_share_equally(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "0")
        leave_the_shop(scene.run)
        extra(scene, "3.01")
        assert sorted(owed(scene).values()) == [1, 1, D("1.01")]
        assert problems() == []

    def test_where_nothing_was_bought_the_payer_bears_them(self):
        scene = stage(states.SHOPPING)
        extra(scene, "5")
        leave_the_shop(scene.run, payer=scene.bob)
        assert owed(scene) == {"A": 0, "B": 5, "H": 0}
        assert debts_of(scene.bob) == ([], [])
        assert problems() == []

    def test_they_stay_within_the_limit_of_a_run(self, scene):
        with pytest.raises(BulqError, match="can cost at most"):
            extra(scene, "9999933")
        extra(scene, "9999932.99")

    def test_yen_are_split_into_whole_yen(self):
        scene = stage(states.DISTRIBUTING, currency="JPY")
        extra(scene, "100")
        assert sum(owed(scene).values()) == 167
        assert all(amount == int(amount) for amount in owed(scene).values())
        assert problems() == []

    @pytest.mark.parametrize("state", [*WAY, states.CANCELLED])
    def test_from_shopping_until_completion(self, state):
        scene = stage(state)
        if state in states.FROM_THE_SHOP_ON:
            remove_extra_cost(extra(scene, "1", by=scene.hana), by=scene.hana)
        else:
            with pytest.raises(ChangedMeanwhile, match="from the shop to the end"):
                extra(scene, "1")

    def test_only_by_leader_and_helpers(self, scene):
        cost = extra(scene, "1", by=scene.hana)
        for user, error in ((scene.bob, NotAllowed), (scene.adam, NotAllowed), (scene.charlie, Http404)):
            for action in (
                lambda user=user: extra(scene, "1", by=user),
                lambda user=user: remove_extra_cost(cost, by=user),
            ):
                with pytest.raises(error):
                    action()


class TestPickingUp:
    """Spec 62."""

    def rows(self, scene, user):
        return Allocation.objects.filter(item__run=scene.run, bid__participation__user=user)

    def test_leader_and_helpers_mark_and_unmark_one_thing_or_all_of_a_person(self, scene):
        for _twice in range(2):
            set_picked_up(scene.run, self.rows(scene, scene.bob), True, by=scene.hana)
        assert set(self.rows(scene, scene.bob).values_list("picked_up_by", flat=True)) == {scene.hana.pk}
        assert scene.kinds().count("picked_up") == 2
        set_picked_up(scene.run, self.rows(scene, scene.bob)[:1], False, by=scene.alice)
        assert self.rows(scene, scene.bob).filter(picked_up_at=None).count() == 1
        for user, error in ((scene.bob, NotAllowed), (scene.charlie, Http404)):
            with pytest.raises(error):
                set_picked_up(scene.run, self.rows(scene, scene.bob), True, by=user)

    def test_the_payers_and_the_leaders_own_count_as_picked_up(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "40")
        leave_the_shop(scene.run, payer=scene.hana)
        assert {row.bid.participation.user for row in not_picked_up(scene.run)} == {scene.bob}
        ledger = Ledger(scene.fresh(), scene.bob)
        assert [account.user for account in ledger.accounts if account.has_all] == [scene.alice, scene.hana]

    def test_a_thing_from_another_run_is_not_touched(self, scene):
        other = stage(states.DISTRIBUTING)
        set_picked_up(scene.run, self.rows(other, other.bob), True, by=scene.alice)
        assert not self.rows(other, other.bob).filter(picked_up_at__isnull=False).exists()

    @pytest.mark.parametrize("state", [states.ADJUSTING, states.COMPLETED, states.SHOPPING])
    def test_only_during_the_hand_out(self, state):
        scene = stage(state)
        with pytest.raises(ChangedMeanwhile, match="during the hand-out"):
            set_picked_up(scene.run, self.rows(scene, scene.bob), True, by=scene.alice)


class TestCompleting:
    """Spec 35."""

    def test_things_not_picked_up_are_named_recorded_and_still_owed(self, scene):
        with pytest.raises(ChangedMeanwhile, match="picked up or put back in the meantime"):
            complete(scene.run, waiting=0, by=scene.alice)
        complete(scene.run, waiting=3, by=scene.alice)
        names = sorted([f"{scene.gouda.name} (Bob)", f"{scene.oil.name} (Bob)", f"{scene.oil.name} (Hana)"])
        assert sorted(scene.last_event().data["not_collected"]) == names
        assert [debt.amount for debt in debts_of(scene.bob)[0]] == [47]

    def test_then_the_page_says_who_still_has_to_pay_until_all_have(self, scene):
        complete(scene.run, waiting=3, by=scene.alice)
        assert standing_for(scene, scene.dora) == (
            "Handed out",
            "Handed out. 2 people still have to pay €57.00 in total.",
        )
        pay(scene, scene.bob, scene.alice)
        assert standing_for(scene, scene.dora) == ("Handed out", "Handed out. 1 person still has to pay €10.00.")
        pay(scene, scene.hana, scene.alice)
        assert standing_for(scene, scene.dora) == ("Settled", "Settled: everything is handed out and paid.")


class TestPaying:
    """Spec 63."""

    def test_payer_and_leader_mark_and_unmark_payments_and_it_is_recorded(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "40")
        leave_the_shop(scene.run, payer=scene.hana)
        for by in (scene.hana, scene.alice):
            for _twice in range(2):
                pay(scene, scene.bob, by)
            assert (scene.last_event().kind, scene.last_event().actor) == ("paid", by)
            assert scene.part_of(scene.bob).paid_amount == 20
            pay(scene, scene.bob, by, paid=False)
            assert scene.part_of(scene.bob).paid_amount is None
        assert scene.kinds().count("paid") == 2
        for user, error in ((scene.bob, NotAllowed), (scene.adam, NotAllowed), (scene.charlie, Http404)):
            with pytest.raises(error):
                pay(scene, scene.bob, user)

    def test_the_payer_owes_nobody_and_the_leader_owes_the_payer(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "40")
        leave_the_shop(scene.run, payer=scene.hana)
        with pytest.raises(BulqError, match="Hana owes nothing"):
            pay(scene, scene.hana, scene.alice)
        [debt], _due = debts_of(scene.alice)
        assert (debt.amount, debt.creditor) == (10, scene.hana)
        assert {due.debtor for due in debts_of(scene.hana)[1]} == {scene.alice, scene.bob}

    def test_the_amount_on_the_page_has_to_match_the_debt(self, scene):
        """D6."""
        for amount in ("46.99", "0"):
            with pytest.raises(ChangedMeanwhile, match=r"has changed to €47\.00"):
                pay(scene, scene.bob, scene.alice, amount=amount)
        with pytest.raises(ChangedMeanwhile):
            set_paid(scene.run, scene.bob, True, owed=None, by=scene.alice)

    def test_a_mark_keeps_its_amount_when_the_total_is_corrected_and_shows_the_difference(self, scene):
        pay(scene, scene.bob, scene.alice)
        correct_total(bought(scene, scene.gouda), D(30), was=D(27), by=scene.alice)
        assert scene.part_of(scene.bob).paid_amount == 47
        assert [debt.amount for debt in debts_of(scene.bob)[0]] == [3]
        pay(scene, scene.bob, scene.alice)
        assert (scene.part_of(scene.bob).paid_amount, debts_of(scene.bob)[0]) == (50, [])
        correct_total(bought(scene, scene.gouda), D(20), was=D(30), by=scene.alice)
        assert (debts_of(scene.bob)[0], [debt.amount for debt in debts_of(scene.bob)[1]]) == ([], [10])
        assert [(debt.creditor, debt.amount) for debt in debts_of(scene.alice)[0]] == [(scene.bob, 10)]

    def test_only_during_and_after_the_hand_out(self):
        for state in WAY:
            scene = stage(state)
            if state in states.WITH_ALLOCATIONS:
                pay(scene, scene.bob, scene.alice)
            elif state != states.PLANNING:
                with pytest.raises(ChangedMeanwhile, match="once the hand-out has started"):
                    set_paid(scene.run, scene.bob, True, owed=D(1), by=scene.alice)

    def test_someone_outside_the_run_pays_nothing(self, scene):
        with pytest.raises(BulqError):
            set_paid(scene.run, scene.dora, True, owed=D(0), by=scene.alice)


class TestCorrectingATotal:
    """Spec 37."""

    def test_costs_are_split_again_and_the_price_follows(self, scene):
        correct_total(bought(scene, scene.oil), D("40.01"), was=D(40), by=scene.alice)
        assert sum(owed(scene).values()) == D("67.01")
        assert Price.objects.standing().get(offer__product=scene.oil).amount == D("40.01")
        assert scene.last_event().data == {"total": "40.01", "was": "40"}
        correct_total(bought(scene, scene.oil), D(0), was=D("40.01"), by=scene.alice)
        assert not Price.objects.standing().filter(offer__product=scene.oil).exists()
        assert owed(scene) == {"A": 0, "B": 27, "H": 0}
        assert problems() == []

    def test_received_quantities_stay(self, scene):
        before = list(Allocation.objects.order_by("pk").values_list("quantity", flat=True))
        correct_total(bought(scene, scene.oil), D("0.01"), was=D(40), by=scene.alice)
        assert list(Allocation.objects.order_by("pk").values_list("quantity", flat=True)) == before
        assert problems() == []

    def test_a_stale_form_shows_the_stored_value(self, scene):
        correct_total(bought(scene, scene.oil), D(41), was=D(40), by=scene.alice)
        with pytest.raises(ChangedMeanwhile, match=r"corrected it to €41\.00"):
            correct_total(bought(scene, scene.oil), D(42), was=D(40), by=scene.alice)

    def test_not_below_the_discounts_nor_above_the_limit_of_a_run(self, scene):
        extra(scene, "-60")
        with pytest.raises(BulqError, match="more than the goods at"):
            correct_total(bought(scene, scene.oil), D(32), was=D(40), by=scene.alice)
        with pytest.raises(BulqError, match="can cost at most"):
            correct_total(bought(scene, scene.oil), D("9999999.99"), was=D(40), by=scene.alice)
        assert sum(owed(scene).values()) == 7

    def test_also_while_sorting_out_but_then_only_by_the_leader(self):
        scene = stage(states.ADJUSTING)
        correct_total(bought(scene, scene.oil), D(41), was=D(40), by=scene.alice)
        for user, error in ((scene.hana, NotAllowed), (scene.charlie, Http404)):
            with pytest.raises(error):
                correct_total(bought(scene, scene.oil), D(42), was=D(41), by=user)
        over = stage(states.COMPLETED)
        with pytest.raises(ChangedMeanwhile, match="between the shop and the end"):
            correct_total(bought(over, over.oil), D(42), was=D(40), by=over.alice)

    def test_discounts_that_no_longer_fit_are_found_before_the_hand_out(self):
        scene = stage(states.ADJUSTING, gouda="3", oil="7")
        extra(scene, "-60")
        correct_total(bought(scene, scene.oil), D(20), was=D(40), by=scene.alice)
        sort_out(scene.run, scene.oil, D(3), was=D(4), by=scene.bob)
        with pytest.raises(BulqError, match="Correct them first"):
            finish_sorting(scene.run, by=scene.alice)


def test_going_back_and_forth_ends_in_the_same_sums(scene):
    """Spec 37: allocations are dropped and created again."""
    extra(scene, "1")
    before = owed(scene)
    back_to_shopping(scene.run, by=scene.alice)
    assert set(owed(scene).values()) == {0}
    leave_the_shop(scene.fresh())
    assert owed(scene) == before
    complete(scene.run, waiting=3, by=scene.alice)
    reopen_hand_out(scene.run, by=scene.alice)
    assert owed(scene) == before


def test_when_called_off_after_buying_nobody_owes_anything():
    """Spec 36: goods and cost stay with the payer."""
    scene = stage(states.ADJUSTING)
    extra(scene, "5")
    runs.call_off(scene.run, by=scene.alice)
    assert set(owed(scene).values()) == {0}
    assert debts_of(scene.bob) == debts_of(scene.alice) == ([], [])
    with pytest.raises(BulqError):
        shopping.undo_purchase(bought(scene, scene.oil), by=scene.alice)
    assert problems() == []
