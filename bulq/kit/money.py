"""Currencies, minor units, and formatting of amounts and quantities.

Amounts and quantities are `Decimal` everywhere; no float touches them. Minor units follow ISO 4217 (list one,
2024), which differs from the CLDR figures that Babel uses for display (RSD, for one, has cents on receipts).
"""

import re
from copy import copy
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache

from babel import Locale
from babel.numbers import get_currency_name, get_currency_symbol, get_territory_currencies
from django.utils.translation import get_language, to_locale

NO_BREAK_SPACE = "\u00a0"
ONE, CENT = Decimal(1), Decimal("0.01")
MAX_AMOUNT = Decimal("9999999.99")
MAX_QUANTITY = Decimal(99999)
NO_MINOR_UNIT = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_OR_MORE_DECIMALS = frozenset({"BHD", "CLF", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "UYW"})


@cache
def currency_codes():
    """ISO 4217 codes in use somewhere today, without those of three decimals, sorted."""
    territories = Locale("en").territories
    in_use = {code for territory in territories for code in get_territory_currencies(territory)}
    return tuple(sorted(in_use - THREE_OR_MORE_DECIMALS))


def currency_choices():
    locale = current_locale()
    return [(code, f"{code} – {get_currency_name(code, locale=locale)}") for code in currency_codes()]


def minor_digits(currency):
    return 0 if currency in NO_MINOR_UNIT else 2


def minor_unit(currency):
    return ONE if currency in NO_MINOR_UNIT else CENT


def fits_minor_unit(amount, currency):
    return amount % minor_unit(currency) == 0


def round_to_minor_unit(amount, currency):
    """Rounded half up, as on a receipt."""
    return amount.quantize(minor_unit(currency), rounding=ROUND_HALF_UP)


_locale_name = cache(to_locale)


def current_locale():
    return _locale_name(get_language() or "en")


@cache
def _locale(name):
    return Locale.parse(name)


@lru_cache(maxsize=8192)
def _format_money(amount, currency, digits, locale_name):
    locale = _locale(locale_name)
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = digits
    text = _grouped(pattern.apply(amount, locale, currency=currency, currency_digits=False), locale)
    return re.sub(r"(?<=[^\W\d_])(?=\d)", NO_BREAK_SPACE, text)  # as CLDR has it between letters and digits


def _grouped(text, locale):
    """Without decimals, digits are grouped by spaces: `1,250` could be read, and typed again, as one and a quarter."""
    if re.search(rf"\d{re.escape(locale.number_symbols['latn']['decimal'])}\d", text):
        return text
    return re.sub(r"(?<=\d)\D(?=\d{3})", NO_BREAK_SPACE, text)


def format_money(amount, currency):
    """`€63.20`, `¥1 200`, `63,20 €`: in the reader's language, with the minor digits of the currency."""
    digits = minor_digits(currency)
    return _format_money(amount, currency, (digits, digits), current_locale())


def format_unit_price(amount, quantity, currency):
    """Amount for one unit, up to four decimals and at least the currency's own."""
    price = (amount / quantity).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    return _format_money(price, currency, (minor_digits(currency), 4), current_locale())


@lru_cache(maxsize=8192)
def _format_number(number, locale_name):
    locale = _locale(locale_name)
    pattern = copy(locale.decimal_formats[None])
    pattern.frac_prec = (0, 2)
    return _grouped(pattern.apply(number, locale), locale)


def format_quantity(quantity):
    """`2.5`, `12`, `1 250`: without trailing zeros, in the reader's language."""
    return _format_number(quantity, current_locale())


def localised(number):
    """A plain decimal text with the reader's decimal mark: `7.40`, `7,40`. It can be typed as it is."""
    return number.replace(".", _locale(current_locale()).number_symbols["latn"]["decimal"])


def format_range(low, high=None):
    """`2`, or `2–4`."""
    return format_quantity(low) if high is None else f"{format_quantity(low)}–{format_quantity(high)}"


def currency_symbol(currency):
    return get_currency_symbol(currency, locale=current_locale())
