"""What two people owe each other over all runs of a group: one sum, and what makes it.

The sum counts what is said to be on its way. Debts are never passed on to a third person.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import Group, Membership, User
from bids.models.payments import MONEY, JournalEntry, Payment, PaymentPart, PaymentState
from bulq.kit.prepared import prepared

from .sums import ZERO, Debt, debts_of, on_its_way

LATELY = 5


@dataclass(frozen=True)
class Line:
    """What makes a sum: a debt, a payment on its way, or else credit; `is_mine` if it is the reader's."""

    amount: Decimal
    is_mine: bool
    debt: Debt | None = None
    payment: Payment | None = None


@dataclass
class Net:
    """`user` and `person` in one group. `debts` are of both directions; `said` are payments on their way.

    Sums are kept once they are asked for: nothing is added afterwards.
    """

    user: User
    person: User
    group: Group
    is_visible: bool
    debts: list[Debt] = field(default_factory=list)
    credit: Decimal = ZERO  # of confirmed payments, in favour of `user`
    said: list[Payment] = field(default_factory=list)

    @property
    def currency(self):
        return self.group.currency

    @property
    def made_of(self):
        """Lines with what each adds to what the user owes, the oldest debt first."""
        for debt in self.debts:
            is_mine = debt.debtor == self.user
            yield Line(debt.amount if is_mine else -debt.amount, is_mine, debt=debt)
        if self.credit:
            yield Line(-self.credit, self.credit > 0)
        for payment in self.said:
            is_mine = payment.sender == self.user
            yield Line(-payment.amount if is_mine else payment.amount, is_mine, payment=payment)

    @cached_property
    def balance(self):
        """What the user owes; below zero, what they get."""
        return sum((line.amount for line in self.made_of), ZERO)

    @property
    def lines(self):
        """The same as seen by whoever owes in all."""
        sign = -1 if self.balance < 0 else 1
        return [replace(line, amount=line.amount * sign) for line in self.made_of]

    @property
    def owes(self):
        return max(self.balance, ZERO)

    @property
    def gets(self):
        return max(-self.balance, ZERO)

    @cached_property
    def sent(self):
        """What the user says is on its way to the other."""
        return sum((payment.amount for payment in self.said if payment.sender == self.user), ZERO)

    @cached_property
    def coming(self):
        return sum((payment.amount for payment in self.said if payment.receiver == self.user), ZERO)

    @property
    def on_its_way(self):
        return self.sent + self.coming

    @property
    def runs(self):
        return len({debt.run.pk for debt in self.debts})

    @property
    def can_be_set_off(self):
        """Whether debts remain although nobody owes the other anything in all."""
        return not self.balance and bool(self.debts) and not self.said

    @property
    def key(self):
        """Its place on the page."""
        return f"{self.group.pk}-{self.person.pk}"


def nets_of(user):
    """With everyone where a debt, a credit or a payment on its way is open, the biggest sum first."""
    nets = {}

    def net(group, person, is_visible):
        return nets.setdefault((group.pk, person.pk), Net(user, person, group, is_visible))

    owes, due = debts_of(user)
    for debt in sorted([*owes, *due], key=lambda debt: debt.run.pk):
        other = debt.creditor if debt.debtor == user else debt.debtor
        net(debt.run.group, other, debt.is_visible).debts.append(debt)
    for payment in _open_payments(user.pk):
        is_mine = payment.sender_id == user.pk
        between = net(payment.group, payment.receiver if is_mine else payment.sender, payment.is_visible)
        if payment.is_said:
            between.said.append(payment)
        else:
            between.credit += payment.credit if is_mine else -payment.credit
    standing = [net for net in nets.values() if net.debts or net.said or net.credit]
    return sorted(standing, key=lambda net: (-abs(net.balance), net.person.name, net.key))


def net_between(user, person, group):
    """The same with one person; with nothing open, an empty one."""
    found = (net for net in nets_of(user) if net.person == person and net.group == group)
    return next(found, None) or Net(user, person, group, is_member(user, group))


def is_member(user, group):
    return Membership.objects.filter(group=group, user=user).exists()


@prepared
def _open_payments(user):
    """Payments on their way, and those of which something covers no debt."""
    open_ones = _payments(user).filter(Q(state=PaymentState.SAID) | Q(state=PaymentState.CONFIRMED) & ~Q(credit=0))
    membership = Membership.objects.filter(group=OuterRef("group"), user=user)
    named = open_ones.select_related("group", "sender", "receiver").annotate(is_visible=Exists(membership))
    return named.order_by("pk")


def parts_of(payment):
    """`(participation, what the payment covers of it)`; below zero for what the receiver owed the sender."""
    return [
        (part.participation, part.amount if part.participation.user_id == payment.sender_id else -part.amount)
        for part in payment.parts.all()
    ]


# --- What may be done with a payment -----------------------------------------------------------------
def can_answer(payment, user):
    """Whether the receiver is asked if it arrived."""
    return payment.is_said and payment.receiver_id == user.pk


def can_undo_answer(payment, user):
    answered = (payment.is_confirmed and not payment.is_mark) or payment.is_refused
    return answered and payment.receiver_id == user.pk


def can_take_back(payment, user):
    """The sender until it is confirmed; of a mark whoever made it, and the receiver."""
    if payment.is_said:
        return payment.sender_id == user.pk
    return payment.is_confirmed and payment.is_mark and user.pk in (payment.created_by_id, payment.receiver_id)


# --- Sums over all nets --------------------------------------------------------------------------------
@dataclass
class InAll:
    """Over all groups in one currency; the two directions are never netted."""

    currency: str
    owes: Decimal = ZERO
    gets: Decimal = ZERO
    sent: Decimal = ZERO
    coming: Decimal = ZERO
    owed_to: list = field(default_factory=list)
    owed_by: list = field(default_factory=list)


def sums_of(nets):
    found = {}
    for net in sorted(nets, key=lambda net: net.currency):
        sums = found.setdefault(net.currency, InAll(net.currency))
        sums.owes, sums.gets = sums.owes + net.owes, sums.gets + net.gets
        sums.sent, sums.coming = sums.sent + net.sent, sums.coming + net.coming
        if net.owes:
            sums.owed_to.append(net.person.name)
        if net.gets:
            sums.owed_by.append(net.person.name)
    return list(found.values())


def reminded_lately(user, since):
    """When the reader reminded whom, by the person's id, not before `since`."""
    return dict(_reminded(user.pk, since))


@prepared
def _reminded(user, since):
    rows = JournalEntry.objects.filter(kind=JournalEntry.Kind.REMINDED, actor=user, at__gt=since)
    return rows.order_by("at").values_list("subject", "at")


def history_of(user):
    """Payments of a person, newest first, as a queryset with all that is told about each."""
    payments = _payments(user.pk).select_related("group", "sender", "receiver", "created_by")
    return payments.prefetch_related("parts__participation__run__store", "entries__actor")


def latest_payments(user, group=None):
    """The newest few of a person, in one group or all, with what a line about each needs."""
    return _latest_in(user.pk, group.pk) if group else _latest(user.pk)


def _payments(user):
    return Payment.objects.filter(Q(sender=user) | Q(receiver=user)).with_credit().order_by("-pk")


@prepared
def _latest(user):
    return _payments(user).select_related("group", "sender", "receiver")[:LATELY]


@prepared
def _latest_in(user, group):
    return _payments(user).filter(group=group).select_related("group", "sender", "receiver")[:LATELY]


def with_parts(participations):
    """Annotate `parts`, the sum of the confirmed ones: what counts as paid."""
    parts = PaymentPart.objects.filter(participation=OuterRef("pk"), payment__state=PaymentState.CONFIRMED)
    parts = Subquery(parts.order_by().values("participation").annotate(sum=Sum("amount")).values("sum"))
    return participations.annotate(parts=Coalesce(parts, ZERO, output_field=MONEY)).select_related("run", "user")


def with_payments(participations):
    """Annotate `on_its_way`, and `is_marked`: whether something was marked as paid of this debt alone."""
    others = PaymentPart.objects.filter(payment=OuterRef("payment")).exclude(pk=OuterRef("pk"))
    marks = PaymentPart.objects.filter(participation=OuterRef("pk"), payment__is_mark=True).exclude(Exists(others))
    marked = Exists(marks.filter(payment__state=PaymentState.CONFIRMED))
    return participations.annotate(on_its_way=on_its_way(), is_marked=marked)
