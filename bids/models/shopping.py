from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from bulq.kit.columns import AmountColumn, QuantityColumn, within
from bulq.kit.money import CENT, MAX_AMOUNT, MAX_QUANTITY
from stores.models import Price, Product

from .runs import Run


class ShoppingItem(models.Model):
    """A line of the shopping list: bought once it has a purchase, or not there, else open."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    not_there_at = models.DateTimeField(null=True, blank=True)
    not_there_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    # Grows with every purchase made, changed or undone: a form carries what its page showed.
    version = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("shopping line"), gettext_lazy("shopping lines")
        constraints = [
            models.UniqueConstraint(fields=["run", "product"], name="one_line"),
            models.CheckConstraint(
                condition=Q(not_there_at=None, not_there_by=None)
                | Q(not_there_at__isnull=False, not_there_by__isnull=False),
                name="item_not_there_whole",
            ),
        ]

    def __str__(self):
        return f"{self.product} in run {self.run_id}"


class Purchase(models.Model):
    """A thing actually bought: the total paid is the truth, unit prices are derived from it."""

    item = models.ForeignKey(ShoppingItem, on_delete=models.CASCADE, related_name="purchases")
    quantity = QuantityColumn()
    total = AmountColumn()
    price = models.OneToOneField(Price, on_delete=models.PROTECT, related_name="purchase", null=True, blank=True)
    bought_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    bought_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            within("purchase", "quantity", CENT, MAX_QUANTITY),
            within("purchase", "total", 0, MAX_AMOUNT),
        ]

    def __str__(self):
        return f"{self.quantity} for {self.total}"
