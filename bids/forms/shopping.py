from decimal import Decimal

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import LineField
from accounts.models import User
from bids.allocation import agrees, total_for
from bulq.kit.forms import RowField
from bulq.kit.money import CENT, MAX_QUANTITY, format_quantity, minor_unit
from bulq.kit.numbers import AmountField, PriceField, QuantityField, within_range
from bulq.kit.units import unit_for, unit_name, with_unit
from stores.models import Product

ALL, UNIT, PACK = "all", "unit", "pack"


class PurchaseForm(forms.Form):
    """How much was bought and what it cost: in units or packs, for one, for a pack or for all of it.

    `cleaned_data` holds the quantity in units and the `total`.
    """

    quantity = QuantityField(label=gettext_lazy("How much"))
    counted_in = forms.ChoiceField(label=gettext_lazy("Counted in"), required=False, widget=forms.RadioSelect)
    price = AmountField(label=gettext_lazy("Price"), required=False)
    price_for = forms.ChoiceField(label=gettext_lazy("The price is for"), required=False, widget=forms.RadioSelect)
    total = AmountField(
        label=gettext_lazy("Total"), required=False, help_text=gettext_lazy("Only if you want to compare")
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args, unit, pack, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.pack, self.currency = pack, currency
        one_unit = with_unit(Decimal(1), unit)
        in_packs = [(PACK, _("packs of %(size)s") % {"size": format_quantity(pack)})] if pack else []
        a_pack = [(PACK, _("a pack of %(size)s") % {"size": format_quantity(pack)})] if pack else []
        self.fields["counted_in"].choices = [(UNIT, unit_for(2, unit)), *in_packs]
        self.fields["price_for"].choices = [*a_pack, (UNIT, one_unit), (ALL, _("all of it"))]
        for name in ("price", "total"):
            self.fields[name].set_currency(currency)

    def clean_counted_in(self):
        return self.cleaned_data["counted_in"] or UNIT

    def clean_price_for(self):
        return self.cleaned_data["price_for"] or ALL

    def clean(self):
        data = super().clean()
        if self.errors:
            return data
        if data["counted_in"] == PACK:
            data["quantity"] *= self.pack
            within_range(self, "quantity", data["quantity"], CENT, MAX_QUANTITY)
        if data["price"] is None and data["total"] is None:
            self.add_error("price", _("Enter what it cost, for example 7.40. A gift costs 0"))
        elif not self.errors:
            data["total"] = self._total(data)
        return data

    def _total(self, data):
        quantity, price, total = data["quantity"], data["price"], data["total"]
        if price is None:
            return total
        grain = minor_unit(self.currency)
        per = {ALL: quantity, UNIT: Decimal(1), PACK: self.pack}[data["price_for"]]
        if total is None:
            total = total_for(quantity, price, per=per, grain=grain)
            within_range(self, "price", total, self.fields["total"].low, self.fields["total"].high)
        elif not agrees(total, quantity, price, per=per, grain=grain):
            self.add_error("total", _("This doesn't match the price. Correct one of them, or leave one empty"))
        return total


class PriceForm(forms.Form):
    """A price seen in the shop, without buying."""

    amount = PriceField(label=gettext_lazy("Price"))
    quantity = QuantityField(label=gettext_lazy("For how much"))
    min_quantity = QuantityField(label=gettext_lazy("At least"), required=False)
    note = LineField(label=gettext_lazy("Note"), high=200, required=False)

    def __init__(self, *args, currency, unit, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["amount"].set_currency(currency)
        for name in ("quantity", "min_quantity"):
            self.fields[name].widget.unit, self.fields[name].widget.unit_after = unit_name(unit), True


class AddInShopForm(forms.Form):
    """Adds more of a product, or a new one, while shopping."""

    product = RowField(Product.objects.all(), widget=forms.HiddenInput)
    quantity = QuantityField(label=gettext_lazy("How much"))
    whose = RowField(User.objects.none(), label=gettext_lazy("For whom"), empty_label=None)

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["whose"].queryset = people
        self.fields["whose"].label_from_instance = lambda user: user.name


class FinishForm(forms.Form):
    """Finishes shopping: who paid, how many lines the page listed as not bought, and what a receipt says."""

    payer = RowField(User.objects.none(), label=gettext_lazy("Who paid?"), empty_label=None)
    receipt = AmountField(
        low=CENT,
        required=False,
        label=gettext_lazy("What the receipt says"),
        help_text=gettext_lazy("More than one receipt? Add the others on the next page."),
    )
    open_lines = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=10**6)

    def __init__(self, *args, people, currency, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["receipt"].set_currency(currency)
        self.fields["payer"].queryset = people
        self.fields["payer"].label_from_instance = lambda user: user.name
