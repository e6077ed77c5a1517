import re
from dataclasses import dataclass, field
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import LineField
from accounts.models import User
from bids.actions.bidding import NO_TERMS, Terms, Wish
from bids.models import Bid, Run
from bulq.kit.dates import format_day
from bulq.kit.errors import BulqError
from bulq.kit.forms import RowField
from bulq.kit.http import carry_what_is_there
from bulq.kit.numbers import NumberField, QuantityField, parse_id, parse_number
from stores.models import Store

from .closing import ClosingFields

LINE = re.compile(r"q-([0-9]{1,18})")
RANGE = re.compile(r"\s*([^–-]+?)\s*[–-]\s*([^–-]+?)\s*")
LONGEST_INSTEAD = Bid._meta.get_field("substitute_text").max_length


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


def read_amount(text):
    """A typed quantity and, where it is a range (“2-4”), its limit."""
    if match := RANGE.fullmatch(text):
        return parse_number(match[1]), parse_number(match[2])
    return (parse_number(text) if text.strip() else Decimal(0)), None


class AmountOrRangeField(QuantityField):
    """A quantity; of a typed range, the lower end, with the upper one as `limit` of the number."""

    def to_python(self, value):
        if isinstance(value, str) and RANGE.fullmatch(value):
            low, self.limit = read_amount(value)
            return low
        self.limit = None
        return super().to_python(value)


class WishForm(forms.Form):
    """One person's wish for one product, with its terms and comment."""

    quantity = AmountOrRangeField(low=Decimal(0), required=False, label=gettext_lazy("How much"))
    limit = QuantityField(
        low=Decimal(0),
        required=False,
        label=gettext_lazy("Up to"),
        help_text=gettext_lazy("If that much is fine as well, packs fill more easily"),
    )
    if_too_little = forms.ChoiceField(
        choices=[("less", gettext_lazy("Less is fine")), ("all", gettext_lazy("All or nothing"))],
        label=gettext_lazy("If there is too little"),
        widget=forms.RadioSelect,
        required=False,
        initial="less",
    )
    instead = LineField(
        high=LONGEST_INSTEAD,
        required=False,
        label=gettext_lazy("Or instead"),
        help_text=gettext_lazy("Another product, or a word to the shopper"),
    )
    maybe = forms.BooleanField(required=False, label=gettext_lazy("Maybe: I'm interested, but don't know how much yet"))
    comment = forms.CharField(
        max_length=500,
        required=False,
        label=gettext_lazy("Comment"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    was = NumberField(required=False, widget=forms.HiddenInput)
    had = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def clean(self):
        data = super().clean()
        if data.get("maybe") and data.get("quantity"):
            self.add_error("maybe", _("Enter an amount or choose “Maybe”, not both"))
        return data

    def wish(self, product):
        data = self.cleaned_data
        quantity = None if data["maybe"] else data["quantity"] or Decimal(0)
        limit = self.fields["quantity"].limit or data["limit"] or None
        terms, had = Terms(limit, data["if_too_little"] == "all", data["instead"]), read_terms(data["had"])
        changed = {"terms": terms, "had": had} if terms != had else {}
        return Wish(product.pk, quantity, data["comment"], was=data["was"], **changed)


def written_terms(terms):
    """What a page shows of the terms of a wish, in one hidden text: `4|all|Lentils`."""
    limit = "" if terms.limit is None else f"{terms.limit.normalize():f}"
    return f"{limit}|{'all' if terms.all_or_nothing else 'less'}|{terms.instead}"


def read_terms(text):
    """The terms that a page has shown; none where it was sent by something else."""
    limit, _bar, rest = text.partition("|")
    kind, _bar, instead = rest.partition("|")
    try:
        return Terms(parse_number(limit) if limit else None, kind == "all", instead)
    except ValidationError:
        return NO_TERMS


@dataclass
class OrderLines:
    """The changed lines of an order form, and those that could not be read.

    `typed` is what the amounts of all lines read, `typed_terms` what stood in the fold: limit, choice, what instead.
    """

    wishes: list = field(default_factory=list)
    typed: dict = field(default_factory=dict)
    typed_terms: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)
    limits_refused: set = field(default_factory=set)

    def step(self, product, sign, was_text):
        """Change a product by one step from the amount in its input."""
        if product.pk in self.errors:
            return
        if product.pk not in self.typed:
            raise BulqError(_("This form was incomplete. Reload the page and send it again."))
        try:
            (typed, _limit), was = read_amount(self.typed[product.pk]), _number(was_text)
        except ValidationError as error:
            self.errors[product.pk] = error.messages
            return
        wish = Wish(product.pk, max(typed + sign * product.step, Decimal(0)), was=was or None)
        for known in [known for known in self.wishes if known.product_id == product.pk]:
            self.wishes.remove(known)
            wish.terms, wish.had = known.terms, known.had
        self.wishes.append(wish)

    def add(self, text):
        """What the button sends that adds the amount of last time, “12=4”, where nothing else was typed."""
        product, _equals, amount = text.partition("=")
        if not (product := parse_id(product)) or self.typed.get(product, "").strip():
            return
        self.typed[product] = amount
        try:
            self.wishes.append(Wish(product, parse_number(amount), was=None))
        except ValidationError as error:
            self.errors[product] = error.messages

    def read(self, product, post):
        """Take in the line of a product: `q-`, `was-`, and its terms `m-`, `s-` and `i-` with `had-`."""
        self.typed[product] = post[f"q-{product}"]
        if f"had-{product}" in post:
            limit, choice, instead = (post.get(f"{letter}-{product}", "") for letter in "msi")
            self.typed_terms[product] = limit, choice == "all", instead
        try:
            quantity, limit = read_amount(self.typed[product])
            was = _number(post.get(f"was-{product}", ""))
            terms = self._terms(product, limit)
        except ValidationError as error:
            self.errors[product] = error.messages
            return
        had = read_terms(post.get(f"had-{product}", ""))
        changed = {"terms": terms, "had": had} if terms not in (None, had) else {}
        if quantity != was or changed:
            self.wishes.append(Wish(product, quantity, was=was or None, **changed))

    def _terms(self, product, limit):
        """`limit` is that of a typed range. None where there is neither this nor a fold."""
        if product not in self.typed_terms:
            return None if limit is None else Terms(limit)
        text, is_all, instead = self.typed_terms[product]
        try:
            limit = limit or _number(text) or None
        except ValidationError:
            self.limits_refused.add(product)
            raise
        return Terms(limit, is_all, WishForm.base_fields["instead"].clean(instead))


def read_order(post):
    """Read the lines of an order form; a `minus` or `plus` button names a product and steps it."""
    lines = OrderLines()
    for name in post:
        if match := LINE.fullmatch(name):
            lines.read(int(match[1]), post)
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
