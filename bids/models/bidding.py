from django.db import models
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
    """One participant's wish for one product. Without a quantity the person is only interested."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="bids")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="bids")
    quantity = QuantityColumn(null=True, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BidQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("order"), gettext_lazy("orders")
        constraints = [
            models.UniqueConstraint(fields=["participation", "product"], name="one_bid"),
            within("bid", "quantity", CENT, MAX_QUANTITY),
        ]

    def __str__(self):
        return f"{self.participation_id}: {self.quantity} of product {self.product_id}"
