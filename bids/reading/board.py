"""The order table of a run: who wants how much of each product, and about what it will cost."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from bids.allocation import whole_packs
from bids.models.bidding import Bid
from bids.models.runs import Participation
from bulq.kit.money import round_to_minor_unit
from bulq.kit.prepared import prepared
from stores.reading import OfferLine, ProductLine, lines_at

from .planning import planned_purchase

ZERO = Decimal(0)


@dataclass
class Row:
    """One product of a run: the quantity that each participation id wants, None for “Maybe”, and their comments."""

    product: ProductLine
    offer: OfferLine | None
    wishes: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)
    wanted: Decimal = ZERO

    @property
    def pack(self):
        return self.offer.pack_size if self.offer else None

    @property
    def has_price(self):
        return bool(self.offer) and self.offer.current_amount is not None

    @property
    def is_pack_open(self):
        """Whether the orders leave a pack partly empty."""
        return bool(self.pack) and self.wanted != whole_packs(self.wanted, self.pack)

    def estimate(self, quantity, currency):
        """Cost of a quantity at the current price, rounded to the minor unit; None without a price."""
        if not self.has_price:
            return None
        return round_to_minor_unit(quantity * self.offer.current_amount / self.offer.current_quantity, currency)


@dataclass(frozen=True)
class UserLine:
    pk: int
    name: str


@dataclass
class Person:
    """A participant in the order table; their estimate leaves out products without a price."""

    pk: int  # of the participation
    user: UserLine
    is_helper: bool
    is_ready: bool
    left_at: datetime | None
    estimate: Decimal = ZERO
    products: int = 0
    missing: list = field(default_factory=list)
    # The first name, where nobody else here has the same.
    label: str = ""


class Board:
    """Rows in the order in which products were added to the run, so that none moves under a finger."""

    def __init__(self, run):
        self.run = run
        self.by_participation = {
            pk: Person(pk, UserLine(user, name), *rest) for pk, user, name, *rest in _people(run.pk)
        }
        self._name_people()
        self.rows = self._rows(_bids(run.pk))
        for row in self.rows:
            self._add_up(row)
        self.people = [person for person in self.by_participation.values() if person.left_at is None or person.products]

    def _name_people(self):
        first_names = Counter(person.user.name.split()[0] for person in self.by_participation.values())
        for person in self.by_participation.values():
            first = person.user.name.split()[0]
            person.label = first if first_names[first] == 1 else person.user.name

    def _rows(self, bids):
        """Bids are plain tuples here: a run may have thousands."""
        lines = lines_at(self.run.store_id, {bid[0] for bid in bids}) if bids else {}
        rows = {}
        for product, participation, quantity, comment in bids:
            row = rows.get(product) or rows.setdefault(product, Row(*lines[product]))
            row.wishes[participation] = quantity
            if comment:
                row.comments[participation] = comment
        return list(rows.values())

    def _add_up(self, row):
        people, currency, has_price, costs = self.by_participation, self.run.currency, row.has_price, {}
        for participation, quantity in row.wishes.items():
            if quantity is None:
                continue
            person = people[participation]
            person.products += 1
            row.wanted += quantity
            if not has_price:
                person.missing.append(row.product)
                continue
            if quantity not in costs:  # few differ
                costs[quantity] = row.estimate(quantity, currency)
            person.estimate += costs[quantity]

    @cached_property
    def estimate(self):
        return sum((person.estimate for person in self.people), ZERO)

    @cached_property
    def missing(self):
        return [row.product for row in self.rows if row.wanted and not row.has_price]

    @property
    def to_buy(self):
        """What the shopping will cost as far as prices are known, in whole packs as the list plans them."""
        return sum((planned.total for planned in self._planned() if planned.total is not None), ZERO)

    @cached_property
    def without_price(self):
        """How many products `to_buy` leaves out."""
        return sum(planned.total is None for planned in self._planned())

    def _planned(self):
        return [planned_purchase(row.wanted, row.offer, self.run.currency) for row in self.rows if row.wanted]

    @cached_property
    def open_packs(self):
        return sum(row.is_pack_open for row in self.rows)

    def person_of(self, user):
        return next((person for person in self.people if person.user.pk == user.pk), None)


@prepared
def _people(run):
    people = Participation.objects.filter(run=run).by_name()
    return people.values_list("pk", "user_id", "user__name", "is_helper", "is_ready", "left_at")


@prepared
def _bids(run):
    bids = Bid.objects.filter(participation__run=run).order_by("pk")
    return bids.values_list("product_id", "participation_id", "quantity", "comment")
