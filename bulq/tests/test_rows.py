"""Rows written from a template (bulq/kit/rows.py): the same as the template language, and no foreign markup."""

from dataclasses import asdict, dataclass

import pytest
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from bids.views.order_table import TableRow
from bulq.kit import rows
from bulq.kit.rows import INDENT, address_of, joined, write

NASTY = '<b onclick="x">\'&amp;\ue0000\ue001{{ name }}'


def table_row(**texts):
    names = [name for name in TableRow.__dataclass_fields__ if name != "is_maybe"]
    return TableRow(**{name: f"{name} 5" for name in names} | {"is_maybe": False} | texts)


CASES = [
    {},
    {"name": NASTY, "facts": NASTY, "unit": NASTY, "error": NASTY},
    {"price": "", "error": "", "comments": "", "others": ""},
    {"amount": "", "was": "", "mine": "", "is_maybe": True},
    {"cells": mark_safe("<td>1</td>"), "mine": ""},
]


@pytest.mark.parametrize("editable", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_a_row_is_what_the_template_language_renders(case, editable):
    row = table_row(**case)
    plain = INDENT.sub("\n", render_to_string("bids/_row.html", {"row": row, "editable": editable}).strip())
    assert write("bids/_row.html", [row], editable=editable) == plain
    as_data = render_to_string("bids/_row.html", {"row": asdict(row), "editable": editable})
    assert plain == INDENT.sub("\n", as_data.strip())


def test_many_rows_follow_each_other_each_with_its_own_texts():
    page = write("bids/_row.html", [table_row(name="Ana"), table_row(name="Jon", price="")], editable=False)
    assert page.index("Ana") < page.index("Jon")
    assert page.count("<tr") == 2
    assert write("bids/_row.html", []) == ""


@dataclass
class Said:
    text: str


def test_written_rows_are_not_escaped_again_and_everything_else_is():
    inner = write("stores/_fact.html", [Said("<i>")])
    assert inner == "<br><small>&lt;i&gt;</small>"
    assert write("stores/_fact.html", [Said(inner)]) == f"<br><small>{inner}</small>"
    assert joined([inner, "<i>"], between=" <> ") == f"{inner} &lt;&gt; &lt;i&gt;"
    assert write("stores/_fact.html", [Said(gettext_lazy("Home"))]) == "<br><small>Home</small>"


def test_a_template_is_rendered_once_for_each_case_and_language():
    rows._pieces.cache_clear()
    write("stores/_fact.html", [Said("1"), Said("2"), Said("")] * 50)
    assert rows._pieces.cache_info().misses == 2
    with override("de"):
        write("stores/_fact.html", [Said("1")])
    assert rows._pieces.cache_info().misses == 3


def test_in_development_a_changed_template_is_seen(settings):
    rows._pieces.cache_clear()
    settings.DEBUG = True
    write("stores/_fact.html", [Said("1")])
    assert rows._pieces.cache_info().misses == 0


def test_addresses_equal_those_of_reverse():
    assert address_of("run-product", 7)(12) == "/runs/7/p/12/"
    assert address_of("store")(12) == "/stores/12/"
