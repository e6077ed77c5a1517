"""Random payments: the part of a random life that is about money over all runs of the group."""

from decimal import Decimal

from django.db.models import Q

from accounts.models import User
from bids import states
from bids.actions import payments
from bids.models import Payment
from bids.reading.money import net_between

from .money import nets_cancel_out
from .trying import Trying, fits

LATE = (states.DISTRIBUTING, states.COMPLETED)


class Paying(Trying):
    def pair(self):
        """Two people, mostly such of whom one owes the other something here."""
        users = User.objects.filter(participations__run=self.run_id).order_by("pk")
        payer = self.run.payer or self.run.leader
        one = self.mostly(self.any_of(users.exclude(pk=payer.pk)) or payer, self.people)
        return one, self.mostly(payer, self.people)

    def attempt_to_pay(self, name, action):
        self.attempt(name, action)
        assert nets_cancel_out(self.people)

    def pay(self, action, sender, receiver, by):
        net = net_between(by, receiver if by == sender else sender, self.run.group)
        owed = net.owes if by == sender else net.gets
        amount = self.mostly(owed or self.amount(300), [owed / 2, owed + 1, Decimal(0), self.amount()])
        amount = amount.quantize(Decimal(1) if self.run.currency == "JPY" else Decimal("0.01"))
        credit = self.mostly(max(amount - owed, Decimal(0)), [Decimal(0)])
        values = {"owed": self.mostly(owed, [owed + 1], 0.9), "credit": credit, "by": by}
        other = receiver if by == sender else sender
        self.attempt_to_pay(action.__name__, lambda: action(self.run.group, other, amount, **values))

    @fits(*LATE, weight=8)
    def say_paid(self):
        sender, receiver = self.pair()
        self.pay(payments.say_paid, sender, receiver, sender)

    @fits(*LATE, weight=3)
    def mark_paid(self):
        sender, receiver = self.pair()
        self.pay(payments.mark_paid, sender, receiver, receiver)

    def payment(self, *found):
        rows = Payment.objects.filter(group=self.run.group_id).select_related("group", "sender", "receiver")
        right = self.any_of(rows.filter(*found)) or self.any_of(rows)
        return self.mostly(right, rows.order_by("pk"), 0.9)

    def answer(self, action, payment, who, **values):
        if payment:
            by = self.mostly(getattr(payment, who), self.people)
            self.attempt_to_pay(action.__name__, lambda: action(payment, by=by, **values))

    @fits(*LATE, weight=8)
    def confirm(self):
        payment = self.payment(Q(state="said"))
        amount = self.mostly(None, [Decimal(self.dice.randint(1, 90))])
        self.answer(payments.confirm, payment, "receiver", amount=amount)

    @fits(*LATE)
    def refuse(self):
        self.answer(payments.refuse, self.payment(Q(state="said")), "receiver")

    @fits(*LATE)
    def undo_answer(self):
        self.answer(
            payments.undo_answer, self.payment(Q(state__in=["confirmed", "refused"], is_mark=False)), "receiver"
        )

    @fits(*LATE)
    def take_back(self):
        self.answer(payments.take_back, self.payment(Q(state="said") | Q(is_mark=True)), "sender")

    @fits(*LATE, weight=2)
    def remind(self):
        debtor, by = self.pair()
        self.attempt("remind", lambda: payments.remind(self.run.group, debtor, by=by))
