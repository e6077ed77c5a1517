from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy

from accounts.forms import LineField
from bulq.kit.forms import PastDayField
from bulq.kit.money import CENT, MAX_AMOUNT
from bulq.kit.numbers import AmountField


class PaymentForm(forms.Form):
    """What somebody paid; `owed` is what the page said is owed, below zero the other way round.

    `credit` is how much more than that they agreed to pay, which the page asks once. Nothing is typed as the amount
    where two people's debts are set off.
    """

    amount = AmountField(low=Decimal(0), high=MAX_AMOUNT, label=gettext_lazy("Amount"))
    day = PastDayField(required=False, label=gettext_lazy("Paid on"))
    note = LineField(required=False, label=gettext_lazy("Note"))
    owed = forms.DecimalField(max_digits=12, decimal_places=2, widget=forms.HiddenInput)
    credit = AmountField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)

    @property
    def is_asking(self):
        """Whether all is well but that it is more than is owed."""
        return "credit" in self.errors and len(self.errors) == 1


class ArrivedForm(forms.Form):
    """What arrived, if it is another amount than the sender said."""

    amount = AmountField(low=CENT, high=MAX_AMOUNT, label=gettext_lazy("How much arrived?"))

    def __init__(self, *args, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)


class NotArrivedForm(forms.Form):
    note = LineField(required=False, label=gettext_lazy("A word about it"))
