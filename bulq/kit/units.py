"""Units of products next to a number. Custom units stay as typed."""

from django.utils.translation import ngettext_lazy

from .money import format_range

# These have plural forms; kg and L do not.
PLURALS = {
    "piece": ngettext_lazy("piece", "pieces"),
    "pack": ngettext_lazy("pack", "packs"),
    "bottle": ngettext_lazy("bottle", "bottles"),
    "box": ngettext_lazy("box", "boxes"),
}


def unit_for(quantity, unit):
    """The unit after this quantity: “bottles” after 2, “kg” after any."""
    if unit not in PLURALS:
        return unit
    return PLURALS[unit] % (1 if quantity == 1 else max(2, int(quantity)))


def with_unit(quantity, unit, limit=None):
    """`2 bottles`, `1.5 kg`; with a limit, `2–4 bottles`."""
    return f"{format_range(quantity, limit)} {unit_for(quantity if limit is None else limit, unit)}"
