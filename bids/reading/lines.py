"""The totals of a product line of a run: wanted, bought, paid, and whether they match."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.db.models import OuterRef, Subquery

from bids.allocation import Want, divide, matches
from bids.models.bidding import Bid
from bids.models.runs import Participation
from bids.models.shopping import Purchase, ShoppingItem
from bulq.kit.prepared import prepared
from stores.models import Offer, Product

BY_NAME = ("product__sort_name", "pk")


@dataclass
class Line:
    item: ShoppingItem
    product: Product
    bids: list = field(default_factory=list)
    purchases: list = field(default_factory=list)
    offer: Offer | None = None

    @property
    def pack(self):
        return self.offer.pack_size if self.offer else None

    @property
    def wants(self):
        """What each participation id wants."""
        return {bid.participation_id: Want(bid.quantity, bid.limit, bid.all_or_nothing) for bid in self.bids}

    @property
    def wanted(self):
        return sum((bid.quantity for bid in self.bids), Decimal(0))

    @property
    def most(self):
        """What is fine with everyone together."""
        return sum((bid.most for bid in self.bids), Decimal(0))

    @property
    def unit_cost(self):
        """The price paid per unit, for display only."""
        return self.paid / self.bought

    @property
    def bought(self):
        return sum((purchase.quantity for purchase in self.purchases), Decimal(0))

    @property
    def paid(self):
        return sum((purchase.total for purchase in self.purchases), Decimal(0))

    @property
    def is_bought(self):
        return bool(self.purchases)

    @property
    def is_open(self):
        return not self.purchases and self.item.not_there_at is None

    @property
    def matches(self):
        return matches(self.bought, self.wanted, self.most, tolerance_percent=self.tolerance)

    @property
    def tolerance(self):
        return 0 if self.product.is_counted else settings.WEIGHING_TOLERANCE_PERCENT

    @property
    def to_decide(self):
        return self.is_bought and not self.matches

    @property
    def shortage(self):
        """How much less was bought than is wanted; zero for a line that matches."""
        return Decimal(0) if self.matches else max(self.wanted - self.bought, Decimal(0))

    @property
    def surplus(self):
        """How much more was bought than is fine with everyone; zero for a line that matches."""
        return Decimal(0) if self.matches else max(self.bought - self.most, Decimal(0))

    @property
    def nearest(self):
        """Of the amounts that are fine with everyone, the one nearest to what was bought."""
        return min(max(self.bought, self.wanted), self.most)

    @property
    def seed(self):
        return f"{self.item.run_id}:{self.product.pk}"

    def division(self):
        """What everyone receives of what was bought, and what is left over."""
        return divide(
            self.bought, self.wants, grain=self.product.grain, tolerance_percent=self.tolerance, seed=self.seed
        )


def lines_of(run, people=None):
    """Every line of the shopping list by name, with its real bids and its purchases in the order they were ticked.

    `people` are the run's participations by name, with their users, where they are known already.
    """
    return lines_by_run([run.pk], people)[run.pk]


def lines_by_run(run_ids, people=None):
    """The same for several runs, in the same four queries: `{run id: lines}`; for no runs, without a query."""
    if not run_ids:
        return {}
    lines = {(item.run_id, item.product_id): Line(item, item.product) for item in _items(run_ids)}
    # A run has many bids of a few people.
    people = {person.pk: person for person in (people or _people(run_ids))}
    places = {person: place for place, person in enumerate(people)}
    for bid in sorted(_bids(run_ids), key=lambda bid: places[bid.participation_id]):
        bid.participation = people[bid.participation_id]
        if line := lines.get((bid.participation.run_id, bid.product_id)):
            line.bids.append(bid)
    purchases = defaultdict(list)
    for purchase in _purchases(run_ids):
        purchases[purchase.item_id].append(purchase)
    by_run = {run_id: [] for run_id in run_ids}
    for line in lines.values():
        line.purchases = purchases[line.item.pk]
        by_run[line.item.run_id].append(line)
    return by_run


@prepared
def _items(runs):
    """With the pack size of today, for display."""
    offers = Offer.objects.filter(store=OuterRef("run__store"), product=OuterRef("product"))
    items = ShoppingItem.objects.filter(run__any=runs).annotate(pack_size=Subquery(offers.values("pack_size")))
    return items.select_related("product").order_by(*BY_NAME)


@prepared
def _bids(runs):
    return Bid.objects.filter(participation__run__any=runs).real().select_related("substitute")


@prepared
def _people(runs):
    return Participation.objects.filter(run__any=runs).select_related("user").by_name()


@prepared
def _purchases(runs):
    return Purchase.objects.filter(item__run__any=runs).select_related("bought_by").order_by("pk")
