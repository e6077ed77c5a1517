"""Spec 91: a run that goes back to the shop lets go of what was paid for it; it becomes credit."""

import pytest
from django.utils import timezone

from bids import states
from bids.actions import runs
from bids.actions.costs import set_paid
from bids.actions.distribution import back_to_shopping, set_picked_up
from bids.actions.marks import adopt_marks
from bids.actions.payments import say_paid
from bids.models import Allocation, Event, Notification, Participation, Payment
from bids.reading.history import news_of
from bids.reading.invariants import problems
from bids.reading.money import net_between, nets_of
from bids.reading.sums import debts_of, owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.tests.client import signed_in

from .cast import D, leave_the_shop, stage
from .factories import purchase

pytestmark = pytest.mark.django_db


def mark(scene, *people):
    for person in people:
        set_paid(scene.run, person, True, owed=owed_by_person(scene.run)[scene.part_of(person).pk], by=scene.alice)


def balance(scene, user, other):
    return net_between(user, other, scene.group).balance


def test_what_was_paid_becomes_credit_when_the_run_goes_back_to_the_shop():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob, scene.hana)
    back_to_shopping(scene.run, by=scene.alice)
    assert scene.state == states.SHOPPING
    assert [scene.part_of(person).paid_amount for person in (scene.bob, scene.hana)] == [None, None]
    assert [balance(scene, person, scene.alice) for person in (scene.bob, scene.hana)] == [-47, -10]
    assert balance(scene, scene.alice, scene.bob) == 47
    assert problems() == []


def test_both_are_told_the_sums_before_and_after():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    back_to_shopping(scene.run, by=scene.alice)
    [note] = Notification.objects.filter(user=scene.bob, event__kind="freed").with_words()
    assert (
        news_of([note])[0].sentence
        == "The €47.00 that you paid Alice is credit now: you owed €47.00 for this run, now nothing"
    )
    assert not Notification.objects.filter(user=scene.hana, event__kind="freed").exists()
    scene = stage(states.SHOPPING)
    scene.run = _handed_out_by_hana(scene)
    set_paid(scene.run, scene.bob, True, owed=owed_by_person(scene.run)[scene.part_of(scene.bob).pk], by=scene.hana)
    back_to_shopping(scene.run, by=scene.alice)
    [note] = Notification.objects.filter(user=scene.hana, event__kind="freed").with_words()
    assert "that Bob paid Hana is credit now; Bob owed" in news_of([note])[0].sentence


def _handed_out_by_hana(scene):

    purchase(scene.run, scene.oil, 8, "40")
    leave_the_shop(scene.run, payer=scene.hana)
    return scene.fresh()


def test_the_next_hand_out_is_paid_with_the_credit():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    back_to_shopping(scene.run, by=scene.alice)
    leave_the_shop(scene.fresh())
    assert balance(scene, scene.bob, scene.alice) == 0
    mark(scene, scene.bob)
    assert scene.part_of(scene.bob).paid_amount == 47
    assert (Payment.objects.count(), balance(scene, scene.bob, scene.alice)) == (1, 0)
    assert problems() == []


def test_with_another_payer_the_credit_stays_with_whoever_received_it():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    back_to_shopping(scene.run, by=scene.alice)
    leave_the_shop(scene.fresh(), payer=scene.hana)
    assert balance(scene, scene.bob, scene.alice) == -47
    assert balance(scene, scene.bob, scene.hana) == 47
    rows = Allocation.objects.filter(item__run=scene.run)
    set_picked_up(scene.run, rows, True, by=scene.alice)
    with pytest.raises(BulqError, match="already been picked up"):
        back_to_shopping(scene.run, by=scene.alice)
    assert problems() == []


def test_a_run_whose_debts_were_let_go_can_be_called_off():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    back_to_shopping(scene.run, by=scene.alice)
    runs.call_off(scene.fresh(), by=scene.alice)
    assert balance(scene, scene.alice, scene.bob) == 47
    assert [net.person for net in nets_of(scene.bob)] == [scene.alice]
    assert problems() == []


def test_what_is_on_its_way_for_such_a_run_stays_on_its_way():
    scene = stage(states.DISTRIBUTING)
    payment = say_paid(scene.group, scene.alice, D(47), owed=D(47), by=scene.bob)
    back_to_shopping(scene.run, by=scene.alice)
    payment.refresh_from_db()
    assert payment.is_said
    assert not payment.parts.exists()
    assert balance(scene, scene.bob, scene.alice) == -47
    with pytest.raises(ChangedMeanwhile, match="Alice now owes you €47"):
        say_paid(scene.group, scene.alice, D(47), owed=D(47), by=scene.bob)


def test_unmarking_takes_back_what_was_marked_and_nothing_else():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    set_paid(scene.run, scene.bob, False, owed=None, by=scene.alice)
    assert [debt.amount for debt in debts_of(scene.bob)[0]] == [47]
    assert [payment.state for payment in Payment.objects.all()] == ["taken_back"]
    assert [entry.kind for entry in Payment.objects.get().entries.order_by("pk")] == ["marked", "taken_back"]
    assert problems() == []


def test_what_the_release_before_marks_and_unmarks_is_adopted():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.hana)
    parts = Participation.objects.filter(run=scene.run)
    parts.filter(user=scene.bob).update(paid_amount=47, paid_at=timezone.now(), paid_marked_by=scene.alice)
    parts.filter(user=scene.hana).update(paid_amount=None, paid_at=None, paid_marked_by=None)
    assert len(problems()) == 2
    assert (adopt_marks(), adopt_marks()) == (2, 0)
    assert problems() == []
    assert [scene.part_of(person).paid_amount for person in (scene.bob, scene.hana)] == [47, None]
    assert [balance(scene, person, scene.alice) for person in (scene.bob, scene.hana)] == [0, 10]


def test_it_is_a_page_that_says_so():
    scene = stage(states.DISTRIBUTING)
    mark(scene, scene.bob)
    answer = signed_in(scene.alice).post(f"/runs/{scene.run.pk}/back-to-shop/", follow=True)
    assert answer.status_code == 200
    assert Event.objects.filter(run=scene.run, kind="freed").count() == 1
    history = signed_in(scene.dora).get(f"/runs/{scene.run.pk}/history/").content.decode()
    assert "The €47.00 that Bob paid Alice is credit now; Bob owed €47.00, now nothing" in history
