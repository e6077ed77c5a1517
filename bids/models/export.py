"""A run as rows for a file. People are told apart by id, not by name.

JSON, version 1: `run` (id, group, store, day, state, currency), `people` (id, name, total, paid), and `lines`, one
a wish: person_id, product_id, product, brand, unit, wanted, received, cost, picked_up. Amounts and quantities are
strings of plain decimals; `received` and `cost` are null before the hand-out.
"""

from .board import Board
from .ledger import Ledger
from .sums import owed_by_person

VERSION = 1


def rows_of(run, user):
    """One dictionary for each wish with a quantity."""
    if run.has_allocations:
        accounts = Ledger(run, user).accounts
        rows = [_thing_row(account.user, thing) for account in accounts for thing in account.things]
    else:
        board = Board(run)
        rows = [
            _bid_row(board.by_participation[person].user, row.product, bid)
            for row in board.rows
            for person, bid in row.bids.items()
            if bid.quantity is not None
        ]
    return sorted(rows, key=lambda row: (row["person_id"], row["product"], row["product_id"]))


def _bid_row(user, product, bid):
    return {
        "person_id": user.pk,
        "person": user.name,
        "product_id": product.pk,
        "product": product.name,
        "brand": product.brand,
        "unit": product.unit,
        "wanted": bid.quantity,
        "received": None,
        "cost": None,
        "picked_up": None,
    }


def _thing_row(user, thing):
    row = _bid_row(user, thing.line.product, thing.bid)
    return row | {"received": thing.received, "cost": thing.cost, "picked_up": thing.is_picked_up}


def document_of(run, user):
    totals = owed_by_person(run) if run.has_allocations else {}
    people = run.participations.select_related("user").order_by("user_id")
    return {
        "version": VERSION,
        "run": {
            "id": run.pk,
            "group": run.group.name,
            "store": run.store.name,
            "day": run.day,
            "state": run.state,
            "currency": run.currency,
        },
        "people": [
            {
                "id": person.user_id,
                "name": person.user.name,
                "total": totals.get(person.pk),
                "extra_costs": person.extra_share if totals else None,
                "paid": person.paid_amount,
            }
            for person in people
        ],
        "lines": rows_of(run, user),
    }
