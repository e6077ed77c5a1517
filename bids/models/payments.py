"""The journal of what people paid each other. Written by `bids/actions/payments/` alone."""

from django.conf import settings
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Group
from bulq.kit.columns import AmountColumn, within
from bulq.kit.money import MAX_AMOUNT

from .runs import Participation

MONEY = models.DecimalField(max_digits=12, decimal_places=2)


class PaymentState(models.TextChoices):
    SAID = "said", gettext_lazy("On its way")
    CONFIRMED = "confirmed", gettext_lazy("It arrived")
    REFUSED = "refused", gettext_lazy("Not arrived")
    TAKEN_BACK = "taken_back", gettext_lazy("Taken back")


class PaymentQuerySet(models.QuerySet):
    def of(self, user):
        return self.filter(Q(sender=user) | Q(receiver=user))

    def between(self, one, other):
        return self.filter(Q(sender=one, receiver=other) | Q(sender=other, receiver=one))

    def with_credit(self):
        """Annotate `credit`: what of it covers no debt. Below zero it covers more than was paid: the sender owes it."""
        signed = Case(When(participation__user=OuterRef("sender"), then=F("amount")), default=-F("amount"))
        parts = PaymentPart.objects.filter(payment=OuterRef("pk")).order_by().values("payment")
        covered = Subquery(parts.annotate(sum=Sum(signed, output_field=MONEY)).values("sum"), output_field=MONEY)
        return self.annotate(credit=F("amount") - Coalesce(covered, 0, output_field=MONEY))


class Payment(models.Model):
    """What one person paid another in a group, in the group's currency.

    Its parts say which debts it covers, also of both directions: amount = parts on the sender's debts - parts on the
    receiver's debts + credit. It counts while it is said (on its way) or confirmed; only then it has parts. Of nothing
    it is when two people's debts are set off against each other.
    """

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="payments")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments_sent")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments_received")
    amount = AmountColumn()
    # As the sender said it: what arrived may be another amount.
    said_amount = AmountColumn()
    # When it was paid, which may be before it was said.
    day = models.DateField(default=timezone.localdate)
    note = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, choices=PaymentState)
    # Confirmed at once by who wrote it: there is nothing to answer.
    is_mark = models.BooleanField(default=False, db_default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("payment"), gettext_lazy("payments")
        constraints = [
            within("payment", "amount", 0, MAX_AMOUNT),
            within("payment", "said_amount", 0, MAX_AMOUNT),
            models.CheckConstraint(condition=~Q(sender=F("receiver")), name="payment_to_another"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_known"),
            models.CheckConstraint(
                condition=Q(is_mark=False) | Q(state__in=["confirmed", "taken_back"]), name="payment_mark_is_confirmed"
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "-id"], name="payment_of_sender"),
            models.Index(fields=["receiver", "-id"], name="payment_of_receiver"),
        ]

    def __str__(self):
        return f"{self.amount} from {self.sender_id} to {self.receiver_id}"

    @property
    def currency(self):
        return self.group.currency

    @property
    def is_said(self):
        return self.state == PaymentState.SAID

    @property
    def is_confirmed(self):
        return self.state == PaymentState.CONFIRMED

    @property
    def is_refused(self):
        return self.state == PaymentState.REFUSED

    @property
    def is_taken_back(self):
        return self.state == PaymentState.TAKEN_BACK


class PaymentPart(models.Model):
    """What a payment changes of what counts as paid of one debt; below zero where an overpayment is given back."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="parts")
    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="payment_parts")
    amount = AmountColumn()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("part of a payment"), gettext_lazy("parts of payments")
        constraints = [
            models.UniqueConstraint(fields=["payment", "participation"], name="one_payment_part"),
            within("payment_part", "amount", -MAX_AMOUNT, MAX_AMOUNT),
            models.CheckConstraint(condition=~Q(amount=0), name="payment_part_amount_not_zero"),
        ]

    def __str__(self):
        return f"{self.amount} for {self.participation_id}"


class JournalEntry(models.Model):
    """A step in the life of a payment, or a reminder of a debt: who, when, what. Rows are only ever added."""

    class Kind(models.TextChoices):
        SAID = "said", gettext_lazy("said")
        MARKED = "marked", gettext_lazy("marked as paid")
        CONFIRMED = "confirmed", gettext_lazy("confirmed")
        CORRECTED = "corrected", gettext_lazy("confirmed with another amount")
        REFUSED = "refused", gettext_lazy("not arrived")
        UNDONE = "undone", gettext_lazy("answer undone")
        TAKEN_BACK = "taken_back", gettext_lazy("taken back")
        REMINDED = "reminded", gettext_lazy("reminded")

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="journal")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="entries", null=True)
    kind = models.CharField(max_length=10, choices=Kind)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Whom it is told, as far as it is told to somebody.
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    amount = AmountColumn()
    note = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("journal entry"), gettext_lazy("journal entries")
        constraints = [
            within("journal_entry", "amount", 0, MAX_AMOUNT),
            models.CheckConstraint(
                condition=Q(payment=None, kind="reminded") | Q(payment__isnull=False) & ~Q(kind="reminded"),
                name="journal_entry_of_payment_or_reminder",
            ),
        ]
        indexes = [
            models.Index(fields=["actor", "subject", "-at"], condition=Q(kind="reminded"), name="reminded_debtor")
        ]

    def __str__(self):
        return f"{self.kind}: {self.amount}"
