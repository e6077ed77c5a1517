"""What is marked as paid on a run's page, and what happens to it when the run's debts end."""

import logging

from django.db import transaction

from accounts.access import lock_group
from bids.models import Participation, Payment, PaymentPart, PaymentState, Run
from bids.reading.money import with_parts
from bids.reading.sums import ZERO, on_its_way, with_owed
from bids.settling import Open, settle
from bulq.kit.live import announce
from bulq.kit.locks import locked

from .history import happened
from .journal import Kind, count_parts, credits_of, enter, take_payment_back, use_credits

log = logging.getLogger(__name__)


def mark_in_run(run, person, *, by):
    """A locked run's participation is paid: its open amount is confirmed at once, after what credit covers of it.

    Of an overpayment, that the payer gave it back.
    """
    rest = _open_of(person)
    _use_credit(run, person, rest, by=by)
    rest = _open_of(person)
    if rest:
        _write_mark(run, person, rest, by=by)


def _write_mark(run, person, rest, *, by):
    sender, receiver = (person.user, run.payer) if rest > 0 else (run.payer, person.user)
    values = {"amount": abs(rest), "said_amount": abs(rest), "state": PaymentState.CONFIRMED, "is_mark": True}
    payment = Payment(group_id=run.group_id, sender=sender, receiver=receiver, created_by=by, **values)
    payment.save()
    PaymentPart.objects.create(payment=payment, participation=person, amount=rest)
    count_parts({person.pk: rest}, by=by)
    enter(payment, Kind.MARKED, by=by, is_told=False)


def unmark_in_run(person, *, by):
    """Take back what was marked for this debt alone. Returns the sum."""
    marks = Payment.objects.filter(state=PaymentState.CONFIRMED, is_mark=True, parts__participation=person)
    taken = ZERO
    for payment in marks.select_related("group", "sender", "receiver").order_by("pk"):
        if payment.parts.count() == 1:
            taken += payment.parts.get().amount
            take_payment_back(payment, by=by, is_told=False)
    return taken


def adopt_marks():
    """Make payments of what the release before marked, or unmarked, on the new schema. Returns how many debts."""
    found = [person for person in with_parts(Participation.objects.all()) if person.parts != (person.paid_amount or 0)]
    for person in found:
        _adopt(person)
    if found:
        log.warning("Marks of the release before became payments: %s", len(found))
    return len(found)


@transaction.atomic
def _adopt(person):
    lock_group(person.run.group_id)
    run = locked(Run.objects.select_related("group", "payer"), pk=person.run_id)
    person = with_parts(Participation.objects.filter(pk=person.pk)).get()
    by, missing = person.paid_marked_by or run.payer, (person.paid_amount or ZERO) - person.parts
    if person.paid_amount is None:
        missing += unmark_in_run(person, by=by)
    if missing and run.has_allocations:
        _write_mark(run, person, missing, by=by)


def _open_of(person):
    """What of a debt is neither paid nor on its way; below zero for an overpayment."""
    now = with_owed(Participation.objects.filter(pk=person.pk)).annotate(on_its_way=on_its_way()).get()
    return now.total - (now.paid_amount or ZERO) - now.on_its_way


def _use_credit(run, person, rest, *, by):
    if rest <= 0:
        return
    credits = credits_of(run.group, person.user, run.payer)[0]
    use_credits(settle([Open(person.pk, rest)], [], ZERO, credits=credits), by=by)


def free_parts(run):
    """A locked run's debts end: what was paid of them becomes credit. Returns the events that say so."""
    rows = with_owed(run.participations.all()).select_related("user")
    people = [(person, person.total) for person in rows if person.paid_amount is not None]
    PaymentPart.objects.filter(participation__run=run).delete()
    run.participations.update(paid_amount=None, paid_at=None, paid_marked_by=None)
    for person, _total in people:
        announce(f"user:{person.user_id}")
    return [
        happened("freed", subject=person.user, payer=run.payer.name, amount=person.paid_amount, was=total)
        for person, total in people
    ]
