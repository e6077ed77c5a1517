from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from bulq.kit.columns import QuantityColumn, within
from bulq.kit.money import CENT, MAX_QUANTITY
from stores.models import Product

from .runs import Participation


class BidQuerySet(models.QuerySet):
    def of_run(self, run):
        return self.filter(participation__run=run)

    def real(self):
        return self.filter(quantity__isnull=False)


class Bid(models.Model):
    """One participant's wish for one product. Without a quantity the person is only interested.

    With a `limit`, anything between the quantity and the limit is fine. A substitute is a product or words, not both.
    """

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="bids")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="bids")
    quantity = QuantityColumn(null=True, blank=True)
    limit = QuantityColumn(null=True, blank=True)
    # If there is too little: everything or nothing, where otherwise less is fine.
    all_or_nothing = models.BooleanField(default=False, db_default=False)
    substitute = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    substitute_text = models.CharField(max_length=100, blank=True, default="", db_default="")
    comment = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BidQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("order"), gettext_lazy("orders")
        constraints = [
            models.UniqueConstraint(fields=["participation", "product"], name="one_bid"),
            within("bid", "quantity", CENT, MAX_QUANTITY),
            within("bid", "limit", CENT, MAX_QUANTITY),
            models.CheckConstraint(
                condition=Q(limit=None) | Q(quantity__isnull=False, limit__gt=F("quantity")), name="bid_limit_above"
            ),
            models.CheckConstraint(
                condition=Q(quantity__isnull=False) | Q(all_or_nothing=False, substitute=None, substitute_text=""),
                name="bid_maybe_says_no_more",
            ),
            models.CheckConstraint(
                condition=Q(substitute=None) | Q(substitute_text="") & ~Q(substitute=F("product")),
                name="bid_one_substitute",
            ),
        ]

    def __str__(self):
        return f"{self.participation_id}: {self.quantity} of product {self.product_id}"

    @property
    def instead(self):
        """What they would take if this is not there: the name of a product, or words."""
        return self.substitute.name if self.substitute_id else self.substitute_text

    @property
    def most(self):
        """What is fine at most; None for “Maybe”."""
        return self.quantity if self.limit is None else self.limit


class TakenInstead(models.Model):
    """What was added to a bid in the shop because the line of `item`, for which it is a substitute, was not there."""

    item = models.ForeignKey("bids.ShoppingItem", on_delete=models.CASCADE, related_name="taken_instead")
    bid = models.ForeignKey(Bid, on_delete=models.CASCADE, related_name="taken_instead")
    quantity = QuantityColumn()
    # Whether there was no bid before, not even a “Maybe”.
    is_new = models.BooleanField(default=True, db_default=True)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("substitute"), gettext_lazy("substitutes")
        constraints = [
            models.UniqueConstraint(fields=["item", "bid"], name="one_substitute"),
            within("taken_instead", "quantity", CENT, MAX_QUANTITY),
        ]

    def __str__(self):
        return f"{self.quantity} for bid {self.bid_id} instead of line {self.item_id}"
