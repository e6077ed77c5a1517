from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy

from accounts.forms import LineField
from bulq.kit.money import MAX_AMOUNT
from bulq.kit.numbers import AmountField, QuantityField


class SortOutForm(forms.Form):
    """How much a person takes of a line that differs; `was` is what the page showed."""

    quantity = QuantityField(low=Decimal(0), label=gettext_lazy("How much"))
    was = QuantityField(low=Decimal(0), widget=forms.HiddenInput)


class ExtraCostForm(forms.Form):
    label = LineField(label=gettext_lazy("What for"))
    amount = AmountField(low=Decimal("0.01"), high=MAX_AMOUNT, label=gettext_lazy("Amount"))
    is_discount = forms.BooleanField(required=False, label=gettext_lazy("This is a discount"))

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)

    @property
    def signed_amount(self):
        amount = self.cleaned_data["amount"]
        return -amount if self.cleaned_data["is_discount"] else amount


class TotalForm(forms.Form):
    """Corrects what a purchase cost; `was` is what the page showed."""

    total = AmountField(label=gettext_lazy("Total paid"))
    was = AmountField(widget=forms.HiddenInput)

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["total"].set_currency(currency)
