"""Spec 104: numbers, money, units and tables as they are written in each language, and typed back."""

import csv
import io
from decimal import Decimal as D

import pytest
from django.utils.translation import override

from bulq.kit.money import currency_codes, format_money, format_quantity, minor_digits, minor_unit
from bulq.kit.numbers import parse_number
from bulq.kit.tables import text_of, write_for_reader
from bulq.kit.units import unit_name, with_unit

LANGUAGES = ("en", "sr-latn", "sr", "ru")
AMOUNTS = [D(text) for text in ("0", "0.05", "7.4", "12", "999.99", "1234", "1234.5", "1234567", "9999999.99")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_quantity_that_is_shown_can_be_typed(language, amount):
    with override(language):
        assert parse_number(format_quantity(amount)) == amount


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_amount_of_any_currency_that_is_shown_can_be_typed(language):
    with override(language):
        for currency in currency_codes():
            for amount in AMOUNTS:
                amount = amount.quantize(minor_unit(currency))
                shown = format_money(amount, currency)
                digits = "".join(sign for sign in shown if sign.isdigit() or sign in ",.\u00a0\u202f ").strip(
                    "., \u00a0"
                )
                assert parse_number(digits) == amount, (currency, shown)


# A tilde stands for a no-break space.
WRITTEN = {
    "en": ["€1,234.50", "RSD~1,234.50", "¥1~200", "HUF~12.50", "1~250", "2.5"],
    "sr-latn": ["1.234,50~€", "1.234,50~RSD", "1~200~¥", "12,50~HUF", "1~250", "2,5"],
    "sr": ["1.234,50~€", "1.234,50~RSD", "1~200~¥", "12,50~HUF", "1~250", "2,5"],
    "ru": ["1~234,50~€", "1~234,50~RSD", "1~200~¥", "12,50~HUF", "1~250", "2,5"],
}


@pytest.mark.parametrize("language", WRITTEN)
def test_money_and_quantities(language):
    amounts = [(D("1234.50"), "EUR"), (D("1234.50"), "RSD"), (D(1200), "JPY"), (D("12.50"), "HUF")]
    with override(language):
        written = [format_money(*amount) for amount in amounts]
        written += [format_quantity(D(1250)), format_quantity(D("2.50"))]
    assert [text.replace("\u00a0", "~") for text in written] == WRITTEN[language]


def test_minor_units_follow_iso_4217():
    assert [minor_digits(currency) for currency in ("HUF", "RSD", "JPY")] == [2, 2, 0]


def test_without_decimals_english_would_be_read_in_two_ways():
    """The negative control: grouped by a comma it is refused."""
    with override("en"), pytest.raises(Exception, match="two ways"):
        parse_number("1,250")


UNITS = {
    "en": ["1 bottle", "2 bottles", "5 bottles", "21 bottles", "1.5 bottles", "0 bottles", "2.5 kg"],
    "sr-latn": ["1 flaša", "2 flaše", "5 flaša", "21 flaša", "1,5 flaša", "0 flaša", "2,5 kg"],
    "ru": ["1 бут.", "2 бут.", "5 бут.", "21 бут.", "1,5 бут.", "0 бут.", "2,5 кг"],
}


@pytest.mark.parametrize("language", UNITS)
def test_units_after_numbers(language):
    numbers = ("1", "2", "5", "21", "1.5", "0")
    with override(language):
        written = [with_unit(D(number), "bottle") for number in numbers]
        assert [*written, with_unit(D("2.5"), "kg")] == UNITS[language]


def test_units_by_themselves():
    with override("ru"):
        assert [unit_name(unit) for unit in ("piece", "kg", "L", "Gebinde")] == ["шт.", "кг", "л", "Gebinde"]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [("en", "what,much", "=1,1234.50,yes,"), ("ru", "what;much", "=1;1234,50;да;")],
)
def test_a_table_opens_in_a_spreadsheet_of_the_readers_language(language, first, second):
    file = io.StringIO()
    with override(language):
        write_for_reader(file, ["what", "much"], [["=1", D("1234.50"), True, None]])
    lines = file.getvalue().splitlines()
    assert lines[0] == first
    assert lines[1] == second.replace("=1", "'=1")
    [row] = csv.reader(lines[1:], delimiter=first[4])
    assert text_of(row[0]) == "=1"
