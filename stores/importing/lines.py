"""Rows of a table as checked lines, with the same fields as the forms."""

import re
from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.forms import LineField
from bulq.kit.money import currency_codes
from bulq.kit.names import fold
from bulq.kit.numbers import PriceField, QuantityField
from stores.actions.importing import Line, Refused
from stores.forms import BarcodeField, NameField, NoteField
from stores.models import MAX_STEP, Category, Product, standard_unit

_DAY = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)|(\d\d?)\.\s*(\d\d?)\.\s*(\d{4})\.?", re.ASCII)
FIRST_DAY = date(2000, 1, 1)


class Reader:
    """Makes a `Line` of a row of the table, or raises `Refused` with the reason.

    `places` has the position of each column that is there.
    """

    def __init__(self, store, headings, places):
        self.store, self.headings, self.places = store, headings, places
        price = PriceField(required=False)
        price.set_currency(store.currency)
        read = {
            "name": NameField(error_messages={"required": _("Enter the name of the product")}).clean,
            "brand": NameField(low=1, required=False).clean,
            "unit": lambda text: standard_unit(unit.clean(text)),
            "kind": _kind,
            "step": QuantityField(required=False, high=MAX_STEP).clean,
            "barcode": BarcodeField().clean,
            "category": self._category,
            "pack_size": QuantityField(required=False).clean,
            "min_quantity": QuantityField(required=False).clean,
            "note": NoteField().clean,
            "price": price.clean,
            "quantity": QuantityField(required=False).clean,
            "day": self._day,
            "currency": self._currency,
        }
        unit = LineField(required=False, high=20)
        self._read = {name: read[name] for name in places}
        categories = list(Category.objects.all())
        self._categories = {fold(category.name): category.pk for category in categories}
        self._categories |= {category.name: category.pk for category in categories}
        self.today = timezone.localdate()

    def line(self, row):
        if row.problem:
            raise Refused(row.problem)
        values = {}
        for name, place in self.places.items():
            try:
                values[name] = self._read[name](row.cells[place])
            except ValidationError as error:
                params = {"column": self.headings[place], "problem": error.messages[0]}
                raise Refused(_("%(column)s: %(problem)s") % params) from None
        values.pop("currency", None)
        values["category_id"] = values.pop("category", None)
        values["amount"] = values.pop("price", None)
        values["day"] = values.get("day") or self.today
        return Line(number=row.number, **values)

    def _category(self, text):
        if not text:
            return None
        if category := self._categories.get(text) or self._categories.get(fold(text)):
            return category
        raise ValidationError(_("There is no category called “%(name)s”"), params={"name": text})

    def _day(self, text):
        if not text:
            return self.today
        try:
            year, month, day = _numbers(_DAY.fullmatch(text))
            when = date(year, month, day)
        except ValueError:
            raise ValidationError(_("Enter a date as 2026-05-31 or 31.5.2026")) from None
        if not FIRST_DAY <= when <= self.today:
            raise ValidationError(_("Enter a day between the year 2000 and today"))
        return when

    def _currency(self, text):
        currency = text.upper()
        if currency in ("", self.store.currency):
            return
        if currency not in currency_codes():
            raise ValidationError(_("“%(text)s” is not a currency. Write it like EUR"), params={"text": text})
        raise ValidationError(
            _("Prices at this store are in %(own)s, not in %(other)s"),
            params={"own": self.store.currency, "other": currency},
        )


def _kind(text):
    if not text or text.lower() in Product.Kind.values:
        return text.lower()
    raise ValidationError(_("Enter “counted” or “divisible”"))


def _numbers(found):
    """Year, month and day; `ValueError` if nothing was found."""
    if not found:
        raise ValueError
    parts = found.groups()
    return map(int, parts[:3] if parts[0] else reversed(parts[3:]))
