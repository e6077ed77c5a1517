"""CSV cells that a spreadsheet leaves alone, and what they say."""

import csv
import re
from decimal import Decimal

from django.utils.translation import gettext as _

from .money import localised

BOM = "\ufeff"  # without it some spreadsheets read UTF-8 as something else
# A spreadsheet treats a cell that begins with one of these characters as a formula, in some locales their full-width
# forms too; in others a cell also begins after a semicolon, a tab or a quote. Blanks and invisible characters before
# them make no difference.
_BEGINNING, _SIGN = r"""((?:^|[;,|\t\r\n"'])\W*?)""", "([=+\\-@＝＋－＠﹦﹢﹣﹫−])"
_FORMULA, _GUARDED = re.compile(_BEGINNING + _SIGN), re.compile(_BEGINNING + "'" + _SIGN)


def write_rows(file, rows):
    """Rows of texts, numbers, booleans and None as CSV, the same in every language."""
    csv.writer(file).writerows([_cell(value) for value in row] for row in rows)


def write_for_reader(file, headings, rows):
    """The same as a spreadsheet in the reader's language opens it: with decimal commas, semicolons between cells."""
    mark = localised(".")
    writer = csv.writer(file, delimiter="," if mark == "." else ";")
    writer.writerow(_cell(str(heading)) for heading in headings)
    writer.writerows([_cell_for_reader(value, mark) for value in row] for row in rows)


def _cell_for_reader(value, mark):
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:f}".replace(".", mark) if isinstance(value, Decimal) else _cell(value)


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _FORMULA.sub(r"\1'\2", value) if isinstance(value, str) else str(value)


def text_of(cell):
    """What a cell that `write_rows` has written says, without the apostrophes put in front of formulas."""
    return _GUARDED.sub(r"\1\2", cell)
