"""Which debts a payment covers. Pure arithmetic, imports nothing of ours."""

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass
class Open:
    """What of one debt is open between two people, above zero; `sign` is that of a part which covers it.

    A part is what counts as paid: above zero for a share not paid yet, below for an overpayment to be given back.
    """

    key: object
    amount: Decimal
    sign: int = 1


@dataclass
class Plan:
    """Signed parts by the key of the debt: of the new payment, and of earlier ones whose credit is used up."""

    parts: dict = field(default_factory=dict)
    of_credits: dict = field(default_factory=dict)


def settle(debts, counter_debts, amount, *, credits=(), counter_credits=()):
    """Cover what the sender of `amount` owes, oldest first.

    `debts` are the sender's, `counter_debts` the receiver's (`Open`, oldest first). `credits` are what of earlier
    payments covers nothing yet, in favour of the sender: `(key, amount)`, oldest first; `counter_credits` those in
    favour of the receiver. Credits are used up first, then opposite debts, then the amount; what then covers nothing
    stays as credit of the new payment.
    """
    plan = Plan()
    left = {id(debt): debt.amount for debt in (*debts, *counter_debts)}

    def take(debt, most):
        taken = min(left[id(debt)], most)
        left[id(debt)] -= taken
        return taken

    def cover(rows, most, parts):
        for debt in rows:
            if not most:
                break
            if taken := take(debt, most):
                parts[debt.key] = parts.get(debt.key, ZERO) + debt.sign * taken
                most -= taken
        return most

    for rows, kept in ((debts, credits), (counter_debts, counter_credits)):
        for key, credit in kept:
            parts = {}
            cover(rows, credit, parts)
            if parts:
                plan.of_credits[key] = parts
    owed, owing = (sum((left[id(debt)] for debt in rows), ZERO) for rows in (debts, counter_debts))
    set_off = min(owed, owing)
    cover(counter_debts, set_off, plan.parts)
    cover(debts, set_off + amount, plan.parts)
    return plan
