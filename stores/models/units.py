"""How the units that everyone knows are written in the languages of the site."""

from bulq.kit.names import fold

_SPELLINGS = {
    "kg": "kg kilo kilogram kilograms кг кило килограм килограмм",
    "g": "g gr gram grams г гр грам грамм",
    "L": "l lit litar litara liter litre litres л лит литар литара литр",
    "ml": "ml mililitar millilitre мл милилитар миллилитр",
    "piece": "piece pieces pc pcs kom komad komada ком комад шт штука",
    "pack": "pack packs pak paket pakovanje пак пакет паковање упаковка",
    "bottle": "bottle bottles flaša boca флаша боца бутылка",
    "box": "box boxes kutija кутија коробка",
}
_UNITS = {fold(spelling): unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}


def standard_unit(text):
    """`kg` for “Kg.” or “кг”; a unit of one's own as it is."""
    return _UNITS.get(fold(text).rstrip("."), text)
