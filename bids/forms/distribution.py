from decimal import Decimal

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import LineField
from accounts.models import User
from bids.models import Split
from bulq.kit.forms import RowField
from bulq.kit.money import CENT, MAX_AMOUNT
from bulq.kit.numbers import AmountField, QuantityField


class SortOutForm(forms.Form):
    """How much a person takes of a line that differs; `was` is what the page showed."""

    quantity = QuantityField(low=Decimal(0), label=gettext_lazy("How much"))
    was = QuantityField(low=Decimal(0), widget=forms.HiddenInput)


class ExtraCostForm(forms.Form):
    """`people` are those of whom one may pay all of it."""

    label = LineField(label=gettext_lazy("What for"))
    amount = AmountField(low=CENT, high=MAX_AMOUNT, label=gettext_lazy("Amount"))
    is_discount = forms.BooleanField(required=False, label=gettext_lazy("This is a discount"))
    how = forms.ChoiceField(
        choices=Split, required=False, initial=Split.VALUE, widget=forms.RadioSelect, label=gettext_lazy("Who pays it?")
    )
    person = RowField(User.objects.none(), required=False, label=gettext_lazy("Which person"))

    def __init__(self, *args, currency, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)
        self.fields["person"].queryset = people
        self.fields["person"].label_from_instance = lambda user: user.name

    def clean_how(self):
        return self.cleaned_data["how"] or Split.VALUE

    def clean(self):
        data = super().clean()
        if data.get("how") == Split.PERSON and not data.get("person") and "person" not in self.errors:
            self.add_error("person", _("Choose who pays it"))
        return data

    @property
    def signed_amount(self):
        amount = self.cleaned_data["amount"]
        return -amount if self.cleaned_data["is_discount"] else amount


class ReceiptForm(forms.Form):
    amount = AmountField(low=CENT, high=MAX_AMOUNT, label=gettext_lazy("What it says"))
    label = LineField(required=False, label=gettext_lazy("Which one"))

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)


class TotalForm(forms.Form):
    """Corrects what a purchase cost; `was` is what the page showed."""

    total = AmountField(label=gettext_lazy("Total paid"))
    was = AmountField(widget=forms.HiddenInput)

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["total"].set_currency(currency)
