"""Unit prices over time: a line per store, in the units of the picture (templates/includes/_price_chart.html)."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from . import drawing, money
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
    """A point of a line (templates/includes/_chart_mark.html): a polygon, or without corners a circle."""

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

    placed = [(name, [(x(day), y(price)) for day, price in points]) for name, points in series]
    label_heights = drawing.spread_out([points[-1][1] for _name, points in placed], BETWEEN_LABELS, BOTTOM)
    ends = ((first, "start"), (last, "end"))[: 1 + (first != last)]
    return Chart(
        label=" ".join(_sentence(name, [price for _day, price in points], currency) for name, points in series),
        levels=[Level(drawing.short(y(level)), _price(level, currency)) for level in levels],
        days=[Day(drawing.short(x(day)), anchor, date_format(day, "SHORT_DATE_FORMAT")) for day, anchor in ends],
        lines=[
            Line(
                store=_cut(name),
                price=_price(series[n][1][-1][1], currency),
                label_y=drawing.short(label_heights[n]),
                path=" ".join(f"{drawing.short(x)},{drawing.short(y)}" for x, y in points),
                marks=_marks(list(drawing.MARKS)[n % len(drawing.MARKS)], points),
            )
            for n, (name, points) in enumerate(placed)
        ],
    )


def _ends(values):
    ordered = sorted(values)
    return ordered[0], ordered[-1]


def _marks(shape, points):
    short = drawing.short
    marks = (Mark(short(x), short(y), drawing.corners(shape, x, y)) for x, y in points)
    return write("includes/_chart_mark.html", marks)


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
