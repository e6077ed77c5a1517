"""Which debts a payment covers: the arithmetic alone (spec 90)."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bids.settling import Open, settle

from .cast import D


def debts(*amounts):
    return [Open(n, D(amount)) for n, amount in enumerate(amounts)]


def counter(*amounts):
    return [Open(100 + n, D(amount)) for n, amount in enumerate(amounts)]


def test_the_oldest_debts_are_covered_first():
    assert settle(debts(5, 10, 20), [], D(12)).parts == {0: 5, 1: 7}


def test_opposite_debts_are_used_up_before_the_amount():
    """A owes 30, B owes 10: A pays 20 and both are settled; A pays 12 and 8 stay open."""
    assert settle(debts(30), counter(10), D(20)).parts == {0: 30, 100: 10}
    assert settle(debts(30), counter(10), D(12)).parts == {0: 22, 100: 10}


def test_only_as_much_of_opposite_debts_as_is_owed():
    assert settle(debts(10), counter(30), D(5)).parts == {0: 10, 100: 10}


def test_debts_are_set_off_without_an_amount():
    assert settle(debts(4, 6), counter(10), D(0)).parts == {0: 4, 1: 6, 100: 10}


def test_credits_are_used_up_first():
    plan = settle(debts(10), [], D("8.40"), credits=[("old", D("1.60"))])
    assert (plan.of_credits, plan.parts) == ({"old": {0: D("1.60")}}, {0: D("8.40")})


def test_credits_of_the_other_cover_what_the_other_owes():
    plan = settle(debts(30), counter(10), D(25), counter_credits=[("theirs", D(5))])
    assert (plan.of_credits, plan.parts) == ({"theirs": {100: 5}}, {0: 30, 100: 5})


def test_an_overpayment_is_given_back_by_a_part_below_zero():
    given_back = Open("run", D(3), -1)
    assert settle([given_back], [], D(3)).parts == {"run": -3}


def test_what_covers_nothing_stays_credit():
    assert settle(debts(5), [], D(7)).parts == {0: 5}


AMOUNTS = st.lists(st.integers(1, 5000).map(lambda cents: Decimal(cents) / 100), max_size=6)


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.integers(0, 20000))
def test_every_cent_is_somewhere_and_nothing_is_covered_twice(mine, theirs, credits, their_credits, cents):
    """M1: amount = parts on the sender's debts - parts on the receiver's + credit, and no debt gets more than it is."""
    amount = Decimal(cents) / 100
    own, other = debts(*mine), counter(*theirs)
    kept, theirs_kept = list(enumerate(credits)), [(50 + n, credit) for n, credit in enumerate(their_credits)]
    plan = settle(own, other, amount, credits=kept, counter_credits=theirs_kept)
    covered = {debt.key: Decimal(0) for debt in (*own, *other)}
    for parts in (plan.parts, *plan.of_credits.values()):
        for key, part in parts.items():
            assert part > 0
            covered[key] += part
    assert all(covered[debt.key] <= debt.amount for debt in (*own, *other))
    for key, credit in (*kept, *theirs_kept):
        assert sum(plan.of_credits.get(key, {}).values()) <= credit
    on_own = sum(part for key, part in plan.parts.items() if key < 100)
    on_other = sum(part for key, part in plan.parts.items() if key >= 100)
    assert amount - (on_own - on_other) >= 0
    owed = sum(mine) - sum(theirs) - sum(credits) + sum(their_credits)
    if amount >= owed:
        assert all(covered[debt.key] == debt.amount for debt in own)
