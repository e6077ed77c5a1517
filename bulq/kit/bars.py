"""Bars used in many rows: how packs fill, and the segments of any bar."""

from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from . import drawing, money, units
from .rows import write


@dataclass
class Segment:
    """A piece of a bar (templates/includes/_segment.html): where it begins and how wide it is, in per cent."""

    kind: str
    x: str
    width: str
    is_outlined: bool


@dataclass
class Packs:
    """How packs fill (templates/includes/_packs.html): a sentence alone, or a picture with its sentence beneath."""

    plain: str = ""
    label: str = ""
    segments: str = ""
    full: str = ""
    fills: bool = False  # with what people said is fine
    short: str = ""


@dataclass
class Bar:
    segments: str


@dataclass
class Balance:
    """Two bars on a common zero line (templates/includes/_balance_bar.html), in per cent of the width."""

    zero: str
    plus: str
    minus: str
    minus_from: str


def _segments(drawn):
    short = drawing.short
    return write(
        "includes/_segment.html", [Segment(kind, short(x), short(w), kind in ("need", "fine")) for kind, x, w in drawn]
    )


def pack_bar(mine, others, pack, unit="", fine=0, fine_with=""):
    """How packs fill: `{% pack_bar row.mine row.others row.pack row.unit %}`, `others` all others together.

    Without a pack size, only the sum is written; while nobody wants any, there is no picture. `fine` is how much more
    is fine, and `fine_with` names with whom.
    """
    return _pack_bar(mine, others, pack, unit, fine, fine_with, get_language())


@lru_cache(maxsize=1024)
def _pack_bar(mine, others, pack, unit, fine, fine_with, _language):
    return write("includes/_packs.html", [_packs(mine, others, pack, unit, fine, fine_with)])


def _packs(mine, others, pack, unit, fine, fine_with):
    wanted = mine + others
    if not wanted:
        return Packs(plain=_("Nobody yet"))
    if not pack:
        return Packs(plain=_("%(wanted)s wanted") % {"wanted": units.with_unit(wanted, unit)})
    full, rest, need, _room = drawing.packs(mine, others, pack)
    fills = need and need <= fine
    if fills:
        full, need = full + 1, 0
    params = {"rest": money.format_quantity(rest), "need": money.format_quantity(need), "full": full}
    params |= {"fine": money.format_quantity(fine), "names": fine_with}
    params["pack"] = money.format_quantity(pack)
    label = _pack_sentence(full, need, fine, params)
    if fills:
        label += ", " + _("fills with what people said is fine")
    if mine:
        label += ". " + _("%(mine)s by you") % {"mine": money.format_quantity(mine)}
    params["pack"] = units.with_unit(pack, unit)
    return Packs(
        label=label,
        segments=_segments(drawing.pack_segments(mine, others, pack, fine)),
        full=ngettext("%(full)s full pack", "%(full)s full packs", full) % params if full else "",
        fills=bool(fills),
        short=_short(need, fine, params),
    )


def _short(need, fine, params):
    if not need:
        return ""
    if fine:
        return _("%(rest)s of %(pack)s: %(need)s still needed, %(fine)s fine with %(names)s") % params
    return _("%(rest)s of %(pack)s: %(need)s still needed") % params


def _pack_sentence(full, need, fine, params):
    """The state of the packs in one sentence, for people who cannot see the bar."""
    if not need:
        return ngettext("%(full)s full pack", "%(full)s full packs", full) % params
    if not full:
        return _short(need, fine, params)
    if fine:
        return ngettext(
            "%(full)s full pack and %(rest)s of %(pack)s: %(need)s still needed, %(fine)s fine with %(names)s",
            "%(full)s full packs and %(rest)s of %(pack)s: %(need)s still needed, %(fine)s fine with %(names)s",
            full,
        ) % params  # fmt: skip
    return ngettext(
        "%(full)s full pack and %(rest)s of %(pack)s: %(need)s still needed",
        "%(full)s full packs and %(rest)s of %(pack)s: %(need)s still needed",
        full,
    ) % params  # fmt: skip


def came_bar(wanted, came):
    """Received against wanted: missing parts are dashed, surplus stands out. Numbers have to be shown beside it."""
    return write("includes/_came.html", [Bar(_segments(drawing.came_segments(wanted, came)))])


def balance_bar(gets, gives, most, least):
    """What a person gets, right of a common zero line, and what they give, left of it, scaled to `most` and `least`."""
    span = (most + least) or 1
    zero, plus, minus = (part * drawing.HUNDRED / span for part in (least, gets, gives))
    return write("includes/_balance_bar.html", [Balance(*map(drawing.short, (zero, plus, minus, zero - minus)))])


def tally(owes, gets, sent, coming, most):
    """From a middle line: left what someone owes, right what they get, and behind it what is on its way.

    Scaled so that `most` fills a side. Numbers have to be shown beside it.
    """
    side = 48 / most if most else 0
    owe, get, left, right = (drawing.short(part * side) for part in (owes, gets, sent, coming))
    return {
        "owe": owe,
        "owe_from": drawing.short(50 - owes * side),
        "get": get,
        "left": left,
        "left_from": drawing.short(50 - (owes + sent) * side),
        "right": right,
        "right_from": drawing.short(50 + gets * side),
    }


def reach(low, likely, high):
    """From the least to the most, and where it is likely to end, in per cent. Numbers have to be shown beside it."""
    part = (likely - low) / (high - low)
    return {"likely": drawing.short(20 + 60 * part)}


def two_sums(first, second):
    """What was entered above what the receipts say; numbers have to be shown beside it."""
    drawn = drawing.two_sums(first, second) if first > 0 or second > 0 else []
    return {"bars": [_segments(bar) for bar in drawn]}


def saving_bar(paid, elsewhere, most):
    """What was paid, before what it costs elsewhere, scaled to `most`. Numbers have to be shown beside it."""
    return write("includes/_bar.html", [Bar(_segments(drawing.saving(paid, elsewhere, most)))])


def progress_bar(done, total):
    """The part of a whole that is done, in per cent. Numbers have to be shown beside it."""
    return {"share": drawing.short(done * drawing.HUNDRED / total) if total else "0"}
