"""Spec 87: what the receipts say (M4)."""

from decimal import ROUND_FLOOR

import pytest
from django.db import transaction
from django.http import Http404
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bids import states
from bids.actions import costs, distribution, runs, shopping
from bids.actions.receipts import (
    add_receipt,
    leave_to_payer,
    remove_receipt,
    split_difference,
    take_back_difference,
)
from bids.models import ExtraCost, Purchase, Split
from bids.reading.again import proposed_costs
from bids.reading.guidance import next_step
from bids.reading.invariants import problems
from bids.reading.ledger import Ledger
from bids.reading.receipts import comparison_of
from bids.reading.standing import standing_of
from bids.reading.sums import owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in

from .cast import WAY, D, leave_the_shop, stage
from .factories import purchase

pytestmark = pytest.mark.django_db


def owed(scene):
    """Each person's total, by first letter: oil 40 for 2, 4, 2 and Gouda 27 for Bob."""
    parts = owed_by_person(scene.run)
    return {part.user.name[0]: parts[part.pk] for part in scene.run.participations.select_related("user")}


def extra(scene, amount, how=Split.VALUE, person=None, by=None):
    return costs.add_extra_cost(
        scene.run, label="Crate", amount=D(amount), how=how, person=person, by=by or scene.alice
    )


def receipt(scene, amount, by=None):
    return add_receipt(scene.run, amount=D(amount), by=by or scene.hana)


def decide(scene, action, seen=None, by=None):
    return action(scene.run, seen=seen or comparison_of(scene.run).version, by=by or scene.alice)


@pytest.fixture
def scene():
    return stage(states.DISTRIBUTING)


@pytest.fixture
def sorted_out():
    """Every line matches, but the receipts say 0.50 more than 67.00."""
    made = stage(states.SHOPPING)
    purchase(made.run, made.oil, 8, "40")
    purchase(made.run, made.gouda, 3, "27")
    receipt(made, "67.50")
    leave_the_shop(made.run)
    return made


class TestReceipts:
    """Spec 87."""

    @pytest.mark.parametrize("state", [*WAY, states.CANCELLED])
    def test_from_the_shop_to_the_end_of_the_hand_out(self, state):
        scene = stage(state)
        if state in states.FROM_THE_SHOP_ON:
            remove_receipt(receipt(scene, "1"), by=scene.alice)
            assert scene.kinds()[-2:] == ["receipt_added", "receipt_removed"]
        else:
            with pytest.raises(ChangedMeanwhile, match="from the shop to the end"):
                receipt(scene, "1")

    def test_only_by_leader_and_helpers_and_only_the_leader_decides(self, scene):
        till = receipt(scene, "60")
        for user, error in ((scene.bob, NotAllowed), (scene.adam, NotAllowed), (scene.charlie, Http404)):
            for action in (
                lambda user=user: receipt(scene, "1", by=user),
                lambda user=user: remove_receipt(till, by=user),
                lambda user=user: decide(scene, split_difference, by=user),
                lambda user=user: decide(scene, leave_to_payer, by=user),
                lambda user=user: take_back_difference(scene.run, by=user),
            ):
                with pytest.raises(error):
                    action()
        with pytest.raises(NotAllowed):
            decide(scene, split_difference, by=scene.hana)

    def test_every_member_sees_both_sides_and_the_difference(self, scene):
        url = f"/runs/{scene.run.pk}/costs/"
        assert "Not compared with a receipt" in signed_in(scene.dora).get(url).content.decode()
        assert "Not compared with a receipt" in signed_in(scene.dora).get(f"/runs/{scene.run.pk}/hand-out/").text
        receipt(scene, "69.49")
        page = signed_in(scene.dora).get(url).content.decode()
        for text in ("The receipts say €2.49 more.", "€2.49 not explained", "€69.49", "€67.00"):
            assert text in page
        assert "Split €2.49" not in page
        assert "Split €2.49" in signed_in(scene.alice).get(url).content.decode()
        receipt_of_rest = receipt(scene, "1")
        assert "€3.49 not explained" in signed_in(scene.dora).get(f"/runs/{scene.run.pk}/hand-out/").text
        remove_receipt(receipt_of_rest, by=scene.hana)

    def test_the_hand_out_waits_until_someone_has_decided(self, sorted_out):
        scene = sorted_out
        assert scene.state == states.ADJUSTING
        assert next_step(standing_of(scene.run, scene.alice)).startswith("The receipts say €0.50 more.")
        with pytest.raises(BulqError, match=r"The receipts come to €67\.50, .* to €67\.00.*difference of €0\.50 first"):
            distribution.finish_sorting(scene.run, by=scene.alice)
        decide(scene, split_difference)
        distribution.finish_sorting(scene.run, by=scene.alice)
        assert sum(owed(scene).values()) == D("67.50")
        assert problems() == []

    def test_a_forced_hand_out_waits_as_well(self):
        scene = stage(states.ADJUSTING)
        receipt(scene, "60")
        preview = costs.Division(scene.run, shopping.lines_of(scene.run)).fingerprint()
        with pytest.raises(BulqError, match=r"difference of €7\.00 first"):
            distribution.force_hand_out(scene.run, seen=preview, by=scene.alice)
        decide(scene, leave_to_payer)
        distribution.force_hand_out(scene.run, seen=preview, by=scene.alice)
        assert sum(owed(scene).values()) == 67

    def test_correcting_a_line_is_a_way_out(self, sorted_out):
        scene = sorted_out
        oil = Purchase.objects.select_related("item__run", "price").get(item__product=scene.oil)
        costs.correct_total(oil, D("40.50"), was=D(40), by=scene.alice)
        assert comparison_of(scene.run).matches
        distribution.finish_sorting(scene.run, by=scene.alice)

    def test_what_the_payer_takes_changes_no_debt_whichever_the_sign(self, scene):
        before = owed(scene)
        till = receipt(scene, "60")
        decide(scene, leave_to_payer)
        assert (owed(scene), comparison_of(scene.run).open) == (before, 0)
        page = signed_in(scene.dora).get(f"/runs/{scene.run.pk}/costs/").content.decode()
        assert "Alice took the difference." in page
        assert "The receipts say €7.00 less" in page
        receipt(scene, "10")
        assert comparison_of(scene.run).open == 10
        decide(scene, leave_to_payer)
        assert (owed(scene), comparison_of(scene.run).taken) == (before, 3)
        take_back_difference(scene.run, by=scene.alice)
        assert comparison_of(scene.run).open == 3
        with pytest.raises(ChangedMeanwhile):
            take_back_difference(scene.run, by=scene.alice)
        decide(scene, leave_to_payer)
        remove_receipt(till, by=scene.hana)
        assert comparison_of(scene.run).open == -60
        assert problems() == []

    def test_the_decision_goes_with_the_last_receipt_and_with_going_back_to_the_shop(self, scene):
        till = receipt(scene, "60")
        decide(scene, leave_to_payer)
        remove_receipt(till, by=scene.hana)
        assert scene.fresh().difference_taken is None
        receipt(scene, "60")
        decide(scene, leave_to_payer)
        distribution.back_to_shopping(scene.run, by=scene.alice)
        assert scene.fresh().difference_taken is None
        leave_the_shop(scene.run)
        assert scene.state == states.ADJUSTING
        assert problems() == []

    def test_a_difference_that_has_changed_is_told_and_not_decided(self, scene):
        """409 with the current sum, and nothing is changed."""
        receipt(scene, "69.49")
        seen = comparison_of(scene.run).version
        receipt(scene, "1")
        url = f"/runs/{scene.run.pk}/costs/difference/"
        for choice in ("split", "take"):
            answer = signed_in(scene.alice).post(url, {"choice": choice, "seen": seen})
            assert answer.status_code == 409
            assert "The receipts now say €3.49 more." in answer.content.decode()
        assert signed_in(scene.alice).post(url, {"choice": "", "seen": "3.49"}).status_code == 422
        assert (ExtraCost.objects.count(), scene.fresh().difference_taken) == (0, None)
        decide(scene, split_difference)
        with pytest.raises(ChangedMeanwhile, match="no difference"):
            decide(scene, split_difference)

    @pytest.mark.parametrize("choice", ["split", "take"])
    def test_one_tap_closes_it_and_the_toast_undoes_it(self, scene, choice):
        receipt(scene, "69.49")
        client, before = signed_in(scene.alice), owed(scene)
        data = {"choice": choice, "seen": comparison_of(scene.run).version}
        answer = client.post(f"/runs/{scene.run.pk}/costs/difference/", data, follow=True)
        assert comparison_of(scene.run).open == 0
        undo = answer.content.decode().split('<div class="toast">')[1].split('action="')[1].split('"')[0]
        client.post(undo)
        assert (comparison_of(scene.run).open, owed(scene)) == (D("2.49"), before)

    def test_the_last_page_of_the_shop_takes_a_receipt(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "40")
        purchase(scene.run, scene.gouda, 3, "27")
        client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/shop/finish/"
        assert "Not compared with a receipt" in client.get(url).content.decode()
        form = {"payer": scene.bob.pk, "open_lines": 0}
        for bad in ("x", "0", "-1", "9999999999"):
            answer = client.post(url, form | {"receipt": bad})
            assert (answer.status_code, scene.state) == (422, states.SHOPPING)
        answer = client.post(url, form | {"receipt": "66.00"}, follow=True)
        assert scene.state == states.ADJUSTING
        page = answer.content.decode()
        assert "The receipts say €1.00 less." in page
        assert "Bob keeps it, and what others owe stays the same." in page

    def test_a_receipt_that_matches_starts_the_hand_out_at_once(self):
        scene = stage(states.SHOPPING)
        purchase(scene.run, scene.oil, 8, "40")
        purchase(scene.run, scene.gouda, 3, "27")
        shopping.finish_shopping(scene.run, payer=scene.alice, open_lines=0, receipt=D(67), by=scene.alice)
        assert scene.state == states.DISTRIBUTING
        assert "Matches the receipts" in signed_in(scene.dora).get(f"/runs/{scene.run.pk}/hand-out/").text

    def test_receipts_stay_within_the_limit_of_a_run(self, scene):
        receipt(scene, "9999999.98")
        with pytest.raises(BulqError, match="can come to at most"):
            receipt(scene, "0.02")

    def test_after_calling_off_they_can_still_be_read(self):
        scene = stage(states.ADJUSTING)
        receipt(scene, "60")
        decide(scene, leave_to_payer)
        runs.call_off(scene.run, by=scene.alice)
        assert "€60.00" in signed_in(scene.bob).get(f"/runs/{scene.run.pk}/costs/").content.decode()
        assert problems() == []

    def test_the_split_difference_is_not_proposed_to_the_next_run(self, scene):
        receipt(scene, "69")
        decide(scene, split_difference)
        extra(scene, "2", Split.EQUAL)
        extra(scene, "2", Split.PERSON, scene.bob)
        again = runs.start_run(scene.group, store=scene.run.store, by=scene.alice, again_of=scene.run)
        assert [cost.how for cost in proposed_costs(again)] == [Split.EQUAL]


EXTRA = st.tuples(st.integers(-900, 900).filter(bool), st.sampled_from(Split), st.sampled_from("abh"))


@pytest.mark.slow
@hypothesis_settings(max_examples=60, deadline=None)
@given(
    goods=st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
    extras=st.lists(EXTRA, max_size=5),
    slips=st.lists(st.integers(1, 9000), max_size=3),
    way=st.sampled_from(["correct", "split", "take"]),
    currency=st.sampled_from(["EUR", "JPY"]),
)
def test_with_receipts_shares_come_to_what_they_say(goods, extras, slips, way, currency):
    """M4: the hand-out starts at a difference of 0 or with a decision; then shares = receipts to the cent."""
    with transaction.atomic():
        try:
            _play(goods, extras, slips, way, currency)
        finally:
            transaction.set_rollback(True)


def _play(goods, extras, slips, way, currency):
    def money(number):
        amount = D(number) / 100
        return amount if currency == "EUR" else amount.to_integral_value(ROUND_FLOOR) + 1

    scene = stage(states.SHOPPING, currency=currency)
    purchase(scene.run, scene.oil, 8, money(goods[0]))
    purchase(scene.run, scene.gouda, 3, money(goods[1]))
    people = {"a": scene.alice, "b": scene.bob, "h": scene.hana}
    for amount, how, person in extras:
        value = money(amount) if amount > 0 else -money(-amount)
        _try(lambda v=value, h=how, p=person: extra(scene, v, h, people[p] if h == Split.PERSON else None))
    for amount in slips:
        receipt(scene, money(amount))
    if _try(lambda: leave_the_shop(scene.run)) is False:
        assert scene.state == states.SHOPPING  # a discount in the shop that is too high for someone
        return
    compared = comparison_of(scene.fresh())
    assert (scene.state == states.DISTRIBUTING) == (compared.open == 0)
    if compared.open:
        assert _try(lambda: distribution.finish_sorting(scene.run, by=scene.alice)) is False
        _close(scene, way, compared)
        if comparison_of(scene.run).open:
            return  # the decision would take someone below zero
        if _try(lambda: distribution.finish_sorting(scene.run, by=scene.alice)) is False:
            return
    after = comparison_of(scene.fresh())
    assert scene.state == states.DISTRIBUTING
    assert all(amount >= 0 for amount in owed(scene).values())
    assert sum(owed(scene).values()) == Ledger(scene.run, scene.bob).total
    if slips:
        assert sum(owed(scene).values()) == after.receipts - after.taken
    assert problems() == []


def _close(scene, way, compared):
    if way == "correct":
        oil = Purchase.objects.select_related("item__run", "price").get(item__run=scene.run, item__product=scene.oil)
        total = oil.total + compared.open
        if total >= 0:
            costs.correct_total(oil, total, was=oil.total, by=scene.alice)
    else:
        _try(lambda: decide(scene, split_difference if way == "split" else leave_to_payer))


def _try(action):
    try:
        action()
    except BulqError:
        return False
    return True
