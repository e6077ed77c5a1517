"""What templates draw and write the same way everywhere: icons, people, amounts, pictures of numbers.

Built in (see TEMPLATES), so no page has to load it. A page holds many icons and people: each different one is written
once.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

from django import template
from django.utils.translation import gettext_lazy, pgettext_lazy

from bulq.kit import bars, charts, dates, money, units
from bulq.kit import names as wording
from bulq.kit.rows import write

register = template.Library()

# Main places of the site: word, address, icon, and the addresses that belong to it.
PLACES = [
    (gettext_lazy("Home"), "/", "home", ("/",)),
    (gettext_lazy("Groups"), "/groups/", "users", ("/groups/", "/runs/")),
    (gettext_lazy("Prices"), "/products/", "chart", ("/products/", "/stores/")),
    (gettext_lazy("Money"), "/money/", "swap", ("/money/",)),
    (pgettext_lazy("tab", "You"), "/me/", "user", ("/me/",)),
]


@dataclass
class Icon:
    """A symbol of static/icons.svg (templates/includes/_icon.html), and a class of its own if it has one."""

    name: str
    extra: str


@dataclass
class Avatar:
    """A person's initials (templates/includes/_avatar.html)."""

    initials: str
    is_reader: bool
    is_small: bool


@register.simple_tag
@cache
def icon(name, extra=""):
    """`{% icon "check" %}`; `{% icon "down" "chev" %}` adds a class."""
    return write("includes/_icon.html", [Icon(name, extra)])


@register.simple_tag(takes_context=True)
def avatar(context, person, size=""):
    """Initials in a circle, `{% avatar person "sm" %}`. Hidden from readers: the name stands beside it."""
    reader = getattr(context.get("request"), "user", None)
    return _avatar(person.name, reader is not None and person.pk == reader.pk, size == "sm")


@lru_cache(maxsize=1024)
def _avatar(name, is_reader, is_small):
    return write("includes/_avatar.html", [Avatar(wording.initials(name), is_reader, is_small)])


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


@register.filter("money")
def money_filter(amount, currency):
    return "" if amount is None else money.format_money(amount, currency)


register.filter("day", dates.format_day)
register.filter("day_long", dates.format_day_long)
register.filter("full_date", dates.format_date)
register.filter("month", dates.format_month)
register.filter("clock", dates.format_time)
register.filter("moment", dates.format_date_and_time)


@register.filter
def quantity(number):
    return "" if number is None else money.format_quantity(number)


@register.filter("with_unit")
def with_unit_filter(number, unit):
    """`{{ 2|with_unit:product.unit }}` is “2 bottles”."""
    return "" if number is None else units.with_unit(number, unit)


@register.simple_tag
def amount_of(number, limit, unit):
    """`{% amount_of 2 4 product.unit as wanted %}` is “2–4 bottles”; a limit that says no more is left out."""
    return units.with_unit(number, unit, limit if limit and limit > number else None)


register.filter("unit_name", units.unit_name)
register.filter("listed", wording.listed)
register.filter("quoted", wording.quoted)
register.filter("initials", wording.initials)


@register.filter
def unit_price(price, currency):
    """Price of one unit, up to four decimals: of an observation, or a plain number."""
    if price is None or price == "":
        return ""
    amount, of = (price.amount, price.quantity) if hasattr(price, "quantity") else (price, 1)
    return money.format_unit_price(amount, of, currency)


# --- Pictures of numbers -----------------------------------------------------------------------------
register.simple_tag(bars.pack_bar)
register.simple_tag(bars.came_bar)
register.simple_tag(bars.balance_bar)
register.simple_tag(bars.saving_bar)
register.inclusion_tag("includes/_two_sums.html")(bars.two_sums)
register.inclusion_tag("includes/_progress_bar.html")(bars.progress_bar)
register.inclusion_tag("includes/_tally.html")(bars.tally)
register.inclusion_tag("includes/_reach.html")(bars.reach)
register.inclusion_tag("includes/_price_chart.html")(charts.price_chart)
