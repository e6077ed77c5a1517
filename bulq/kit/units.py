"""Units of products: their names, and as they stand next to a number. Custom units stay as typed."""

from decimal import Decimal
from functools import lru_cache

from babel import Locale
from django.utils.translation import gettext_lazy, ngettext_lazy

from .money import current_locale, format_range

NAMES = {
    "kg": gettext_lazy("kg"),
    "g": gettext_lazy("g"),
    "L": gettext_lazy("L"),
    "ml": gettext_lazy("ml"),
    "piece": gettext_lazy("piece"),
    "pack": gettext_lazy("pack"),
    "bottle": gettext_lazy("bottle"),
    "box": gettext_lazy("box"),
}
# These have plural forms; kg and L do not.
PLURALS = {
    "piece": ngettext_lazy("piece", "pieces"),
    "pack": ngettext_lazy("pack", "packs"),
    "bottle": ngettext_lazy("bottle", "bottles"),
    "box": ngettext_lazy("box", "boxes"),
}


def unit_name(unit):
    """The unit by itself: “per bottle”, “Unit: bottle”."""
    return str(NAMES.get(unit, unit))


def unit_for(quantity, unit):
    """The unit after this quantity: “bottles” after 2, “kg” after any."""
    if unit not in PLURALS:
        return unit_name(unit)
    return PLURALS[unit] % _counted(quantity, current_locale())


@lru_cache(maxsize=1024)
def _counted(quantity, locale_name):
    """A whole number with the plural form of `quantity`: gettext knows whole numbers only."""
    quantity = Decimal(quantity)
    if quantity == quantity.to_integral_value():
        return int(quantity)
    plural_form = Locale.parse(locale_name).plural_form
    form = plural_form(quantity.normalize())
    return next((number for number in range(2, 20) if plural_form(number) == form), 2)


def with_unit(quantity, unit, limit=None):
    """`2 bottles`, `1.5 kg`; with a limit, `2–4 bottles`."""
    return f"{format_range(quantity, limit)} {unit_for(quantity if limit is None else limit, unit)}"
