"""Spec 91, until there is a journal: nothing takes the debt away from under a payment that is marked, whoever asks."""

import pytest
from django.utils import timezone

from bids import states
from bids.actions import runs
from bids.actions.costs import set_paid
from bids.actions.distribution import back_to_shopping, set_picked_up
from bids.models import Allocation, Participation
from bids.reading.sums import debts_of, owed_by_person
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in

from .cast import WAY, D, leave_the_shop, stage
from .test_moves import IDS, MOVES

pytestmark = pytest.mark.django_db
MARKED = r"marked: Bob \(€47\.00\) and Hana \(€10\.00\)\. Unmark them first"


def mark(one, *people):
    for person in people:
        set_paid(one.run, person, True, owed=owed_by_person(one.run)[one.part_of(person).pk], by=one.alice)


def mark_by_hand(one):
    """Marks as older releases left them behind: in any state."""
    for person, amount in ((one.bob, 47), (one.hana, 10)):
        part = Participation.objects.filter(run=one.run, user=person)
        part.update(paid_amount=amount, paid_at=timezone.now(), paid_marked_by=one.alice)


def test_back_to_the_shop_waits_until_the_marks_are_gone():
    one = stage(states.DISTRIBUTING)
    mark(one, one.bob, one.hana)
    with pytest.raises(BulqError, match=MARKED):
        back_to_shopping(one.run, by=one.alice)
    assert one.state == states.DISTRIBUTING
    assert [debt.amount for debt in debts_of(one.bob)[0]] == []
    set_paid(one.run, one.hana, False, owed=None, by=one.alice)
    with pytest.raises(BulqError, match=r"This payment is marked: Bob \(€47\.00\)\. Unmark it first"):
        back_to_shopping(one.run, by=one.alice)
    set_paid(one.run, one.bob, False, owed=None, by=one.alice)
    back_to_shopping(one.run, by=one.alice)
    assert one.state == states.SHOPPING


@pytest.mark.parametrize(("action", "origins"), MOVES, ids=IDS)
def test_no_way_leads_out_of_the_debts_while_they_are_marked(action, origins):
    """Every move from every state it starts from: it keeps the debts, or names the marks."""
    for origin in sorted(origins, key=[*WAY].index):
        one = stage(origin)
        mark_by_hand(one)
        try:
            action(one.run, by=one.alice)
        except BulqError as refusal:
            assert one.state == origin
            if "marked:" in refusal.message:
                continue
        assert one.state in states.AFTER_THE_SHOP or one.state == origin


def test_what_has_marks_is_not_called_off():
    for state in (states.SHOPPING, states.ADJUSTING):
        one = stage(state)
        mark_by_hand(one)
        with pytest.raises(BulqError, match=MARKED):
            runs.call_off(one.run, by=one.alice)


def test_marked_payments_stay_with_who_was_paid():
    one = stage(states.SHOPPING)
    type(one.run).objects.filter(pk=one.run.pk).update(payer=one.alice)
    mark_by_hand(one)
    one.fresh()
    with pytest.raises(BulqError, match=MARKED):
        leave_the_shop(one.run, payer=one.bob)
    assert one.state == states.SHOPPING
    leave_the_shop(one.run, payer=one.alice)
    assert one.state == states.COMPLETED


def test_without_marks_another_may_have_paid():
    """The other side of the rule: it stops nothing else."""
    one = stage(states.DISTRIBUTING)
    back_to_shopping(one.run, by=one.alice)
    leave_the_shop(one.fresh(), payer=one.hana)
    assert one.fresh().payer == one.hana
    rows = Allocation.objects.filter(item__run=one.run)
    set_picked_up(one.run, rows, True, by=one.alice)
    assert [debt.amount for debt in debts_of(one.bob)[0]] == [D(47)]
    with pytest.raises(BulqError, match="already been picked up"):
        back_to_shopping(one.run, by=one.alice)


def test_the_refusal_is_a_sentence_on_the_page():
    one = stage(states.DISTRIBUTING)
    mark(one, one.bob)
    answer = signed_in(one.alice).post(f"/runs/{one.run.pk}/back-to-shop/")
    assert answer.status_code == 422
    assert "This payment is marked: Bob (€47.00). Unmark it first." in answer.content.decode()
