"""Typed numbers (spec 3), and names that count as the same (spec 25)."""

import re
from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from bulq.kit.names import fold
from bulq.kit.numbers import AmountField, QuantityField, parse_number

READ = {
    "7": "7",
    "7.4": "7.4",
    "7,4": "7.4",
    "7,40": "7.40",
    "007": "7",
    ".5": "0.5",
    ",5": "0.5",
    " 7.40 ": "7.40",
    "1 234": "1234",
    "1 234,5": "1234.5",
    "1\u00a0234,50": "1234.50",
    "1\u202f234.50": "1234.50",
    "1 2": "12",
    "1,234.5": "1234.5",
    "1.234,56": "1234.56",
    "1,234,567.8": "1234567.8",
    "12,345,678.90": "12345678.90",
}
REFUSED = [
    *("", " ", ".", ",", "-", "5.", "5,", "-1", "+1", "1e3", "1E3", "1_000", "0x10", "NaN", "nan", "inf", "Infinity"),
    *("1,234", "1.234", "0,125", "0.001", "1.2345", "7.401", "1,23,456.7", "1,2345.6", "1234,567.8", "1,234.567"),
    *(
        "1.2.3",
        "1,2,3",
        "1,234,567",
        "1.234.567",
        "1..2",
        "1,.2",
        "1 .5",
        "1. 5",
        "٣",
        "１２",
        "½",
        "²",
        "1€",
        "$1",
        "1'000",
    ),
    *("abc", "7.4O", "\0", "1\0", "1\n2", "--1", "1-", "9" * 13, "9" * 5000),
]


@pytest.mark.parametrize(("text", "number"), READ.items())
def test_a_number_is_read_with_a_comma_or_a_point(text, number):
    assert parse_number(text) == Decimal(number)


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(ValidationError) as refusal:
        parse_number(text)
    assert len(refusal.value.messages[0]) > 10


def test_one_separator_and_three_digits_are_ambiguous():
    with pytest.raises(ValidationError, match=r"two ways. Write 1234 or 1.23"):
        parse_number("1,234")


def reference(text):
    """Spec 3, read sentence by sentence, without regard to speed."""
    text = text.strip(" \t\u00a0\u2009\u202f")
    while (closer := re.sub("([0-9])[ \t\u00a0\u2009\u202f]([0-9 \t\u00a0\u2009\u202f])", r"\1\2", text)) != text:
        text = closer
    if not text or set(text) - set("0123456789.,") or text[-1] in ".,":
        return None
    marks = [letter for letter in text if letter in ".,"]
    if len(set(marks)) == 2:
        last = marks[-1]
        if marks.count(last) > 1:
            return None
        whole, decimals = text.rsplit(last, 1)
        first, *groups = re.split("[.,]", whole)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return None
        whole = first + "".join(groups)
    else:
        if len(marks) > 1:
            return None
        whole, _mark, decimals = text.replace(",", ".").partition(".")
        if len(decimals) == 3:
            return None
    return None if len(decimals) > 2 or len(whole) > 12 else Decimal(f"{whole or 0}.{decimals or 0}")


@given(st.text("0123456789.,  \u00a0-+e_N", max_size=14) | st.text(max_size=8))
@example("1 .5")
@example("12,345.6")
def test_every_text_is_read_as_the_specification_says(text):
    try:
        number = parse_number(text)
    except ValidationError:
        number = None
    assert number == reference(text)


@given(st.decimals(min_value=0, max_value=99999, places=2), st.sampled_from(",."), st.booleans())
def test_a_written_number_reads_back_the_same(number, mark, grouped):
    other = "." if mark == "," else ","
    text = f"{number:,.2f}" if grouped and number >= 1000 else f"{number:.2f}"
    assert parse_number(text.translate(str.maketrans({",": other, ".": mark}))) == number


class NumbersForm(forms.Form):
    quantity = QuantityField()
    amount = AmountField(currency="JPY")


@pytest.mark.parametrize(
    ("field", "text", "is_valid"),
    [
        ("quantity", "0.01", True),
        ("quantity", "99999", True),
        ("quantity", "0", False),
        ("quantity", "99999.01", False),
        ("amount", "0", True),
        ("amount", "9999999", True),
        ("amount", "7.40", False),
        ("amount", "7.00", True),
        ("amount", "10000000", False),
    ],
)
def test_values_out_of_range_are_refused_at_the_field(field, text, is_valid):
    form = NumbersForm({"quantity": "1", "amount": "1"} | {field: text})
    assert form.is_valid() is is_valid
    assert set(form.errors) == (set() if is_valid else {field})


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("Basmati Rice", "basmati  RICE"),
        ("Basmati Rice", "BasmatiRice"),
        ("Straße", "STRASSE"),
        ("ﬁne salt", "Fine Salt"),
        ("Tea №5", "tea no5"),
        ("Ｍetro", "metro"),
        ("Cafe\u0301", "CAFÉ"),
        ("Rice\u00a0\u2009pudding", "rice pudding"),
        ("ГРЕЧКА", "гречка"),
    ],
)
def test_two_spellings_of_the_same_name(first, other):
    assert fold(first) == fold(other)


def test_different_names_stay_different():
    assert len({fold(name) for name in ("Čaj", "Caj", "Rice", "Rices", "Ri-ce")}) == 5
