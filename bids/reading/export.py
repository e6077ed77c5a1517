"""A run as rows for a file. People are identified by id, not by name.

CSV: a row for each wish (`kind` is "wish"), then for each person their share of the extra costs ("extra costs") and
their total ("total"), and the total of the run ("run total"). The costs of wishes and extra costs add up to the
totals.

JSON, version 2: `run` (id, group, store, day, number, state, currency, goods, extra_costs, total, receipts (null
without any), left_to_payer (of what they say more or less)), `people` (id, name, total, extra_costs, paid, still_owes,
gets_back), and `lines`, one per wish: person_id, product_id, product, brand,
unit, wanted, limit (up to how much is fine, null for no more), all_or_nothing, instead, received, cost, picked_up.
Amounts and quantities are strings of plain decimals; what is known only once
the hand-out has started is null before it.
"""

from .board import Board
from .ledger import ZERO, Ledger
from .why import explain

VERSION = 2
WISH, EXTRA, TOTAL, RUN_TOTAL = "wish", "extra costs", "total", "run total"
NOTHING = dict.fromkeys(
    (
        *("person_id", "person", "product_id", "product", "brand", "unit", "wanted", "limit", "all_or_nothing"),
        *("instead", "received", "cost", "picked_up"),
    )
)


class Export:
    """Wishes with a quantity and, once the hand-out has started, what everyone owes for them."""

    def __init__(self, run, user):
        self.run = run
        self.ledger = Ledger(run, user) if run.has_allocations else None
        self.accounts = self.ledger.accounts if self.ledger else []
        lines = self._received() if self.ledger else self._wanted()
        self.lines = sorted(lines, key=lambda row: (row["person_id"], row["product"], row["product_id"]))

    def _received(self):
        for account in self.accounts:
            for thing in account.things:
                bid = thing.bid
                row = _row(account.user, thing.line.product, bid.quantity, bid.limit, bid.all_or_nothing, bid.instead)
                yield row | {"received": thing.received, "cost": thing.cost, "picked_up": thing.is_picked_up}

    def _wanted(self):
        board = Board(self.run)
        for row in board.rows:
            for person, quantity in row.wishes.items():
                if quantity is not None:
                    terms = row.limits.get(person), person in row.all_or_nothing, row.instead.get(person, "")
                    yield _row(board.by_participation[person].user, row.product, quantity, *terms)

    def table(self):
        """Every row of the CSV."""
        rows = [{"kind": WISH} | row for row in self.lines]
        for account in sorted(self.accounts, key=lambda account: account.user.pk):
            person = NOTHING | {"person_id": account.user.pk, "person": account.user.name}
            if account.extra:
                rows.append({"kind": EXTRA} | person | {"cost": account.extra})
            rows.append({"kind": TOTAL} | person | {"cost": account.total})
        return rows + ([{"kind": RUN_TOTAL} | NOTHING | {"cost": self.ledger.total}] if self.ledger else [])

    def document(self):
        """The whole JSON."""
        run, sums = self.run, {name: getattr(self.ledger, name, None) for name in ("goods", "extra", "total")}
        return {
            "version": VERSION,
            "run": {
                "id": run.pk,
                "group": run.group.name,
                "store": run.store.name,
                "day": run.day,
                "number": run.number,
                "state": run.state,
                "currency": run.currency,
                "goods": sums["goods"],
                "extra_costs": sums["extra"],
                "total": sums["total"],
                "receipts": self.ledger and self.ledger.comparison.receipts,
                "left_to_payer": self.ledger and self.ledger.comparison.taken,
            },
            "people": self._people(),
            "lines": self.lines,
        }

    def _people(self):
        known = {account.user.pk: account for account in self.accounts}
        people = self.run.participations.select_related("user").order_by("user_id")
        return [_person(person.user, known.get(person.user_id)) for person in people]


def _person(user, account):
    facts = dict.fromkeys(("total", "extra_costs", "paid", "still_owes", "gets_back"))
    if account:
        facts = {
            "total": account.total,
            "extra_costs": account.extra,
            "paid": account.paid,
            "still_owes": account.still_owes,
            "gets_back": account.gets_back,
        }
    return {"id": user.pk, "name": user.name} | facts


def _row(user, product, wanted, limit, all_or_nothing, instead):
    return NOTHING | {
        "person_id": user.pk,
        "person": user.name,
        "product_id": product.pk,
        "product": product.name,
        "brand": product.brand,
        "unit": product.unit,
        "wanted": wanted,
        "limit": limit,
        "all_or_nothing": all_or_nothing,
        "instead": instead,
    }


def _limit(row):
    """Once something is received, no limit is shown any more."""
    return row["limit"] if row["received"] is None else None


class Sheets:
    """The same to print: by product, and a slip for each person that adds up to their total."""

    def __init__(self, export):
        by_product, by_person = {}, {account.user.pk: [] for account in export.accounts}
        for row in export.lines:
            quantity = row["wanted"] if row["received"] is None else row["received"]
            row["shown_limit"] = _limit(row)
            if quantity:
                by_product.setdefault(row["product_id"], []).append((row, quantity))
                by_person.setdefault(row["person_id"], []).append((row, quantity))
        self.by_product = sorted((self._product(rows) for rows in by_product.values()), key=lambda product: product[:2])
        accounts = {account.user.pk: account for account in export.accounts}
        if export.ledger:
            explain(export.ledger)
        slips = [self._slip(rows, accounts.get(person)) for person, rows in by_person.items()]
        self.slips = [slip for slip in slips if slip[1] or slip[2] or slip[3]]

    def _product(self, rows):
        """Name, unit, sum, and who gets how much; before the hand-out, the sum of what is fine at most."""
        first = rows[0][0]
        most = sum(_limit(row) or quantity for row, quantity in rows)
        return first["product"], first["unit"], sum(quantity for _row, quantity in rows), most, rows

    def _slip(self, rows, account):
        """Name, things with their quantity and why, extra costs, total, why; without costs before the hand-out."""
        if not account:
            return rows[0][0]["person"], [(*row, None) for row in rows], ZERO, None, None
        whys = {thing.line.product.pk: thing for thing in account.why.things}
        rows = [(row, quantity, whys[row["product_id"]]) for row, quantity in rows]
        return account.user.name, rows, account.extra, account.total, account.why
