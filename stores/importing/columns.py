"""Which column of a file is what: by its name in one of four languages, or as someone says."""

import re
import unicodedata

from django.utils.translation import gettext as _

from bulq.kit.errors import BulqError
from bulq.kit.names import fold, listed

# English, Serbian in both scripts, Russian. The first name of each is the one in our own files.
NAMES = {
    "name": "name, product, product name, naziv, proizvod, artikal, naziv artikla, назив, производ, артикал, название, "
    "наименование, товар, продукт",
    "brand": "brand, marka, brend, proizvođač, марка, бренд, произвођач, торговая марка",
    "unit": "unit, jedinica, jedinica mere, jm, јединица, јединица мере, јм, единица, единица измерения, ед. изм.",
    "kind": "kind, vrsta, врста, вид",
    "step": "step, korak, корак, шаг",
    "barcode": "barcode, bar code, EAN, GTIN, bar kod, баркод, бар код, штрихкод, штрих-код",
    "category": "category, kategorija, категорија, категория",
    "pack_size": "pack size, pack, pakovanje, veličina pakovanja, паковање, величина паковања, упаковка, "
    "размер упаковки",
    "min_quantity": "minimum, minimum quantity, min quantity, minimalna količina, минимална количина, минимум, "
    "минимальное количество",
    "note": "note, napomena, напомена, примечание",
    "price": "price, cena, cijena, цена, цијена",
    "quantity": "quantity, price for, količina, cena za, количина, цена за, количество",
    "day": "day, date, dan, datum, дан, датум, день, дата",
    "currency": "currency, valuta, валута, валюта",
}


def _key(text):
    """Case, diacritics, blanks and signs between words make no difference."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", fold(text)))


_KNOWN = {_key(name): column for column, names in NAMES.items() for name in names.split(", ")}


def parse_mapping(texts):
    """`{"price": "Cena sa PDV"}` of `["price=Cena sa PDV"]`; an empty name means that there is no such column."""
    mapping = {}
    for text in texts:
        column, sign, heading = text.partition("=")
        column = column.strip().lower()
        if not sign or column not in NAMES:
            sentence = _("“%(text)s” has to be one of %(names)s, then = and the name of a column in the file.")
            raise BulqError(sentence % {"text": text, "names": listed(NAMES, most=len(NAMES))}, field="columns")
        if column in mapping:
            raise BulqError(_("“%(name)s” is given twice.") % {"name": column}, field="columns")
        mapping[column] = heading.strip()
    return mapping


def positions(headings, mapping):
    """The position of each column that is there, `{"name": 0, "price": 3}`; refused when it is not clear."""
    found, keys = {}, [_key(heading) for heading in headings]
    for column, heading in mapping.items():
        if heading:
            places = [place for place, key in enumerate(keys) if key == _key(heading)]
            if not places:
                raise BulqError(_("There is no column “%(name)s” in this file.") % {"name": heading}, field="columns")
            if places[1:]:
                raise BulqError(_("The column “%(name)s” is there twice.") % {"name": heading}, field="columns")
            found[column] = places[0]
    for place, key in enumerate(keys):
        column = _KNOWN.get(key)
        if column is None or column in mapping or place in found.values():
            continue
        if column in found:
            params = {"first": headings[found[column]], "second": headings[place], "name": column}
            raise BulqError(
                _(
                    "The columns “%(first)s” and “%(second)s” could both be the %(name)s. Rename one, or say which one "
                    "it is, as %(name)s=%(first)s."
                )
                % params,
                field="columns",
            )
        found[column] = place
    if "name" not in found:
        raise BulqError(
            _("No column has the names of the products. Call it “name”, or say which one it is."), field="columns"
        )
    return found
