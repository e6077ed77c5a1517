"""What stands beside a product at a store. Written here and not in templates: a page holds fifty of them."""

from functools import lru_cache

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bulq.kit.money import format_money, format_unit_price
from bulq.kit.units import with_unit

register = template.Library()


@register.simple_tag
def offer_facts(offer, product):
    """Pack, minimum and note of an offer or a price, wherever its price is shown."""
    return _facts(getattr(offer, "pack_size", None), offer.min_quantity, offer.note, product.unit, get_language())


@register.simple_tag
def price_now(offer, product, currency):
    """The current price of an offer (`with_current_price`): for one, and as it was seen."""
    if offer.current_amount is None:
        return format_html("<small>{}</small>", _("No price yet"))
    words = (offer.current_amount, offer.current_quantity, product.unit, currency, localdate(offer.current_seen_at))
    return _price(*words, get_language())


@lru_cache(maxsize=8192)
def _facts(pack, minimum, note, unit, _language):
    facts = (
        pack and _("Packs of %(pack)s") % {"pack": with_unit(pack, unit)},
        minimum and _("At least %(quantity)s") % {"quantity": with_unit(minimum, unit)},
        note,
    )
    return format_html_join("", "<br><small>{}</small>", ((fact,) for fact in facts if fact))


@lru_cache(maxsize=8192)
def _price(amount, quantity, unit, currency, day, _language):
    one = format_html("<b>{}</b>", format_unit_price(amount, quantity, currency))
    lines = [format_html("<span>{}</span>", format_html(_("{price} per {unit}"), price=one, unit=unit))]
    if quantity != 1:
        words = {"amount": format_money(amount, currency), "quantity": with_unit(quantity, unit)}
        lines.append(format_html("<small>{}</small>", _("%(amount)s for %(quantity)s") % words))
    lines.append(format_html("<small>{}</small>", _("Seen %(day)s") % {"day": date_format(day, "DATE_FORMAT")}))
    return format_html_join("\n", "{}", ((line,) for line in lines))
