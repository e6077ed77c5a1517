"""M3: what people owed before there was a journal they owe after it, and after going back."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.models import User
from bids import states
from bids.models import Participation, Payment
from bids.reading.invariants import problems
from bids.reading.sums import debts_of

from .cast import stage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
BEFORE = [("bids", "0009_receipts")]


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)


def migrate_all():
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def owed_by_everyone():
    return [
        sorted(
            (debt.run.pk, debt.debtor.pk, debt.creditor.pk, debt.amount) for debts in debts_of(user) for debt in debts
        )
        for user in User.objects.order_by("pk")
    ]


def marks():
    rows = Participation.objects.order_by("pk")
    return list(rows.values_list("pk", "paid_amount", "paid_at", "paid_marked_by").exclude(paid_amount=None))


def mark(scene, user, amount, by):
    part = Participation.objects.filter(run=scene.run, user=user)
    part.update(paid_amount=amount, paid_at=timezone.now(), paid_marked_by=by)


def test_marks_become_payments_and_nobody_owes_anything_else():
    """M3: all of a debt, less, more, by the leader, by nobody any more; then back, and forward again."""
    first, second, third = stage(states.DISTRIBUTING), stage(states.COMPLETED), stage(states.SHOPPING)
    migrate(BEFORE)
    try:
        mark(first, first.bob, 47, first.alice)
        mark(first, first.hana, 9, None)
        mark(second, second.bob, 50, second.alice)
        mark(third, third.bob, 5, third.alice)  # of a run that went back to the shop, as very old releases left it
        before, marked = owed_by_everyone(), marks()[:3]
        migrate_all()
        assert owed_by_everyone() == before
        assert marks() == marked
        confirmed = Payment.objects.filter(state="confirmed")
        assert sorted(payment.amount for payment in confirmed) == [9, 47, 50]
        assert [payment.amount for payment in Payment.objects.filter(state="taken_back")] == [5]
        assert problems() == []
        migrate(BEFORE)
        assert owed_by_everyone() == before
        assert marks() == marked
        migrate_all()
        assert owed_by_everyone() == before
        assert problems() == []
    finally:
        migrate_all()
