from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from bulq.kit.columns import AmountColumn, QuantityColumn, within
from bulq.kit.money import CENT, MAX_AMOUNT, MAX_QUANTITY

from .bidding import Bid
from .runs import Participation, Run
from .shopping import ShoppingItem


class Allocation(models.Model):
    """What a bid finally receives of a bought line, and its part of what the line cost."""

    bid = models.OneToOneField(Bid, on_delete=models.CASCADE, related_name="allocation")
    item = models.ForeignKey(ShoppingItem, on_delete=models.CASCADE, related_name="allocations")
    quantity = QuantityColumn()
    cost = AmountColumn()
    # How much of the quantity is only theirs because nobody took it.
    left_over = QuantityColumn(default=0, db_default=0)
    picked_up_at = models.DateTimeField(null=True, blank=True)
    picked_up_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("share of a line"), gettext_lazy("shares of lines")
        constraints = [
            within("allocation", "quantity", CENT, MAX_QUANTITY),
            within("allocation", "cost", 0, MAX_AMOUNT),
            within("allocation", "left_over", 0, MAX_QUANTITY),
            models.CheckConstraint(condition=Q(left_over__lte=F("quantity")), name="allocation_left_over_is_part"),
            models.CheckConstraint(
                condition=Q(picked_up_at=None, picked_up_by=None)
                | Q(picked_up_at__isnull=False, picked_up_by__isnull=False),
                name="allocation_picked_up_whole",
            ),
        ]

    def __str__(self):
        return f"{self.quantity} for {self.cost}"


class Split(models.TextChoices):
    """Who pays an extra cost; where nobody receives anything, it stays with the payer."""

    VALUE = "value", gettext_lazy("By value")
    EQUAL = "equal", gettext_lazy("Equal parts")
    PERSON = "person", gettext_lazy("One person")


# The label of a difference to the receipts, as it is stored.
THE_DIFFERENCE = gettext_noop("Difference to the receipts")


class ExtraCost(models.Model):
    """A cost of the run beside the goods (deposit, fuel); below zero for a discount."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="extra_costs")
    label = models.CharField(max_length=100)
    amount = AmountColumn()
    how = models.CharField(max_length=6, choices=Split, default=Split.VALUE, db_default=Split.VALUE)
    # Who pays all of it.
    person = models.ForeignKey(
        Participation, on_delete=models.RESTRICT, related_name="extra_costs", null=True, blank=True
    )
    # Whether it is the difference to the receipts, which the leader split.
    is_difference = models.BooleanField(default=False, db_default=False)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            within("extra_cost", "amount", -MAX_AMOUNT, MAX_AMOUNT),
            models.CheckConstraint(condition=~Q(amount=0), name="extra_cost_amount_not_zero"),
            models.CheckConstraint(
                condition=Q(how__in=[Split.VALUE, Split.EQUAL], person=None)
                | Q(how=Split.PERSON, person__isnull=False),
                name="extra_cost_has_its_person",
            ),
        ]

    def __str__(self):
        return f"{self.title}: {self.amount}"

    @property
    def title(self):
        """What someone called it; what we call it is in the reader's language."""
        return gettext(THE_DIFFERENCE) if self.is_difference else self.label


class ExtraShare(models.Model):
    """A person's part of the extra costs that are split in one way, which are rounded together.

    `how` is a Split, or PAYER where nobody receives anything. Parts of nothing have no row.
    """

    PAYER = "payer"
    WAYS = [*Split.choices, (PAYER, gettext_lazy("The payer"))]

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="extra_shares")
    how = models.CharField(max_length=6, choices=WAYS)
    amount = AmountColumn()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("share of extra costs"), gettext_lazy("shares of extra costs")
        constraints = [
            models.UniqueConstraint(fields=["participation", "how"], name="one_extra_share"),
            within("extra_share", "amount", -MAX_AMOUNT, MAX_AMOUNT),
            models.CheckConstraint(condition=~Q(amount=0), name="extra_share_amount_not_zero"),
            models.CheckConstraint(
                condition=Q(how__in=["value", "equal", "person", "payer"]), name="extra_share_way_known"
            ),
        ]

    def __str__(self):
        return f"{self.amount}, {self.how}"


class Receipt(models.Model):
    """What a receipt of the run says, to compare it with the purchases and extra costs."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="receipts")
    label = models.CharField(max_length=100, blank=True)
    amount = AmountColumn()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [within("receipt", "amount", CENT, MAX_AMOUNT)]

    def __str__(self):
        return f"{self.label}: {self.amount}" if self.label else str(self.amount)
