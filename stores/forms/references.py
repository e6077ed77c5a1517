"""The price that what was paid for a product is compared with."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import CurrencyField, LineField
from bulq.kit.forms import PastDayField
from bulq.kit.money import currency_codes
from bulq.kit.numbers import PriceField, QuantityField
from bulq.kit.units import unit_name
from stores.models import ReferencePrice, whole_number_needed

from .catalogue import Correction


class ReferencePriceForm(Correction, forms.Form):
    """Enters the reference price in one currency, or overwrites the one that the page showed."""

    amount = PriceField(label=_("Price"), error_messages={"required": _("Enter a price, for example 7.40")})
    quantity = QuantityField(label=_("For"), error_messages={"required": _("Enter the amount it is for")})
    currency = CurrencyField()
    shop = LineField(
        label=_("Shop"),
        help_text=_("Where you would buy it otherwise"),
        error_messages={"required": _("Enter the name of the shop")},
    )
    seen_on = PastDayField(label=_("Seen on"))

    def __init__(self, *args, product, currency, **kwargs):
        """`currency` is that of the page; the one that is typed decides what is stored."""
        super().__init__(*args, **kwargs)
        self.product = product
        typed = self.data.get("currency")
        currency = typed if typed in currency_codes() else currency
        self.stored = ReferencePrice.objects.filter(product=product, currency=currency).first()
        initial = {name: getattr(self.stored, name) for name in self.fields} if self.stored else {}
        self.initial = {"quantity": Decimal(1), "seen_on": timezone.localdate(), "currency": currency} | initial
        self.fields["quantity"].widget.unit, self.fields["quantity"].widget.unit_after = unit_name(product.unit), True

    def clean(self):
        super().clean()
        amount, currency = self.cleaned_data.get("amount"), self.cleaned_data.get("currency")
        if amount is not None and currency:
            self.fields["amount"].set_currency(currency)
            try:
                self.fields["amount"].validate(amount)
            except ValidationError as error:
                self.add_error("amount", error)
        if self.product.is_counted and (self.cleaned_data.get("quantity") or 0) % 1:
            self.add_error("quantity", whole_number_needed())
