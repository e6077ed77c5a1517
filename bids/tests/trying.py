"""Try an action on a run and check the result: invariants if it was done, no change if it was refused."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from django.db import connection
from django.http import Http404
from hypothesis import note

from accounts.models import User
from bids.models import Run
from bids.reading.invariants import problems
from bids.states import TRANSITIONS
from bulq.kit.errors import BulqError
from bulq.kit.money import minor_unit
from stores.models import Product

TABLES = (
    *("bids_run", "bids_participation", "bids_bid", "bids_shoppingitem", "bids_purchase", "bids_allocation"),
    *("bids_extracost", "bids_extrashare", "bids_receipt", "bids_event", "bids_notification"),
    *("bids_payment", "bids_paymentpart", "bids_journalentry"),
    *("accounts_user", "accounts_group", "accounts_membership"),
    *("stores_store", "stores_product", "stores_offer", "stores_price"),
)
CHECKSUM = " UNION ALL ".join(
    f"SELECT '{table}', md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) FROM {table} row"
    for table in TABLES
)


# The states in which each action makes sense, and how often it is tried there.
FITTING, OFTEN = {}, 4


def fits(*there, weight=OFTEN):
    def register(method):
        FITTING[method.__name__] = (frozenset(there), weight)
        return method

    return register


class Watch:
    """The queries of every check, recorded and prepared once and run as one: a step has to be quick."""

    def __init__(self):
        recorded = []

        def record(execute, sql, params, many, context):
            recorded.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(record):
            assert problems() == []
        checks = " OR ".join(f"EXISTS ({sql})" for sql, _params in recorded)
        with connection.cursor() as cursor:
            cursor.execute(
                f"PREPARE watch AS SELECT {checks}", [param for _sql, params in recorded for param in params]
            )

    def problems(self):
        with connection.cursor() as cursor:
            cursor.execute("EXECUTE watch")
            [found] = cursor.fetchone()
        return found and problems()

    def close(self):
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE watch")


def checksum():
    with connection.cursor() as cursor:
        cursor.execute(CHECKSUM)
        return dict(cursor.fetchall())


@dataclass
class Trying:
    run_id: int
    people: list
    products: list
    watch: Watch
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.run_ids, self.sums, self.dice = [self.run_id], checksum(), Random(0)
        self.look_at(self.run_id)

    def look_at(self, run_id):
        self.run_id = run_id
        self.run = Run.objects.select_related("group", "store", "leader", "payer").get(pk=run_id)

    # --- Results -----------------------------------------------------------------------------------
    def attempt(self, name, action, *, aims=()):
        """Do it. If refused, not a byte may differ; if done, every invariant holds. Anything else fails."""
        origin = self.run.state
        self.counts.update(("aim", name, to) for to in aims)
        try:
            action()
        except (BulqError, Http404) as refusal:
            note(f"{name} refused: {refusal}")
            assert checksum() == self.sums, f"{name} was refused, but left something behind"
            assert isinstance(refusal, Http404) or refusal.message
            self.counts[name, "refused"] += 1
            self.counts.update((origin, to, "refused") for to in aims if to in TRANSITIONS[origin])
            return
        connection.check_constraints()
        before, self.sums = self.sums, checksum()
        if self.sums == before:
            return
        self.look_at(self.run_id)
        note(f"{name} done")
        assert not self.watch.problems(), name
        self.counts[name, "done"] += 1
        if (now := self.run.state) != origin:
            assert now in TRANSITIONS[origin], f"{name} moved a run from {origin} to {now}"
            self.counts[origin, now, "done"] += 1

    # --- Dice --------------------------------------------------------------------------------------
    def mostly(self, right, others, chance=0.8):
        others = list(others)
        return right if self.dice.random() < chance or not others else self.dice.choice(others)

    def any_of(self, rows):
        rows = list(rows)
        return self.dice.choice(rows) if rows else None

    def leader(self):
        return self.mostly(self.run.leader, self.people)

    def shopper(self):
        helpers = User.objects.filter(participations__run=self.run_id, participations__is_helper=True)
        return self.mostly(self.any_of([self.run.leader, *helpers]), self.people)

    def participant(self):
        current = User.objects.filter(participations__in=self.run.participations.current())
        return self.mostly(self.any_of(current) or self.run.leader, self.people)

    def member(self):
        members = User.objects.filter(memberships__group=self.run.group_id)
        return self.mostly(self.any_of(members) or self.run.leader, self.people)

    def product(self):
        return self.any_of(Product.objects.filter(pk__in=self.products))

    def amount(self, most=4000):
        grain = minor_unit(self.run.currency)
        return self.dice.choice([Decimal(self.dice.randint(0, most)) * grain, Decimal(self.dice.randint(0, 40))])
