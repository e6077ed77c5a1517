"""How much of a product to buy and what it will cost: for the list in the shop, and before shopping."""

from dataclasses import dataclass
from decimal import Decimal

from bids.allocation import packs_to_buy, total_for
from bulq.kit.money import minor_unit


@dataclass
class Planned:
    """What one tap buys, as the editor shows it; `total` is None where no price is known."""

    quantity: Decimal
    counted_in: str
    price: Decimal | None
    price_for: str
    total: Decimal | None
    units: Decimal


def planned_purchase(wanted, offer, currency):
    """The wanted quantity in whole packs, at the last price scaled from its own quantity.

    The price is shown per pack or per unit where that gives the same total, else for all of it. A total below one
    minor unit counts as no price, so that no tap buys something for nothing.
    """
    pack = offer.pack_size if offer else None
    packs = packs_to_buy(wanted, wanted, pack)
    units, counted_in, count = packs.units, "pack" if pack else "unit", packs.count
    has_price = offer is not None and offer.current_amount is not None
    grain = minor_unit(currency)
    total = total_for(units, offer.current_amount, per=offer.current_quantity, grain=grain) if has_price else None
    if not total:
        return Planned(count, counted_in, None, counted_in, None, units)
    per = pack or Decimal(1)
    price = total_for(per, offer.current_amount, per=offer.current_quantity, grain=grain)
    if total_for(units, price, per=per, grain=grain) == total:
        return Planned(count, counted_in, price, counted_in, total, units)
    return Planned(count, counted_in, total, "all", total, units)
