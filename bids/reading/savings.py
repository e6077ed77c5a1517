"""Was it worth it? What the goods of a run would have cost elsewhere: for a run, a group and a person (spec 95).

Goods only, and only those of runs that are over. Nothing of this is stored: see docs/decisions.md, Money.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import dropwhile

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from bids import states
from bids.allocation import total_for
from bids.models.distribution import Allocation
from bids.models.runs import Participation
from bids.models.shopping import Purchase
from bulq.kit.money import minor_unit
from stores.models import Product
from stores.reading.elsewhere import Bought, Elsewhere, prices_elsewhere

from .sums import ZERO, with_owed

MONTHS = 12


@dataclass(frozen=True)
class Good:
    """Some of a product, bought in a run: what it cost here, and what a unit costs elsewhere, if that is known."""

    run: int
    product: int
    name: str
    unit: str
    currency: str
    quantity: Decimal
    paid: Decimal
    reference: Elsewhere | None = None

    @property
    def elsewhere(self):
        """Rounded once, to the minor unit; None if it cannot be compared."""
        price = self.reference
        return price and total_for(self.quantity, price.amount, per=price.quantity, grain=minor_unit(self.currency))

    @property
    def saved(self):
        """Below zero if it was dearer here."""
        return self.reference and self.elsewhere - self.paid

    @property
    def is_dearer(self):
        return self.saved < 0

    @property
    def difference(self):
        """How much less it was, or how much more."""
        return abs(self.saved)

    @property
    def unit_cost(self):
        """For display only."""
        return self.paid / self.quantity


@dataclass(frozen=True)
class Saving:
    """What goods of one currency cost together, here and elsewhere: the sums of those that can be compared."""

    currency: str
    goods: list = field(repr=False)

    @cached_property
    def compared(self):
        """The biggest saving first."""
        known = [good for good in self.goods if good.reference]
        return sorted(known, key=lambda good: (-good.saved, good.name, good.run, good.product))

    @property
    def not_compared(self):
        return [good for good in self.goods if not good.reference]

    @cached_property
    def paid(self):
        return sum((good.paid for good in self.compared), ZERO)

    @cached_property
    def elsewhere(self):
        return sum((good.elsewhere for good in self.compared), ZERO)

    @property
    def saved(self):
        return self.elsewhere - self.paid

    @property
    def is_dearer(self):
        return self.saved < 0

    @property
    def difference(self):
        """How much less it was, or how much more."""
        return abs(self.saved)

    @property
    def percent(self):
        """The difference in whole per cent of what it costs elsewhere; None where that is nothing."""
        if not self.elsewhere:
            return None
        return (self.difference * 100 / self.elsewhere).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    @property
    def best(self):
        """The good on which most was saved, if anything was."""
        return next((good for good in self.compared if good.saved > 0), None)

    @property
    def has_dearer(self):
        return any(good.is_dearer for good in self.compared)

    @property
    def most(self):
        """The longest bar of all goods."""
        return max((max(good.paid, good.elsewhere) for good in self.compared), default=ZERO)


def bought_on(run=""):
    """The day of a run, or else the day on which its first thing was bought. `run` leads there (`"run__"`)."""
    purchases = Purchase.objects.filter(item__run=OuterRef(f"{run}pk")).order_by("bought_at", "pk")
    first = Subquery(purchases.values(day=TruncDate("bought_at"))[:1])
    return Coalesce(f"{run}day", first, TruncDate(f"{run}state_at"))


def _received(allocations):
    """Rows of what was received in runs that are over, by run and product."""
    return (
        allocations.filter(item__run__state=states.COMPLETED)
        .order_by("item__run", "item__product__sort_name", "item__product")
        .values("item__run", "item__product", store=F("item__run__store"), currency=F("item__run__group__currency"))
        .annotate(
            day=bought_on("item__run__"),
            name=F("item__product__name"),
            brand=F("item__product__brand"),
            unit=F("item__product__unit"),
            received=Sum("quantity"),
            paid=Sum("cost"),
        )
    )


def _goods(rows):
    """Each row as a `Good`, with what it costs elsewhere."""
    bought = [Bought(row["item__product"], row["store"], row["currency"], row["day"]) for row in rows]
    known = prices_elsewhere(bought)
    return [
        Good(
            run=row["item__run"],
            product=row["item__product"],
            name=str(Product(name=row["name"], brand=row["brand"])),
            unit=row["unit"],
            currency=row["currency"],
            quantity=row["received"],
            paid=row["paid"],
            reference=known.get(key),
        )
        for row, key in zip(rows, bought, strict=True)
    ]


@dataclass(frozen=True)
class Worth:
    """What was saved in a run; `mine` is the reader's part, None for someone who received nothing."""

    together: Saving
    mine: Saving | None


def worth_of(run, user):
    """Whether a run was worth it; None while it is not over, or if nothing was bought. Two queries."""
    if not run.is_completed:
        return None
    is_mine = Q(bid__participation__user=user)
    rows = _received(Allocation.objects.filter(item__run=run)).annotate(
        my_quantity=Sum("quantity", filter=is_mine), my_cost=Sum("cost", filter=is_mine)
    )
    rows = list(rows)
    goods = _goods(rows)
    mine = [
        replace(good, quantity=row["my_quantity"], paid=row["my_cost"])
        for good, row in zip(goods, rows, strict=True)
        if row["my_quantity"]
    ]
    return Worth(Saving(run.currency, goods), Saving(run.currency, mine) if mine else None) if goods else None


@dataclass(frozen=True)
class Saved:
    """What a group saved: `rows` are pairs of a run and its `Saving`, as the runs came, `together` all of them."""

    rows: list
    together: Saving

    @property
    def has_dearer(self):
        return any(saving.is_dearer for _run, saving in self.rows)

    @property
    def most(self):
        """The longest bar."""
        return max(max(saving.paid, saving.elsewhere) for _run, saving in self.rows)


def saved_in(runs):
    """What was saved in runs of one group; None if nothing was bought in any that is over. Two queries."""
    goods = _goods(list(_received(Allocation.objects.filter(item__run__in=[run.pk for run in runs]))))
    by_run = defaultdict(list)
    for good in goods:
        by_run[good.run].append(good)
    rows = [(run, Saving(run.currency, by_run[run.pk])) for run in runs if run.pk in by_run]
    return Saved(rows, Saving(goods[0].currency, goods)) if rows else None


@dataclass(frozen=True)
class Spent:
    """What one person spent in one currency, in all and by month.

    `months` are pairs of a month's first day and a sum, from the first month of the last twelve with one; `saving` is
    about everything they received in runs that are over.
    """

    currency: str
    in_all: Decimal
    months: list
    saving: Saving | None

    @property
    def total(self):
        return sum((amount for _month, amount in self.months), ZERO)

    @property
    def most(self):
        return max((amount for _month, amount in self.months), default=ZERO)


def spent_by(user):
    """One `Spent` for each currency, extra costs included, from the hand-out on, former groups too. Three queries."""
    today = timezone.localdate()
    months = [_month_before(today, n) for n in reversed(range(MONTHS))]
    parts = with_owed(Participation.objects.filter(user=user, run__state__in=states.WITH_ALLOCATIONS))
    parts = parts.annotate(on=bought_on("run__"))
    in_all, sums = defaultdict(Decimal), defaultdict(lambda: dict.fromkeys(months, ZERO))
    for currency, day, total in parts.values_list("run__group__currency", "on", "total"):
        in_all[currency] += total
        if (month := min(day, today).replace(day=1)) in months:
            sums[currency][month] += total
    goods = defaultdict(list)
    for good in _goods(list(_received(Allocation.objects.filter(bid__participation__user=user)))):
        goods[good.currency].append(good)
    return [
        Spent(
            currency,
            in_all[currency],
            _from_the_first(sums[currency]),
            Saving(currency, goods[currency]) if goods[currency] else None,
        )
        for currency in sorted(in_all)
        if in_all[currency] or goods[currency]
    ]


def _month_before(day, count):
    """The first day of the month `count` months before that of `day`."""
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _from_the_first(sums):
    return list(dropwhile(lambda month: not month[1], sums.items()))
