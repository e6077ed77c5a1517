"""Unit prices over time: a line per store, in the units of the picture (templates/includes/_price_chart.html)."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from . import drawing, money
from .dates import format_date_short
from .rows import write

MOST_LINES = 6  # a chart with more lines is shown as its table
LEFT, RIGHT, TOP, BOTTOM = 56, 318, 14, 168
BETWEEN_LABELS = 15
LONGEST_NAME = 12


@dataclass
class Level:
    """A price that the axis names, and the height of its line."""

    y: str
    price: str


@dataclass
class Day:
    """A day that the axis names: its text begins there, or ends there."""

    x: str
    anchor: str
    word: str


@dataclass
class Mark:
    """A point of a line (templates/includes/_chart_mark.html): a circle around `x` and `y`, or a polygon."""

    x: str
    y: str
    corners: str


@dataclass
class Line:
    """The prices of one store, and its label at the end; `path` and `marks` as SVG writes them."""

    store: str
    price: str
    label_y: str
    path: str
    marks: str


@dataclass
class Chart:
    label: str
    levels: list[Level]
    days: list[Day]
    lines: list[Line]


def price_chart(series, currency):
    """Draw `[(store, [(date, unit price), ...]), ...]`, oldest first; nothing without prices.

    Each line has its own dash, point shape and a label at its end. The page shows the same as a table.
    """
    series = [(name, points) for name, points in series if points][:MOST_LINES]
    return {"chart": _chart(series, currency) if series else None}


def _chart(series, currency):
    first, last = _ends(day for _name, points in series for day, _price in points)
    levels = drawing.ticks(*_ends(price for _name, points in series for _day, price in points))
    low, high = levels[0], levels[-1]

    def x(day):
        return LEFT + drawing.HUNDRED * (day - first).days * (RIGHT - LEFT) / ((last - first).days or 1) / 100

    def y(price):
        return BOTTOM - (price - low) * (BOTTOM - TOP) / (high - low)

    def line(n, store, points, label_y):
        places = [(x(day), y(price)) for day, price in points]
        texts = [(drawing.short(x), drawing.short(y)) for x, y in places]
        if corners := drawing.MARKS[n % len(drawing.MARKS)]:
            marks = [Mark("", "", drawing.polygon(corners, x, y)) for x, y in places]
        else:
            marks = [Mark(x, y, "") for x, y in texts]
        return Line(
            store=_cut(store),
            price=_price(points[-1][1], currency),
            label_y=drawing.short(label_y),
            path=" ".join(map(",".join, texts)),
            marks=write("includes/_chart_mark.html", marks),
        )

    heights = drawing.spread_out([y(points[-1][1]) for _name, points in series], BETWEEN_LABELS, BOTTOM)
    ends = ((first, "start"), (last, "end"))[: 1 + (first != last)]
    return Chart(
        label=" ".join(_sentence(name, [price for _day, price in points], currency) for name, points in series),
        levels=[Level(drawing.short(y(level)), _price(level, currency)) for level in levels],
        days=[Day(drawing.short(x(day)), anchor, format_date_short(day)) for day, anchor in ends],
        lines=[line(n, *named, height) for n, (named, height) in enumerate(zip(series, heights, strict=True))],
    )


def _ends(values):
    ordered = sorted(values)
    return ordered[0], ordered[-1]


def _sentence(store, prices, currency):
    """How the price at a store moved, for people who cannot see the chart."""
    return _("%(store)s: from %(first)s to %(last)s, lowest %(low)s.") % {
        "store": store,
        "first": _price(prices[0], currency),
        "last": _price(prices[-1], currency),
        "low": _price(min(prices), currency),
    }


def _price(price, currency):
    return money.format_unit_price(price, 1, currency)


def _cut(name):
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"
