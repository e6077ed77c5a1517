"""Numbers as people type them: read, checked, and shown again in a form."""

import re
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .money import (
    CENT,
    MAX_AMOUNT,
    MAX_QUANTITY,
    currency_symbol,
    fits_minor_unit,
    format_money,
    format_quantity,
    localised,
)

SPACES = " \t\u00a0\u2009\u202f"
_BETWEEN_DIGITS = re.compile(rf"(?<=[0-9])[{SPACES}]+(?=[0-9])")
_PLAIN = re.compile(r"[0-9]*(?:[.,][0-9]+)?")
_ID = re.compile(r"[0-9]{1,18}")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")


def parse_number(text, *, example="7.40"):
    """The decimal number a person typed, with a comma or a point as its mark (spec 3).

    Raises `ValidationError` with a sentence. `1,234` could be a thousand or a bit more than one, so it is refused.
    """
    text = _BETWEEN_DIGITS.sub("", text.strip(SPACES))
    if "," in text and "." in text:
        if not _GROUPED.fullmatch(text):
            raise ValidationError(_("Enter a number, for example %(example)s"), params={"example": localised(example)})
        marks = ",." if text.rfind(".") > text.rfind(",") else ".,"
        text = text.replace(marks[0], "").replace(marks[1], ".")
    elif not text or not _PLAIN.fullmatch(text):
        raise ValidationError(_("Enter a number, for example %(example)s"), params={"example": localised(example)})
    whole, mark, decimals = text.replace(",", ".").partition(".")
    if mark and len(decimals) == 3:
        raise ValidationError(
            _("“%(text)s” can be read in two ways. Write %(thousands)s or %(fraction)s"),
            params={
                "text": text,
                "thousands": f"{whole}{decimals}",
                "fraction": localised(f"{whole or 0}.{decimals[:2]}"),
            },
        )
    if len(decimals) > 2:
        raise ValidationError(_("Use at most two decimals"))
    if len(whole) > 12:
        raise ValidationError(_("That number is too large"))
    return Decimal(f"{whole or 0}.{decimals or 0}")


def parse_id(text):
    """The submitted id or count, or None: only ASCII digits, and no larger than a bigint."""
    return int(text) if _ID.fullmatch(text or "") else None


class NumberField(forms.CharField):
    """A typed decimal number. `low` and `high` bound it; `unit` is shown beside the input."""

    low, high = Decimal(0), MAX_AMOUNT

    def __init__(self, *, low=None, high=None, unit="", **kwargs):
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**kwargs)
        self.low = self.low if low is None else low
        self.high = self.high if high is None else high
        self.widget.unit = unit

    def to_python(self, value):
        if isinstance(value, Decimal):
            return value
        text = super().to_python(value)
        return None if text in self.empty_values else parse_number(text)

    def validate(self, value):
        super().validate(value)
        if value is None:
            return
        if value < self.low:
            raise ValidationError(_("Enter at least %(low)s"), params={"low": format_quantity(self.low)})
        if value > self.high:
            raise ValidationError(_("Enter at most %(high)s"), params={"high": format_quantity(self.high)})

    def run_validators(self, value):
        """The validators of a text field look for null characters, which a parsed number cannot hold."""

    def prepare_value(self, value):
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def has_changed(self, initial, data):
        try:
            return self.to_python(data) != initial
        except ValidationError:
            return True


class QuantityField(NumberField):
    low, high = CENT, MAX_QUANTITY


class AmountField(NumberField):
    """An amount of money, a multiple of the minor unit of `currency` (an attribute that the form may set late)."""

    def __init__(self, *, currency=None, **kwargs):
        super().__init__(**kwargs)
        self.set_currency(currency)

    def set_currency(self, currency):
        self.currency = currency
        self.widget.unit = currency_symbol(currency) if currency else ""

    def prepare_value(self, value):
        return f"{value:f}" if isinstance(value, Decimal) else value

    def validate(self, value):
        super().validate(value)
        if value is not None and self.currency and not fits_minor_unit(value, self.currency):
            raise ValidationError(
                _("%(currency)s has no cents: enter a whole amount, for example %(example)s"),
                params={
                    "currency": self.currency,
                    "example": format_money(Decimal(int(value) or 1), self.currency),
                },
            )


class PriceField(AmountField):
    """An observed price. Something that was free says nothing about its price."""

    def validate(self, value):
        if value == 0:
            raise ValidationError(_("Enter a price above 0. Something that was free has no price"))
        super().validate(value)


def within_range(form, field, value, low, high):
    """Refuse, at its field, a value computed from typed ones."""
    if not low <= value <= high:
        params = {"low": format_quantity(low), "high": format_quantity(high)}
        form.add_error(field, _("The result has to be between %(low)s and %(high)s") % params)
