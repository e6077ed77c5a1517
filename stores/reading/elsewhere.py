"""What a product costs elsewhere: as someone has noted, or the average of a year at other stores."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

# Of each thing bought, the reference price; without one, the average of the standing observations of the year before
# that day at other stores of the currency.
PRICES = """
SELECT bought.n, noted.amount, noted.quantity, noted.shop, noted.seen_on, seen.average, seen.prices
FROM unnest(%(products)s::bigint[], %(stores)s::bigint[], %(currencies)s::text[], %(days)s::date[])
     WITH ORDINALITY AS bought(product, store, currency, day, n)
LEFT JOIN stores_referenceprice noted ON noted.product_id = bought.product AND noted.currency = bought.currency
CROSS JOIN LATERAL (
    SELECT avg(price.amount / price.quantity) AS average, count(*) AS prices
    FROM stores_offer offer
    JOIN stores_store store ON store.id = offer.store_id
    JOIN stores_price price ON price.offer_id = offer.id
    WHERE noted.id IS NULL AND offer.product_id = bought.product
      AND offer.store_id <> bought.store AND store.currency = bought.currency AND price.withdrawn_at IS NULL
      AND price.seen_at >= (bought.day - interval '1 year') AT TIME ZONE %(zone)s
      AND price.seen_at < bought.day::timestamp AT TIME ZONE %(zone)s
) seen
"""


class Bought(NamedTuple):
    """A product bought at a store for a currency on a day. Ids of product and store."""

    product: int
    store: int
    currency: str
    day: date


@dataclass(frozen=True)
class Elsewhere:
    """`amount` for `quantity` units: noted at `shop`, or else the average of `prices` observations at other stores."""

    amount: Decimal
    quantity: Decimal = Decimal(1)
    shop: str = ""
    seen_on: date | None = None
    prices: int = 0


def prices_elsewhere(bought):
    """`{Bought: Elsewhere}` for those of which something is known, in one query. Never across currencies."""
    bought, found = list(dict.fromkeys(bought)), {}
    if not bought:
        return found
    products, stores, currencies, days = map(list, zip(*bought, strict=True))
    params = {"products": products, "stores": stores, "currencies": currencies, "days": days}
    with connection.cursor() as cursor:
        cursor.execute(PRICES, params | {"zone": timezone.get_current_timezone_name()})
        for n, amount, quantity, shop, seen_on, average, prices in cursor.fetchall():
            if amount is not None:
                found[bought[n - 1]] = Elsewhere(amount, quantity, shop, seen_on)
            elif average is not None:
                found[bought[n - 1]] = Elsewhere(average, prices=prices)
    return found
