"""What people paid each other: saying it, answering it, marking it, and what covers which debt.

Everything here locks the group first, then the runs concerned: one payment of a group is written at a time.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access import lock_group
from accounts.models import User
from bids import states
from bids.models import JournalEntry, Payment, PaymentState, Run
from bids.reading.money import can_answer, can_take_back, can_undo_answer, net_between
from bids.reading.sums import ZERO
from bulq.kit.dates import format_day
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.kit.locks import busy_when_locked, locked
from bulq.kit.money import MAX_AMOUNT, format_money

from .journal import Kind, count_parts, cover, drop_parts, enter, move_payment, of_the_two, parts_of, take_payment_back
from .notifications import notify_of_entry

REMINDED_AGAIN_AFTER = timedelta(days=3)


# --- Saying, and what the receiver answers -----------------------------------------------------------
@transaction.atomic
def say_paid(group, receiver, amount, *, owed, by, note="", day=None, credit=ZERO):
    """Say that `by` has paid `receiver`; it counts at once as on its way. Nothing sets what both owe off.

    `owed` is what the page said that they owe in all, `credit` how much more than that they agreed to pay, `day` when
    they paid, today if it is not said. A receiver whose account is closed cannot answer: it counts as confirmed.
    """
    group, net = _lock_pair(group, by, receiver)
    _check_seen(net, owed)
    _check_amount(net, amount, credit)
    is_mark = not receiver.is_active or not amount
    return _write(net, sender=by, amount=amount, note=note, day=day, is_mark=is_mark, by=by)


@transaction.atomic
def mark_paid(group, sender, amount, *, owed, by, note="", day=None, credit=ZERO):
    """The receiver says that they were paid: nobody has to answer. `owed` is what the page said they get."""
    group, net = _lock_pair(group, by, sender)
    _check_seen(net, -owed)
    if not amount:
        raise BulqError(_("Enter an amount above 0"), field="amount")
    _check_amount(net_between(sender, by, group), amount, credit)
    return _write(net, sender=sender, amount=amount, note=note, day=day, is_mark=True, by=by)


def _check_seen(net, owed):
    if net.balance != owed:
        raise ChangedMeanwhile(net_sentence(net))


def net_sentence(net):
    """What the two owe each other now, to someone who saw another sum."""
    values = {"name": net.person.name, "sum": format_money(abs(net.balance), net.currency)}
    if net.owes:
        return _("This has changed: you now owe %(name)s %(sum)s. Check it, then send it again.") % values
    if net.gets:
        return _("This has changed: %(name)s now owes you %(sum)s. Check it, then send it again.") % values
    return _("This has changed: you and %(name)s owe each other nothing now.") % values


def _check_amount(net, amount, credit):
    """Refuse, once, what is more than is owed: `credit` is what they agreed to."""
    if not amount and not net.can_be_set_off:
        raise BulqError(_("Enter an amount above 0"), field="amount")
    more = amount - net.owes
    if more > 0 and more != credit:
        values = {"more": format_money(more, net.currency), "name": net.person.name}
        raise BulqError(_("%(more)s more than is owed: keep it as credit?") % values, field="credit")


@transaction.atomic
def confirm(payment, *, by, amount=None):
    """It arrived, or `amount` did: that stands, and the sender can say the rest again."""
    payment = _lock_payment(payment, by)
    _check_may(can_answer(payment, by), payment)
    if amount in (None, payment.amount):
        move_payment(payment, PaymentState.CONFIRMED)
        count_parts(parts_of(payment), by=by)
        return enter(payment, Kind.CONFIRMED, by=by)
    payment.parts.all().delete()
    move_payment(payment, PaymentState.CONFIRMED, amount)
    cover(payment, by=by)
    return enter(payment, Kind.CORRECTED, by=by)


@transaction.atomic
def refuse(payment, *, by, note=""):
    """It has not arrived: what it covered is open again."""
    payment = _lock_payment(payment, by)
    _check_may(can_answer(payment, by), payment)
    payment.parts.all().delete()
    move_payment(payment, PaymentState.REFUSED)
    return enter(payment, Kind.REFUSED, by=by, note=note)


@transaction.atomic
def undo_answer(payment, *, by):
    """The receiver's answer was a mistake: the payment is on its way again, as it was said."""
    payment = _lock_payment(payment, by)
    _check_may(can_undo_answer(payment, by), payment)
    drop_parts(payment, by=by)
    move_payment(payment, PaymentState.SAID, payment.said_amount)
    cover(payment, by=by)
    return enter(payment, Kind.UNDONE, by=by)


@transaction.atomic
def take_back(payment, *, by):
    payment = _lock_payment(payment, by)
    _check_may(can_take_back(payment, by), payment)
    take_payment_back(payment, by=by)


def _check_may(may, payment):
    """What may be done depends on the state, so a refusal says what has happened meanwhile."""
    if not may:
        texts = {
            PaymentState.SAID: _("This payment is waiting for %(receiver)s's answer."),
            PaymentState.CONFIRMED: _("%(receiver)s has confirmed this payment in the meantime."),
            PaymentState.REFUSED: _("%(receiver)s has said in the meantime that this payment has not arrived."),
            PaymentState.TAKEN_BACK: _("This payment was taken back in the meantime."),
        }
        raise ChangedMeanwhile(texts[payment.state] % {"receiver": payment.receiver.name})


# --- One reminder ------------------------------------------------------------------------------------
@transaction.atomic
def remind(group, debtor, *, by):
    """Remind somebody who owes `by`, once in three days. Nothing reminds by itself."""
    group, net = _lock_pair(group, by, debtor)
    locked(User.objects.all(), pk=by.pk)
    if not net.gets:
        raise ChangedMeanwhile(_("%(name)s doesn't owe you anything now.") % {"name": debtor.name})
    if not debtor.is_active:
        raise BulqError(_("This account is closed, so nobody would read a reminder."))
    reminders = JournalEntry.objects.filter(kind=Kind.REMINDED, actor=by, subject=debtor)
    if last := reminders.order_by("-at").first():
        again = last.at + REMINDED_AGAIN_AFTER
        if again > timezone.now():
            day = format_day(timezone.localtime(again).date())
            raise BulqError(
                _("You have reminded %(name)s. You can again from %(day)s.") % {"name": debtor.name, "day": day}
            )
    entry = JournalEntry.objects.create(group=group, kind=Kind.REMINDED, actor=by, subject=debtor, amount=net.gets)
    notify_of_entry(entry, [debtor])
    return entry


# --- Locks, parts, sums --------------------------------------------------------------------------------
def _lock_pair(group, by, other):
    """The group and what the two owe each other, with every run of theirs locked in which something may change."""
    if by.pk == other.pk:
        raise BulqError(_("You can't pay yourself."))
    group = lock_group(group.pk)
    _lock_runs(group, by, other)
    return group, net_between(by, other, group)


def _lock_payment(payment, by):
    group = lock_group(payment.group_id)
    _lock_runs(group, payment.sender, payment.receiver)
    payment = Payment.objects.select_related("group", "sender", "receiver").get(pk=payment.pk)
    if by.pk not in (payment.sender_id, payment.receiver_id):
        raise NotAllowed(_("Only the two people of a payment can change it."))
    return payment


def _lock_runs(group, one, other):
    runs = Run.objects.filter(group=group, state__in=states.WITH_ALLOCATIONS)
    theirs = runs.filter(of_the_two(one, other, "payer", "participations__user"))
    with busy_when_locked():
        list(Run.objects.filter(pk__in=theirs.values("pk")).order_by("pk").select_for_update(no_key=True))


def _write(net, *, sender, amount, note, day, is_mark, by):
    receiver = net.person if sender == net.user else net.user
    state = PaymentState.CONFIRMED if is_mark else PaymentState.SAID
    values = {"amount": amount, "said_amount": amount, "note": note, "is_mark": is_mark}
    values["day"] = day or timezone.localdate()
    payment = Payment(group=net.group, sender=sender, receiver=receiver, state=state, created_by=by, **values)
    if amount > MAX_AMOUNT:
        raise BulqError(_("Enter at most %(most)s") % {"most": format_money(MAX_AMOUNT, net.currency)}, field="amount")
    payment.save()
    cover(payment, by=by)
    return enter(payment, Kind.MARKED if is_mark else Kind.SAID, by=by)
