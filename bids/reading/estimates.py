"""How someone's likely total on the order table comes about."""

from dataclasses import dataclass
from decimal import Decimal

from .board import Row


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one product will about cost someone: `quantity` of it at its price; `cost` is None without one."""

    row: Row
    quantity: Decimal
    wanted: Decimal
    cost: Decimal | None


def estimates_of(board, person):
    """Of each product that someone wants; the costs are those that their total was added up of."""
    return [
        Estimate(row, quantity, wanted, row.estimate(quantity, board.run.currency))
        for row in board.rows
        if (wanted := row.wishes.get(person.pk)) is not None
        for quantity in [row.likely.get(person.pk, wanted)]
    ]
