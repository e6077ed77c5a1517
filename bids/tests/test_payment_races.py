"""M2: two answers, an answer and a taking back, the same claim twice, a claim against a correction."""

from functools import partial

import pytest

from accounts.models import Group
from accounts.tests.racing import race
from bids.actions import payments
from bids.actions.costs import correct_total, set_paid
from bids.actions.distribution import back_to_shopping
from bids.models import Participation, Payment, PaymentPart, Purchase
from bids.reading.invariants import problems
from bids.reading.sums import owed_by_person
from bulq.kit.errors import ChangedMeanwhile

from .cast import D
from .money import bought_for, friends, nets_cancel_out, owes, say
from .together import refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# How many times a race that goes wrong only by chance is tried before it counts as right.
TRIES = 8


def scene_with_debts():
    scene = friends()
    scene.run = bought_for(scene, scene.petar, mila="37.40")
    bought_for(scene, scene.mila, petar="16.05")
    return scene


def twice(scene):
    owed = owes(scene, scene.mila, scene.petar)
    return [partial(payments.say_paid, scene.group, scene.petar, owed, owed=owed, by=scene.mila)] * 2


def two_answers(scene):
    payment = say(scene, scene.mila, scene.petar)
    return [partial(payments.confirm, payment, by=scene.petar), partial(payments.refuse, payment, by=scene.petar)]


def answer_and_taking_back(scene):
    payment = say(scene, scene.mila, scene.petar)
    return [partial(payments.confirm, payment, by=scene.petar), partial(payments.take_back, payment, by=scene.mila)]


def claim_and_mark(scene):
    """He marks the one run as paid while she says that she paid all."""
    owed, total = owes(scene, scene.mila, scene.petar), owed_by_person(scene.run)
    part = Participation.objects.get(run=scene.run, user=scene.mila)
    return [
        partial(payments.say_paid, scene.group, scene.petar, owed, owed=owed, by=scene.mila),
        partial(set_paid, scene.run, scene.mila, True, owed=total[part.pk], by=scene.petar),
    ]


RACES = {"twice": twice, "two answers": two_answers, "answer, taking back": answer_and_taking_back}


@pytest.mark.parametrize("jobs", RACES.values(), ids=RACES)
def test_one_has_its_effect_and_the_other_is_told(jobs):
    """M2."""
    scene = scene_with_debts()
    results = race(*jobs(scene))
    assert len(refused(results)) == 1
    assert isinstance(refused(results)[0], ChangedMeanwhile)
    assert Payment.objects.count() == 1
    assert problems() == []
    assert nets_cancel_out([scene.mila, scene.petar])


@pytest.mark.parametrize("other", ["a mark", "a correction", "back to the shop"])
def test_a_claim_beside_something_else_leaves_everything_adding_up(other):
    """M2: whichever comes first, the sums are right and no debt is covered twice."""
    scene = scene_with_debts()
    jobs = claim_and_mark(scene)
    if other == "a correction":
        thing = Purchase.objects.select_related("item__run").get(item__run=scene.run)
        jobs[1] = partial(correct_total, thing, D("30.00"), was=D("37.40"), by=scene.petar)
    elif other == "back to the shop":
        jobs[1] = partial(back_to_shopping, scene.run, by=scene.petar)
    race(*jobs)
    assert problems() == []
    assert nets_cancel_out([scene.mila, scene.petar])
    if other == "a mark":
        covered = PaymentPart.objects.filter(participation__run=scene.run, payment__state__in=["said", "confirmed"])
        assert sum(part.amount for part in covered) <= D("37.40")


def test_without_the_lock_a_claim_counts_twice(monkeypatch, slowly):
    """Negative control of M2."""
    monkeypatch.setattr(payments, "lock_group", lambda pk: Group.objects.get(pk=pk))
    monkeypatch.setattr(payments, "_lock_runs", lambda *_args: None)
    slowly(payments, "_check_seen")
    for _try in range(TRIES):
        scene = scene_with_debts()
        race(*twice(scene))
        if Payment.objects.filter(group=scene.group).count() == 2:
            return
    pytest.fail("no claim counted twice")
