"""Lists of the catalogue and what stands beside a product at a store."""

from dataclasses import dataclass
from functools import lru_cache

from django import template
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bulq.kit.dates import format_date
from bulq.kit.money import format_money, format_unit_price
from bulq.kit.rows import address_of, write
from bulq.kit.units import unit_name, with_unit

register = template.Library()


@dataclass
class StoreRow:
    url: str
    name: str
    chain: str
    address: str
    currency: str
    is_verified: bool


@dataclass
class OfferRow:
    url: str
    name: str
    brand: str
    is_verified: bool
    facts: str
    price: str


@dataclass
class Fact:
    text: str


@dataclass
class PriceNow:
    """For one unit and as it was seen; without texts there is none."""

    price: str = ""
    unit: str = ""
    seen_as: str = ""
    day: str = ""


@register.simple_tag
def store_rows(stores):
    address = address_of("store")
    rows = (
        StoreRow(address(store.pk), store.name, store.chain, store.address, store.currency, store.is_verified)
        for store in stores
    )
    return write("stores/_store_row.html", rows)


@register.simple_tag
def offer_rows(offers, currency):
    """What a store sells."""
    return write("stores/_offer_row.html", map(_offer_row(currency), offers))


def _offer_row(currency):
    address = address_of("product")

    def row(offer):
        product = offer.product
        facts, price = offer_facts(offer, product), price_now(offer, product, currency)
        return OfferRow(address(product.pk), product.name, product.brand, product.is_verified, facts, price)

    return row


@register.simple_tag
def offer_facts(offer, product):
    """Pack, minimum and note of an offer or a price, wherever its price is shown."""
    return _facts(getattr(offer, "pack_size", None), offer.min_quantity, offer.note, product.unit, get_language())


@register.simple_tag
def price_now(offer, product, currency):
    """The current price of an offer (`with_current_price`): for one, and as it was seen."""
    if offer.current_amount is None:
        return write("stores/_price_now.html", [PriceNow()])
    seen = (offer.current_amount, offer.current_quantity, product.unit, currency, localdate(offer.current_seen_at))
    return _price(*seen, get_language())


@lru_cache(maxsize=8192)
def _facts(pack, minimum, note, unit, _language):
    facts = (
        pack and _("Packs of %(pack)s") % {"pack": with_unit(pack, unit)},
        minimum and _("At least %(quantity)s") % {"quantity": with_unit(minimum, unit)},
        note,
    )
    return write("stores/_fact.html", [Fact(fact) for fact in facts if fact])


@lru_cache(maxsize=8192)
def _price(amount, quantity, unit, currency, day, _language):
    params = {"amount": format_money(amount, currency), "quantity": with_unit(quantity, unit)}
    price = PriceNow(
        price=format_unit_price(amount, quantity, currency),
        unit=unit_name(unit),
        seen_as=_("%(amount)s for %(quantity)s") % params if quantity != 1 else "",
        day=format_date(day),
    )
    return write("stores/_price_now.html", [price])
