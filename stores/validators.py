"""Bar codes of products: EAN-8, UPC-A (12 digits), EAN-13 and GTIN-14, all stored with 14 digits."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

LENGTHS = {8, 12, 13, 14}
STORED = 14
# Printed in the shop, with the weight or the price of one piece: EAN-13 that begins so.
OF_ONE_PIECE = re.compile(r"\d(02|2\d)")


def typed_digits(text):
    """The digits of what may be a bar code, typed with blanks or hyphens or not; otherwise an empty text."""
    text = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    return text if re.fullmatch(r"[0-9]+", text) and len(text) in LENGTHS else ""


def read_barcode(text):
    """A bar code with 14 digits; `ValidationError` has the sentence that says why it is none."""
    digits = typed_digits(text)
    if not digits:
        raise ValidationError(_("A bar code has 8, 12, 13 or 14 digits"))
    code = digits.zfill(STORED)
    if not int(code):
        raise ValidationError(_("A bar code is more than zeros. Type the digits below the bars"))
    if sum(int(digit) * weight for digit, weight in zip(code, (3, 1) * 7, strict=True)) % 10:
        raise ValidationError(_("That is not a bar code: its last digit does not fit the others. Type it once more"))
    if OF_ONE_PIECE.match(code):
        raise ValidationError(_("The shop printed this code for one weighed piece, so it can't stand for the product"))
    return code


def barcode_in(text):
    """The bar code that a search is for, or None."""
    try:
        return read_barcode(text)
    except ValidationError:
        return None


def shown_barcode(code):
    """As it is printed: without the zeros put in front."""
    short = code.lstrip("0")
    return code[-next(length for length in (8, 13, 14) if len(short) <= length) :]
