"""Shapes of the small pictures: pack bars, received goods, price charts.

Pure geometry on decimals; imports nothing of ours. Widths become SVG attributes, because the content
policy allows no inline style.
"""

import itertools
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

HUNDRED = Decimal(100)
GAP = Decimal("0.9")  # per cent between two segments
MOST_CELLS = 12
# A shape for each line of a chart, so that colour is not the only difference; corners around its middle.
MARKS = (
    (),  # a circle
    ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    ((0, Decimal("-1.4")), (Decimal("1.4"), 0), (0, Decimal("1.4")), (Decimal("-1.4"), 0)),
    ((0, Decimal("-1.3")), (Decimal("1.2"), 1), (Decimal("-1.2"), 1)),
)


def short(number):
    """`12.5`, `7`: at most two decimals, no trailing zeros."""
    text = f"{number:.2f}"
    return text.rstrip("0").rstrip(".")


def packs(mine, others, pack):
    """How a line fills its packs: (full packs, rest in the open one, still needed, room drawn)."""
    wanted = mine + others
    full, rest = divmod(wanted, pack)
    room = (full + bool(rest or not full)) * pack
    return int(full), rest, room - wanted, room


def pack_segments(mine, others, pack, fine=0):
    """Segments of a pack bar as (kind, start, width) in per cent.

    They are the reader's, the others', the part that is fine with somebody, and the missing part. Up to 12 units, each
    that is wanted or fine has a cell. Above that, segments are drawn whole, cut where a pack ends.
    """
    wanted = mine + others
    _full, _rest, need, room = packs(mine, others, pack)
    cells = room <= MOST_CELLS and all(part == part.to_integral_value() for part in (mine, others, pack))
    if cells:
        cuts = {Decimal(n) for n in range(int(wanted) + 1)}
    else:
        cuts = {Decimal(0), mine, wanted}
        if room <= MOST_CELLS * pack:
            cuts |= {n * pack for n in range(int(room // pack)) if n * pack < wanted}
    cuts = sorted(cuts)
    segments = [("me" if start < mine else "other", start, end) for start, end in itertools.pairwise(cuts)]
    filled = wanted + min(fine, need)
    is_cut = cells and filled == filled.to_integral_value()
    edges = [wanted, *((Decimal(n) for n in range(int(wanted) + 1, int(filled))) if is_cut else ()), filled]
    segments += [("fine", start, end) for start, end in itertools.pairwise(edges) if end > start]
    if filled < room:
        segments.append(("need", filled, room))
    drawn = []
    for kind, start, end in segments:
        x, width = start * HUNDRED / room, (end - start) * HUNDRED / room
        if end != room:
            width = max(width - GAP, min(width, GAP))  # a thin slice stays visible
        drawn.append((kind, x, width))
    return drawn


def came_segments(wanted, came):
    """The received part, then the missing or surplus part, as (kind, start, width) in per cent."""
    both, whole = min(wanted, came), max(wanted, came)
    cut = both * HUNDRED / whole
    rest = "need" if wanted > came else "over"
    return [(kind, x, width) for kind, x, width in (("me", 0, cut - GAP), (rest, cut, HUNDRED - cut)) if width > 0]


def two_sums(first, second):
    """Two bars on one scale as (kind, start, width) in per cent: the longer one ends with the difference.

    The difference is never thinner than can be seen.
    """
    whole = max(first, second)
    least = Decimal("1.5")
    bars = []
    for kind, part, other in (("ours", first, second), ("receipt", second, first)):
        over = max((part - other) * HUNDRED / whole, least) if part > other else Decimal(0)
        width = max(part, Decimal(0)) * HUNDRED / whole - over
        bars.append([(kind, Decimal(0), width)] + ([("diff", width, over)] if over else []))
    return bars


def saving(paid, elsewhere, most):
    """What was paid and what it costs elsewhere, as (kind, start, width) in per cent of `most`; the shorter on top."""
    bars = [("others", elsewhere), ("mine", paid)] if elsewhere >= paid else [("over", paid), ("mine", elsewhere)]
    return [(kind, Decimal(0), amount * HUNDRED / most) for kind, amount in bars if amount > 0]


def ticks(low, high, wanted=4):
    """Round values from below `low` to above `high`, about `wanted` of them."""
    span = (high - low) or abs(high) or Decimal(1)
    raw = span / wanted
    size = Decimal(1).scaleb(raw.adjusted())
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = max((high / step).to_integral_value(ROUND_CEILING), first + 1)
    return [step * n for n in range(int(first), int(last) + 1)]


def spread_out(heights, least, bottom):
    """The same heights moved apart so that labels at them do not overlap, the lowest not below `bottom`."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    placed, floor = list(heights), None
    for n in order:
        placed[n] = heights[n] if floor is None else max(heights[n], floor + least)
        floor = placed[n]
    ceiling = bottom
    for n in reversed(order):
        placed[n] = min(placed[n], ceiling)
        ceiling = placed[n] - least
    return placed


def polygon(corners, x, y, size=Decimal("3.5")):
    """The corners of a mark at a point of a chart, as SVG writes them."""
    return " ".join(f"{short(x + dx * size)},{short(y + dy * size)}" for dx, dy in corners)
