"""The shopping list as the shopper sees it: what is left, what is in the cart, and what one tap buys."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from bids.allocation import amount_instead, packs_to_buy
from bids.models.bidding import Bid, TakenInstead
from stores.models import Price, Product
from stores.reading import lines_at

from .lines import Line, lines_of
from .planning import Planned, planned_purchase


@dataclass
class BasketLine(Line):
    """A line with what the shopper needs to know about it."""

    seen_prices: list = field(default_factory=list)
    comments: list = field(default_factory=list)
    planned: Planned | None = None
    swaps: list = field(default_factory=list)
    taken: list = field(default_factory=list)

    @property
    def to_buy(self):
        """What one tap buys: what is still missing, or as much again."""
        return max(self.wanted - self.bought, Decimal(0)) or self.wanted

    @property
    def packs(self):
        return packs_to_buy(self.wanted, self.most, self.pack).count if self.pack else None


@dataclass
class Swap:
    """A product that people would take instead of one that is not there: who, and how much of it."""

    product: Product
    people: list
    quantity: Decimal


class Basket:
    def __init__(self, run):
        self.run = run
        self.plain = plain = lines_of(run)
        at_store = lines_at(run.store_id, [line.product.pk for line in plain])
        offers = [offer.pk for _product, offer in at_store.values() if offer]
        seen, comments, taken = self._seen_prices(offers), self._comments(), self._taken_instead()
        self.lines = []
        for line in plain:
            _product, offer = at_store[line.product.pk]
            row = BasketLine(line.item, line.product, line.bids, line.purchases, offer)
            row.seen_prices = seen[offer.pk] if offer else []
            row.comments = comments[line.product.pk]
            row.taken = taken[line.item.pk]
            if line.item.not_there_at:
                row.swaps = _swaps(line, {instead.bid.participation_id for instead in row.taken})
            row.planned = planned_purchase(row.to_buy, offer, run.currency)
            self.lines.append(row)

    def _seen_prices(self, offers):
        seen = defaultdict(list)
        for price in Price.objects.filter(offer__in=offers).of_last_day().newest_first():
            seen[price.offer_id].append(price)
        return seen

    def _comments(self):
        comments = defaultdict(list)
        with_comment = Bid.objects.of_run(self.run).exclude(comment="").select_related("participation__user")
        for bid in with_comment.order_by("pk"):
            comments[bid.product_id].append((bid.participation.user.name, bid.comment))
        return comments

    def _taken_instead(self):
        """By line; asked for only where something is not there for which someone named a substitute."""
        taken = defaultdict(list)
        if not any(line.item.not_there_at and any(bid.substitute_id for bid in line.bids) for line in self.plain):
            return taken
        rows = TakenInstead.objects.filter(item__run=self.run).order_by("pk")
        for row in rows.select_related("bid__product", "bid__participation__user"):
            taken[row.item_id].append(row)
        return taken

    def line_of(self, item):
        return next(line for line in self.lines if line.item.pk == item.pk)

    @property
    def open(self):
        return [line for line in self.lines if line.is_open]

    @property
    def done(self):
        """In the order they were ticked, missing products last."""
        bought = [line for line in self.lines if line.is_bought]
        missing = [line for line in self.lines if line.item.not_there_at and not line.is_bought]
        return sorted(bought, key=lambda line: line.purchases[0].pk, reverse=True) + missing

    @property
    def spent(self):
        return sum((line.paid for line in self.lines), Decimal(0))

    @property
    def expected(self):
        """Cost of the open lines at the last prices."""
        return sum((line.planned.total for line in self.open if line.planned.total is not None), Decimal(0))

    @property
    def without_price(self):
        """How many open lines `expected` leaves out."""
        return sum(line.planned.total is None for line in self.open)


def _swaps(line, taken):
    """What people would take instead, where it is sold in the same unit. `taken` are those who have it already."""
    swaps = {}
    for bid in line.bids:
        product = bid.substitute
        if product is None or product.unit != line.product.unit or bid.participation_id in taken:
            continue
        if bid.participation.left_at is not None:
            continue
        swap = swaps.setdefault(product.pk, Swap(product, [], Decimal(0)))
        swap.people.append(bid.participation.user.name)
        swap.quantity += amount_instead(bid.quantity, product.grain)
    return list(swaps.values())
