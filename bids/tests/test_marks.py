"""Spec 91, until there is a journal: nothing removes the debt behind a marked payment, whoever asks."""

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


def mark(scene, *people):
    for person in people:
        set_paid(scene.run, person, True, owed=owed_by_person(scene.run)[scene.part_of(person).pk], by=scene.alice)


def mark_by_hand(scene):
    """Marks as older releases left them: in any state."""
    for person, amount in ((scene.bob, 47), (scene.hana, 10)):
        part = Participation.objects.filter(run=scene.run, user=person)
        part.update(paid_amount=amount, paid_at=timezone.now(), paid_marked_by=scene.alice)


def test_back_to_the_shop_waits_until_the_marks_are_gone():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob, scene.hana)
    with pytest.raises(BulqError, match=MARKED):
        back_to_shopping(scene.run, by=scene.alice)
    assert scene.state == states.DISTRIBUTING
    assert [debt.amount for debt in debts_of(scene.bob)[0]] == []
    set_paid(scene.run, scene.hana, False, owed=None, by=scene.alice)
    with pytest.raises(BulqError, match=r"This payment is marked: Bob \(€47\.00\)\. Unmark it first"):
        back_to_shopping(scene.run, by=scene.alice)
    set_paid(scene.run, scene.bob, False, owed=None, by=scene.alice)
    back_to_shopping(scene.run, by=scene.alice)
    assert scene.state == states.SHOPPING


@pytest.mark.parametrize(("action", "origins"), MOVES, ids=IDS)
def test_no_move_drops_debts_while_payments_are_marked(action, origins):
    """Every move from each of its states either keeps the debts or names the marks."""
    for origin in sorted(origins, key=[*WAY].index):
        scene = stage(origin)
        mark_by_hand(scene)
        try:
            action(scene.run, by=scene.alice)
        except BulqError as refusal:
            assert scene.state == origin
            if "marked:" in refusal.message:
                continue
        assert scene.state in states.AFTER_THE_SHOP or scene.state == origin


def test_a_run_with_marked_payments_cannot_be_called_off():
    for state in (states.SHOPPING, states.ADJUSTING):
        scene = stage(state)
        mark_by_hand(scene)
        with pytest.raises(BulqError, match=MARKED):
            runs.call_off(scene.run, by=scene.alice)


def test_marked_payments_stay_with_the_person_who_was_paid():
    scene = stage(states.SHOPPING)
    type(scene.run).objects.filter(pk=scene.run.pk).update(payer=scene.alice)
    mark_by_hand(scene)
    scene.fresh()
    with pytest.raises(BulqError, match=MARKED):
        leave_the_shop(scene.run, payer=scene.bob)
    assert scene.state == states.SHOPPING
    leave_the_shop(scene.run, payer=scene.alice)
    assert scene.state == states.COMPLETED


def test_without_marks_the_payer_can_change():
    """The other side of the rule: it prevents nothing else."""
    scene = stage(states.DISTRIBUTING)
    back_to_shopping(scene.run, by=scene.alice)
    leave_the_shop(scene.fresh(), payer=scene.hana)
    assert scene.fresh().payer == scene.hana
    rows = Allocation.objects.filter(item__run=scene.run)
    set_picked_up(scene.run, rows, True, by=scene.alice)
    assert [debt.amount for debt in debts_of(scene.bob)[0]] == [D(47)]
    with pytest.raises(BulqError, match="already been picked up"):
        back_to_shopping(scene.run, by=scene.alice)


def test_the_refusal_is_a_sentence_on_the_page():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    answer = signed_in(scene.alice).post(f"/runs/{scene.run.pk}/back-to-shop/")
    assert answer.status_code == 422
    assert "This payment is marked: Bob (€47.00). Unmark it first." in answer.content.decode()
