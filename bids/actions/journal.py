"""How the journal of payments is written: which debts a payment covers, what counts as paid, and each step.

Called under the lock of the group and of the runs concerned.
"""

from django.db.models import Q, Sum
from django.utils import timezone

from bids import states
from bids.models import JournalEntry, Participation, Payment, PaymentPart, PaymentState
from bids.reading.sums import ZERO, on_its_way, with_owed
from bids.settling import Open, settle
from bulq.kit.live import announce

from .history import happened, record
from .notifications import notify_of_entry

Kind = JournalEntry.Kind


def cover(payment, *, by):
    """Give a payment without parts its parts, using up credits and opposite debts first."""
    debts, counter = _open_debts(payment.group, payment.sender, payment.receiver)
    credits, counter_credits = credits_of(payment.group, payment.sender, payment.receiver, but=payment)
    plan = settle(debts, counter, payment.amount, credits=credits, counter_credits=counter_credits)
    use_credits(plan, by=by)
    PaymentPart.objects.bulk_create(
        PaymentPart(payment=payment, participation_id=key, amount=amount) for key, amount in plan.parts.items()
    )
    if payment.is_confirmed:
        count_parts(plan.parts, by=by)


def _open_debts(group, sender, receiver):
    """What is open between the two and not on its way, the oldest first: of the sender, and of the receiver."""
    people = with_owed(Participation.objects.filter(run__group=group, run__state__in=states.WITH_ALLOCATIONS))
    people = people.filter(of_the_two(sender, receiver, "run__payer", "user"))
    people = people.annotate(on_its_way=on_its_way()).order_by("run_id", "pk")
    debts, counter = [], []
    for person in people:
        rest = person.total - (person.paid_amount or ZERO) - person.on_its_way
        if rest:
            is_senders = (person.user_id == sender.pk) == (rest > 0)
            (debts if is_senders else counter).append(Open(person.pk, abs(rest), 1 if rest > 0 else -1))
    return debts, counter


def credits_of(group, sender, receiver, but=None):
    """Confirmed payments with credit, `(payment, credit)`: in favour of the sender, and of the receiver."""
    payments = Payment.objects.between(sender, receiver).filter(group=group, state=PaymentState.CONFIRMED)
    mine, theirs = [], []
    for payment in payments.with_credit().exclude(credit=0).exclude(pk=but and but.pk).order_by("pk"):
        credit = payment.credit if payment.sender_id == sender.pk else -payment.credit
        (mine if credit > 0 else theirs).append((payment.pk, abs(credit)))
    return mine, theirs


def use_credits(plan, *, by):
    for payment, parts in plan.of_credits.items():
        for key, amount in parts.items():
            part, is_new = PaymentPart.objects.get_or_create(
                payment_id=payment, participation_id=key, defaults={"amount": amount}
            )
            if is_new:
                continue
            part.amount += amount
            if part.amount:
                part.save(update_fields=["amount"])
            else:
                part.delete()
        count_parts(parts, by=by)


def parts_of(payment):
    return dict(payment.parts.values_list("participation", "amount"))


def move_payment(payment, state, amount=None):
    payment.state, payment.amount = state, payment.amount if amount is None else amount
    payment.save(update_fields=["state", "amount"])


def drop_parts(payment, *, by):
    parts = parts_of(payment)
    payment.parts.all().delete()
    if payment.is_confirmed:
        count_parts(parts, by=by, is_undone=True)


def count_parts(parts, *, by, is_undone=False):
    """Write what counts as paid once confirmed parts were added, or dropped, and record it in the runs' histories.

    What was given back of a payment that no longer counts would leave less than nothing paid: it becomes credit.
    """
    people = Participation.objects.filter(pk__in=parts).select_related("user", "run__group", "run__store")
    for person in people.order_by("run_id", "pk"):
        person.paid_amount = paid_of(person)
        if person.paid_amount is not None and person.paid_amount < 0:
            person.payment_parts.filter(amount__lt=0, payment__state=PaymentState.CONFIRMED).delete()
            person.paid_amount = paid_of(person)
        is_paid = person.paid_amount is not None
        person.paid_at, person.paid_marked_by = (timezone.now(), by) if is_paid else (None, None)
        person.save(update_fields=["paid_amount", "paid_at", "paid_marked_by"])
        amount = parts[person.pk]
        kind = "paid" if amount > 0 else "given_back"
        record(
            person.run, happened(f"not_{kind}" if is_undone else kind, subject=person.user, amount=abs(amount)), by=by
        )


def paid_of(person):
    """The sum of the confirmed parts; None without any."""
    confirmed = person.payment_parts.filter(payment__state=PaymentState.CONFIRMED)
    return confirmed.aggregate(sum=Sum("amount"))["sum"]


def of_the_two(one, other, payer, user):
    return Q(**{payer: one, user: other}) | Q(**{payer: other, user: one})


def take_payment_back(payment, *, by, is_told=True):
    drop_parts(payment, by=by)
    move_payment(payment, PaymentState.TAKEN_BACK)
    enter(payment, Kind.TAKEN_BACK, by=by, is_told=is_told)


def enter(payment, kind, *, by, note="", is_told=True):
    """Add a line to the history of a payment, and tell the other of the two."""
    subject = payment.receiver if by.pk == payment.sender_id else payment.sender
    entry = JournalEntry.objects.create(
        group=payment.group,
        payment=payment,
        kind=kind,
        actor=by,
        subject=subject,
        amount=payment.amount,
        note=note or (payment.note if kind in (Kind.SAID, Kind.MARKED) else ""),
    )
    if is_told:
        notify_of_entry(entry, [subject])
    for person in (payment.sender_id, payment.receiver_id):
        announce(f"user:{person}")
    announce(f"group:{payment.group_id}")
    return payment
