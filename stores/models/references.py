"""What a product costs where people would buy it otherwise, as someone has noted it."""

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from bulq.kit.columns import AmountColumn, QuantityColumn, within
from bulq.kit.money import CENT, MAX_AMOUNT, MAX_QUANTITY, fits_minor_unit

from .catalogue import Product, digest
from .prices import refuse_parts


class ReferencePrice(models.Model):
    """`amount` for `quantity` units. One for each product and currency: a correction overwrites it.

    No list of the catalogue shows it, so it renews no tokens.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reference_prices")
    currency = models.CharField(_("currency"), max_length=3)
    amount = AmountColumn(_("amount"))
    quantity = QuantityColumn(_("for a quantity of"))
    seen_on = models.DateField(_("day"))
    # In words: it need not be a store of the catalogue.
    shop = models.CharField(_("shop"), max_length=100)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    entered_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("reference price"), _("reference prices")
        constraints = [
            models.UniqueConstraint(fields=["product", "currency"], name="one_reference_price"),
            within("referenceprice", "amount", CENT, MAX_AMOUNT),
            within("referenceprice", "quantity", CENT, MAX_QUANTITY),
        ]

    def __str__(self):
        return f"{self.amount} {self.currency} for {self.quantity}: {self.product}"

    @property
    def shown_digest(self):
        return digest([self.currency, self.amount, self.quantity, self.seen_on, self.shop])

    def clean(self):
        super().clean()
        refuse_parts(self.product, self, ("quantity",))
        if self.amount == Decimal(0):
            raise ValidationError({"amount": _("Enter a price above 0. Something that was free has no price")})
        if self.amount is not None and not fits_minor_unit(self.amount, self.currency):
            raise ValidationError({"amount": _("This currency has no cents: enter a whole amount")})
