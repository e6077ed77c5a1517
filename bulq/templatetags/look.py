"""What templates draw and write the same way everywhere: icons, people, amounts, pictures of numbers.

Built in (see TEMPLATES), so no page has to load it. Pictures are plain string joins: a page holds many.
"""

from functools import cache

from django import template
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bulq.kit import bars, dates, drawing, money, units
from bulq.kit import names as wording

register = template.Library()

# Main places of the site: word, address, icon, and the addresses that belong to it.
PLACES = [
    (gettext_lazy("Home"), "/", "home", ("/",)),
    (gettext_lazy("Groups"), "/groups/", "users", ("/groups/", "/runs/")),
    (gettext_lazy("Prices"), "/products/", "chart", ("/products/", "/stores/")),
    (gettext_lazy("You"), "/me/", "user", ("/me/",)),
]
STAGES = [
    gettext_lazy("Collecting"),
    gettext_lazy("Locked"),
    gettext_lazy("Shopping"),
    gettext_lazy("Hand-out"),
    gettext_lazy("Settled"),
]
STAGE_OF_STATE = {
    "planning": 0,
    "active": 0,
    "confirmed": 1,
    "shopping": 2,
    "adjusting": 3,
    "distributing": 3,
    "completed": 3,  # until everything is paid
}
# What the present stage is about, where its own word does not say so.
BENEATH = {"adjusting": gettext_lazy("Sort out"), "completed": gettext_lazy("Handed out")}
MOST_LINES = 6  # a chart with more lines is read in its table


@cache
def _sprite():
    return static("icons.svg")


@cache
def _icon(name, extra=""):
    return mark_safe(  # noqa: S308 - names are written in templates, not by people
        f'<svg class="i{extra}" aria-hidden="true"><use href="{_sprite()}#{name}"/></svg>'
    )


@register.simple_tag
def icon(name, extra=""):
    """`{% icon "check" %}`; `{% icon "down" "chev" %}` adds a class."""
    return _icon(name, f" {extra}" if extra else "")


@register.simple_tag(takes_context=True)
def avatar(context, person, size=""):
    """Initials in a circle, `{% avatar person "sm" %}`. Hidden from readers: the name stands beside it."""
    me = person == getattr(context.get("request"), "user", None)
    extra = (" me" if me else "") + (" sm" if size == "sm" else "")
    return format_html('<span class="ava{}" aria-hidden="true">{}</span>', extra, wording.initials(person.name))


@register.inclusion_tag("includes/_nav.html", takes_context=True)
def main_nav(context, where):
    """Links to the main places; `where` is "top" (no account, it has its avatar there) or "bottom"."""
    path = context["request"].path
    places = PLACES if where == "bottom" else PLACES[:-1]
    return {
        "where": where,
        "places": [
            (word, url, symbol, any(_within(path, root) for root in roots)) for word, url, symbol, roots in places
        ],
    }


def _within(path, root):
    return path == root or (root != "/" and path.startswith(root))


@register.filter
def undo_url(message):
    """Where a message's Undo button posts to: the rest of its extra tags after the word "undo"."""
    word, _space, url = (message.extra_tags or "").partition(" ")
    return url if word == "undo" else ""


@register.filter("money")
def money_filter(amount, currency):
    return "" if amount is None else money.format_money(amount, currency)


register.filter("day", dates.format_day)
register.filter("day_long", dates.format_day_long)


@register.filter
def quantity(number):
    return "" if number is None else money.format_quantity(number)


@register.filter("with_unit")
def with_unit_filter(number, unit):
    """`{{ 2|with_unit:product.unit }}` is “2 bottles”."""
    return "" if number is None else units.with_unit(number, unit)


register.filter("listed", wording.listed)
register.filter("initials", wording.initials)


@register.filter
def unit_price(price, currency):
    """Price of one unit, up to four decimals: of an observation, or a plain number."""
    if price is None or price == "":
        return ""
    amount, of = (price.amount, price.quantity) if hasattr(price, "quantity") else (price, 1)
    return money.format_unit_price(amount, of, currency)


# --- Bars ------------------------------------------------------------------------------------------
register.simple_tag(bars.pack_bar)
register.simple_tag(bars.came_bar)


# --- Progress, balances, chart ----------------------------------------------------------------------
@register.simple_tag
def progress_bar(done, total, label=""):
    """Part of a whole. Without a label it is hidden from readers: then the numbers must stand beside it."""
    share = drawing.short(done * drawing.HUNDRED / total) if total else "0"
    name = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="bar" {}><rect class="bg" width="100%" height="100%" rx="5"/>'
        '<rect class="fg" width="{}%" height="100%" rx="5"/></svg>',
        name,
        share,
    )


@register.simple_tag
def balance_bar(gets, gives, most, least):
    """What one gets, right of a common zero line, and what one gives, left of it: `most` and `least` at most."""
    span = (most + least) or 1
    zero, plus, minus = (part * drawing.HUNDRED / span for part in (least, gets, gives))
    return format_html(
        '<svg aria-hidden="true"><rect class="plus" x="{}%" y="5" width="{}%" height="14" rx="2"/>'
        '<rect class="minus" x="{}%" y="5" width="{}%" height="14" rx="2"/>'
        '<line x1="{}%" x2="{}%" y1="0" y2="100%"/></svg>',
        *map(drawing.short, (zero, plus, zero - minus, minus, zero, zero)),
    )


@register.simple_tag
def price_chart(series, currency):
    """Unit prices over time, a line per store: `[(store, [(date, unit price), ...]), ...]`, oldest first.

    Each line has its own dash, point shape and a label at its end. The page shows the same as a table.
    """
    series = [(name, points) for name, points in series if points][:MOST_LINES]
    if not series:
        return ""
    left, right, top, bottom = 56, 318, 14, 168
    days = [day for _name, points in series for day, _price in points]
    prices = [price for _name, points in series for _day, price in points]
    first, last = min(days), max(days)
    levels = drawing.ticks(min(prices), max(prices))
    low, high = levels[0], levels[-1]

    def x(day):
        return left + drawing.HUNDRED * (day - first).days * (right - left) / ((last - first).days or 1) / 100

    def y(price):
        return bottom - (price - low) * (bottom - top) / (high - low)

    parts, sentences = [], []
    for level in levels:
        at = drawing.short(y(level))
        parts.append(f'<line class="grid" x1="{left - 6}" x2="{right}" y1="{at}" y2="{at}"/>')
        word = escape(money.format_unit_price(level, 1, currency))
        parts.append(f'<text class="axis" x="{left - 12}" y="{at}" dy="4" text-anchor="end">{word}</text>')
    for day, anchor in ((first, "start"), (last, "end"))[: 1 + (first != last)]:
        word = escape(date_format(day, "SHORT_DATE_FORMAT"))
        at = drawing.short(x(day))
        parts.append(f'<text class="axis" x="{at}" y="190" text-anchor="{anchor}">{word}</text>')
    heights = drawing.spread_out([y(points[-1][1]) for _name, points in series], 15, bottom)
    for n, ((name, points), height) in enumerate(zip(series, heights, strict=True)):
        shape = drawing.MARKS[n % len(drawing.MARKS)]
        line = " ".join(f"{drawing.short(x(day))},{drawing.short(y(price))}" for day, price in points)
        parts.append(f'<g class="s{n}{" hollow" if n % 2 else ""}"><polyline points="{line}"/>')
        parts += [drawing.mark(shape, x(day), y(price)) for day, price in points]
        now = money.format_unit_price(points[-1][1], 1, currency)
        parts.append(f'<text class="lab" x="{right + 10}" y="{drawing.short(height)}" dy="4">')
        parts.append(f"{escape(_cut(name))} {escape(now)}</text></g>")
        sentences.append(
            _("%(store)s: from %(first)s to %(last)s, lowest %(low)s.")
            % {
                "store": name,
                "first": money.format_unit_price(points[0][1], 1, currency),
                "last": now,
                "low": money.format_unit_price(min(price for _day, price in points), 1, currency),
            }
        )
    label = escape(" ".join(sentences))
    body = "".join(parts)
    return mark_safe(f'<svg viewBox="0 0 490 198" role="img" aria-label="{label}">{body}</svg>')  # noqa: S308


def _cut(name, most=12):
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


# --- Stages ----------------------------------------------------------------------------------------
@register.inclusion_tag("includes/_stages.html")
def stages(state, settled=False):
    """The five stages with the one of `state` marked; `settled` is true once everything is paid."""
    current = STAGE_OF_STATE.get(str(state))
    return {
        "called_off": current is None,
        "beneath": BENEATH.get(str(state), "") if not settled else "",
        "stages": [
            (word, settled or (current is not None and n < current), not settled and n == current)
            for n, word in enumerate(STAGES)
        ],
    }


@register.simple_tag
def stage_bar(state, settled=False):
    """The same as five small bars, beside the word."""
    current = len(STAGES) if settled else STAGE_OF_STATE.get(str(state), -1)
    bars = "".join(
        f'<rect{" class=on" if n <= current else ""} x="{n * 13}" width="11" height="4" rx="2"/>'
        for n in range(len(STAGES))
    )
    return mark_safe(f'<svg class="stagebar" viewBox="0 0 63 4" aria-hidden="true">{bars}</svg>')  # noqa: S308
