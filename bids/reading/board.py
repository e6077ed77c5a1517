"""The order table of a run: who wants how much of each product, and about what it will cost."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache

from bids.allocation import Want, packs_to_buy, share_extras
from bids.models.bidding import Bid
from bids.models.runs import Participation
from bulq.kit.money import round_to_minor_unit
from bulq.kit.prepared import prepared
from stores.reading import OfferLine, ProductLine, lines_at

from .again import listed_products
from .planning import planned_purchase

ZERO = Decimal(0)


@dataclass
class Row:
    """One product of a run, and what each participation id wants of it.

    `wishes` has the quantities, None for “Maybe”. The others have only those who said so: up to how much is fine, who
    wants all or nothing, and what they would take instead.
    """

    product: ProductLine
    offer: OfferLine | None
    wishes: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)
    all_or_nothing: set = field(default_factory=set)
    instead: dict = field(default_factory=dict)
    # What those with a limit receive if the packs are bought now, if there is a price.
    likely: dict = field(default_factory=dict)
    wanted: Decimal = ZERO
    most: Decimal = ZERO
    # What it adds to each participation's `estimate`, `less` and `more`, if there is a price.
    costs: dict = field(default_factory=dict)

    @property
    def pack(self):
        return self.offer.pack_size if self.offer else None

    @property
    def has_price(self):
        return bool(self.offer) and self.offer.current_amount is not None

    @cached_property
    def packs(self):
        """Asked for once the row is added up."""
        return packs_to_buy(self.wanted, self.most, self.pack)

    @property
    def is_pack_open(self):
        """Whether a pack stays partly empty even with all that people said is fine."""
        return bool(self.packs.missing)

    def wants(self):
        return {
            person: Want(quantity, self.limits.get(person), person in self.all_or_nothing)
            for person, quantity in self.wishes.items()
            if quantity is not None
        }

    def rooms(self):
        """How much more than the quantity is fine with each participation id that has a limit."""
        return {person: limit - self.wishes[person] for person, limit in self.limits.items()}

    def estimate(self, quantity, currency):
        """Cost of a quantity at the current price, rounded to the minor unit; None without a price."""
        if not self.has_price:
            return None
        return round_to_minor_unit(quantity * self.offer.current_amount / self.offer.current_quantity, currency)


class Costs(dict):
    """What quantities of a row cost, each computed once: of many wishes few differ."""

    def __init__(self, row, currency):
        super().__init__()
        self.row, self.currency = row, currency

    def __missing__(self, quantity):
        cost = self[quantity] = self.row.estimate(quantity, self.currency)
        return cost


@dataclass(frozen=True)
class UserLine:
    pk: int
    name: str


@dataclass
class Person:
    """A participant in the order table; their estimate leaves out products without a price.

    The estimate is for what they receive if the packs are bought now: `less` than that if they receive what they
    want, `more` if they receive all that is fine with them.
    """

    pk: int  # of the participation
    user: UserLine
    is_helper: bool
    is_ready: bool
    left_at: datetime | None
    estimate: Decimal = ZERO
    less: Decimal = ZERO
    more: Decimal = ZERO
    products: int = 0
    missing: list = field(default_factory=list)
    # The first name, where nobody else here has the same.
    label: str = ""

    @property
    def lowest(self):
        return self.estimate - self.less

    @property
    def highest(self):
        return self.estimate + self.more


class Board:
    """Rows in the order in which products were added to the run, so that none moves under a finger."""

    def __init__(self, run):
        self.run = run
        self.by_participation = {
            pk: Person(pk, UserLine(user, name), *rest) for pk, user, name, *rest in _people(run.pk)
        }
        self._name_people()
        self.rows = self._rows(_bids(run.pk), listed_products(run.again_of_id) if run.brings_list else [])
        for row in self.rows:
            self._add_up(row)
        self.people = [person for person in self.by_participation.values() if person.left_at is None or person.products]

    def _name_people(self):
        first_names = Counter(person.user.name.split()[0] for person in self.by_participation.values())
        for person in self.by_participation.values():
            first = person.user.name.split()[0]
            person.label = first if first_names[first] == 1 else person.user.name

    def _rows(self, bids, listed):
        """Bids are plain tuples here: a run may have thousands. `listed` are products that stand there anyway."""
        by_product = {product: [] for product in listed}
        for product, *wish in bids:
            by_product.setdefault(product, []).append(tuple(wish))
        lines = lines_at(self.run.store_id, by_product) if by_product else {}
        return [_row(self.run.pk, self.run.currency, *lines[pk], tuple(wishes)) for pk, wishes in by_product.items()]

    def _add_up(self, row):
        people = self.by_participation
        for participation, quantity in row.wishes.items():
            if quantity is None:
                continue
            person = people[participation]
            person.products += 1
            if not row.has_price:
                person.missing.append(row.product)
                continue
            estimate, less, more = row.costs[participation]
            person.estimate += estimate
            if less or more:
                person.less += less
                person.more += more

    @cached_property
    def estimate(self):
        return sum((person.estimate for person in self.people), ZERO)

    @property
    def lowest(self):
        return sum((person.lowest for person in self.people), ZERO)

    @property
    def highest(self):
        return sum((person.highest for person in self.people), ZERO)

    @cached_property
    def left_over(self):
        """What the rest of the open packs costs, which nobody has said is fine."""
        open_rows = [row for row in self.rows if row.is_pack_open and row.has_price]
        return sum((row.estimate(row.packs.missing, self.run.currency) for row in open_rows), ZERO)

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


@lru_cache(maxsize=1024)
def _row(run, currency, product, offer, wishes):
    """Added up once a process: of a run that people look at, a change concerns one row. Nobody may change it."""
    row = Row(product, offer)
    for participation, quantity, comment, limit, all_or_nothing, substitute, text in wishes:
        row.wishes[participation] = quantity
        if comment:
            row.comments[participation] = comment
        if limit is not None:
            row.limits[participation] = limit
        if all_or_nothing:
            row.all_or_nothing.add(participation)
        if substitute or text:
            row.instead[participation] = substitute or text
    wanted = {participation: quantity for participation, quantity in row.wishes.items() if quantity is not None}
    rooms = row.rooms()
    row.wanted = sum(wanted.values(), ZERO)
    row.most = row.wanted + sum(rooms.values())
    if row.has_price:
        _add_costs(row, wanted, rooms, Costs(row, currency), f"{run}:{product.pk}")
    return row


def _add_costs(row, wanted, rooms, costs, seed):
    row.costs = {participation: (costs[quantity], ZERO, ZERO) for participation, quantity in wanted.items()}
    if not rooms:
        return
    extras = share_extras(min(row.packs.units, row.most) - row.wanted, rooms, grain=row.product.grain, seed=seed)
    for participation, limit in row.limits.items():
        quantity = row.wishes[participation]
        row.likely[participation] = quantity + extras[participation]
        likely = costs[row.likely[participation]]
        row.costs[participation] = likely, likely - costs[quantity], costs[limit] - likely


@prepared
def _people(run):
    people = Participation.objects.filter(run=run).by_name()
    return people.values_list("pk", "user_id", "user__name", "is_helper", "is_ready", "left_at")


@prepared
def _bids(run):
    bids = Bid.objects.filter(participation__run=run).order_by("pk")
    own = ("product_id", "participation_id", "quantity", "comment", "limit", "all_or_nothing")
    return bids.values_list(*own, "substitute__name", "substitute_text")
