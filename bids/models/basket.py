"""The shopping list as the shopper sees it: what is left, what is in the cart, and what one tap buys."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from bids.allocation import total_for, whole_packs
from bulq.money import minor_unit
from stores.models import Offer, Price

from .bidding import Bid
from .lines import Line, lines_of


@dataclass
class Planned:
    """What one tap buys, as the editor shows it; `total` is None where no price is known."""

    quantity: Decimal
    counted_in: str
    price: Decimal | None
    price_for: str
    total: Decimal | None
    units: Decimal


def planned_purchase(line, currency):
    """What is wanted, in whole packs, at the last observation scaled from its own quantity.

    The price is shown for a pack or a unit where that comes to the same cent, else for all of it.
    """
    units = whole_packs(max(line.wanted - line.bought, Decimal(0)) or line.wanted, line.pack)
    counted_in, count = ("pack", units / line.pack) if line.pack else ("unit", units)
    offer = line.offer
    if offer is None or offer.current_amount is None:
        return Planned(count, counted_in, None, counted_in, None, units)
    grain = minor_unit(currency)
    total = total_for(units, offer.current_amount, per=offer.current_quantity, grain=grain)
    per = line.pack or Decimal(1)
    price = total_for(per, offer.current_amount, per=offer.current_quantity, grain=grain)
    if total_for(units, price, per=per, grain=grain) == total:
        return Planned(count, counted_in, price, counted_in, total, units)
    return Planned(count, counted_in, total, "all", total, units)


@dataclass
class BasketLine(Line):
    """A line with what the shopper wants to know about it."""

    seen_prices: list = field(default_factory=list)
    comments: list = field(default_factory=list)
    planned: Planned | None = None

    @property
    def packs(self):
        return whole_packs(self.wanted, self.pack) / self.pack if self.pack else None


class Basket:
    def __init__(self, run):
        self.run = run
        plain = lines_of(run)
        by_product = self._offers(line.product.pk for line in plain)
        seen, comments = self._seen_prices(by_product.values()), self._comments()
        self.lines = []
        for line in plain:
            offer = by_product.get(line.product.pk)
            row = BasketLine(line.item, line.product, line.bids, line.purchases, offer)
            row.seen_prices = seen[offer.pk] if offer else []
            row.comments = comments[line.product.pk]
            row.planned = planned_purchase(row, run.currency)
            self.lines.append(row)

    def _offers(self, products):
        offers = Offer.objects.filter(store=self.run.store_id, product__in=list(products))
        return {offer.product_id: offer for offer in offers.with_current_price()}

    def _seen_prices(self, offers):
        seen = defaultdict(list)
        for price in Price.objects.filter(offer__in=list(offers)).of_last_day().newest_first():
            seen[price.offer_id].append(price)
        return seen

    def _comments(self):
        comments = defaultdict(list)
        with_comment = Bid.objects.of_run(self.run).exclude(comment="").select_related("participation__user")
        for bid in with_comment.order_by("pk"):
            comments[bid.product_id].append((bid.participation.user.name, bid.comment))
        return comments

    def line_of(self, item):
        return next(line for line in self.lines if line.item.pk == item.pk)

    @property
    def open(self):
        return [line for line in self.lines if line.is_open]

    @property
    def done(self):
        """In the order of ticking, what is not there last."""
        bought = [line for line in self.lines if line.is_bought]
        missing = [line for line in self.lines if line.item.not_there_at and not line.is_bought]
        return sorted(bought, key=lambda line: line.purchases[0].pk, reverse=True) + missing

    @property
    def spent(self):
        return sum((line.paid for line in self.lines), Decimal(0))

    @property
    def expected(self):
        """What is still open at the last prices."""
        return sum((line.planned.total for line in self.open if line.planned.total is not None), Decimal(0))
