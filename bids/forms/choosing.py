import re
from dataclasses import dataclass, field
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from bids.actions.bidding import Wish
from bids.models import Run
from bulq.kit.dates import format_day
from bulq.kit.errors import BulqError
from bulq.kit.forms import RowField
from bulq.kit.http import carry_what_is_there
from bulq.kit.numbers import NumberField, QuantityField, parse_id, parse_number
from stores.models import Store

from .closing import ClosingFields

LINE = re.compile(r"q-([0-9]{1,18})")


class DayForm(forms.ModelForm):
    """Asks once about a day in the past; sending the same day again confirms it."""

    past_day = forms.DateField(required=False, widget=forms.HiddenInput)

    def clean(self):
        data = super().clean()
        day = data.get("day")
        if day and day < localdate() and day != self.initial.get("day") and data.get("past_day") != day:
            self.add_error(
                "day", _("%(day)s is in the past. Send it again if you mean that day") % {"day": format_day(day)}
            )
            carry_what_is_there(self, past_day=day)
        return data


class RunForm(ClosingFields, DayForm):
    store = RowField(
        Store.objects.none(),
        label=gettext_lazy("Store"),
        widget=forms.RadioSelect(attrs={"class": "options"}),
        empty_label=None,
        error_messages={"required": gettext_lazy("Choose a store")},
    )

    class Meta:
        model = Run
        fields = ["store", "day", "note"]
        widgets = {
            "day": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "note": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {"day": gettext_lazy("Day of the trip")}
        help_texts = {"note": gettext_lazy("When you leave, what to bring")}

    def __init__(self, *args, stores, shown, **kwargs):
        """`stores` can be chosen; `shown` are those the page lists."""
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = stores
        self.fields["store"].choices = [(store.pk, store.name) for store in shown]


class RunDetailsForm(DayForm):
    version = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)

    class Meta:
        model = Run
        fields = RunForm.Meta.fields[1:]
        widgets = RunForm.Meta.widgets
        help_texts = RunForm.Meta.help_texts


class WishForm(forms.Form):
    """One person's wish for one product, with its comment."""

    quantity = QuantityField(low=Decimal(0), required=False, label=gettext_lazy("How much"))
    maybe = forms.BooleanField(required=False, label=gettext_lazy("Maybe: I'm interested, but don't know how much yet"))
    comment = forms.CharField(
        max_length=500,
        required=False,
        label=gettext_lazy("Comment"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    was = NumberField(required=False, widget=forms.HiddenInput)

    def clean(self):
        data = super().clean()
        if data.get("maybe") and data.get("quantity"):
            self.add_error("maybe", _("Enter an amount or choose “Maybe”, not both"))
        return data

    def wish(self, product):
        quantity = None if self.cleaned_data["maybe"] else self.cleaned_data["quantity"] or Decimal(0)
        return Wish(product.pk, quantity, self.cleaned_data["comment"], was=self.cleaned_data["was"])


@dataclass
class OrderLines:
    """The changed lines of an order form, and those that could not be read."""

    wishes: list = field(default_factory=list)
    typed: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)

    def step(self, product, sign, was_text):
        """Change a product by one step from the amount in its input."""
        if product.pk in self.errors:
            return
        if product.pk not in self.typed:
            raise BulqError(_("This form was incomplete. Reload the page and send it again."))
        try:
            typed, was = _number(self.typed[product.pk]), _number(was_text)
        except ValidationError as error:
            self.errors[product.pk] = error.messages
            return
        amount = max(typed + sign * product.step, Decimal(0))
        self.wishes = [wish for wish in self.wishes if wish.product_id != product.pk]
        self.wishes.append(Wish(product.pk, amount, was=was or None))


def read_order(post):
    """Read `q-<product>` and `was-<product>`; a `minus` or `plus` button names a product and steps it."""
    lines = OrderLines()
    for name, text in post.items():
        if match := LINE.fullmatch(name):
            product, was_text = int(match[1]), post.get(f"was-{match[1]}", "")
            lines.typed[product] = text
            try:
                quantity, was = _number(text), _number(was_text)
            except ValidationError as error:
                lines.errors[product] = error.messages
                continue
            if quantity != was:
                lines.wishes.append(Wish(product, quantity, was=was or None))
    return lines


def pressed_button(post):
    """Product id and direction of the − or + that was pressed without script, or None."""
    for name, sign in (("minus", -1), ("plus", 1)):
        if name in post:
            return parse_id(post[name]), sign
    return None


def _number(text):
    return parse_number(text) if text.strip() else Decimal(0)


class PersonForm(forms.Form):
    """Chooses one of the given people."""

    person = RowField(User.objects.none(), label=gettext_lazy("Who"), empty_label=None)

    def __init__(self, *args, people, label=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people
        self.fields["person"].label_from_instance = lambda user: user.name
        if label:
            self.fields["person"].label = label
