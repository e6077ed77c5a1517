"""A group of six of whom one has 300 runs and 100 payments: all but 40 of the debts are paid."""

from datetime import timedelta
from decimal import Decimal
from itertools import islice

from django.utils import timezone

from accounts.models import Group, Membership, User
from bids.models import JournalEntry, Participation, Payment, PaymentPart, Run

RUNS, PAYMENTS, OPEN, FRIENDS = 300, 100, 40, 5


def seed_money(store):
    """The first of them owes in two of three runs, and is the payer of the third. Returns them and the group."""
    people = [User.objects.create(username=f"friend{n}", name=f"Friend Number {n}") for n in range(FRIENDS + 1)]
    group = Group.objects.create(name="Money", currency="EUR")
    Membership.objects.bulk_create(Membership(group=group, user=user) for user in people)
    me, *friends = people
    now = timezone.now()
    runs = Run.objects.bulk_create(
        Run(
            group=group,
            store=store,
            leader=friends[n % FRIENDS],
            payer=me if n % 3 == 2 else friends[n % FRIENDS],
            state="completed",
            day=(now - timedelta(days=RUNS - n)).date(),
            number=n + 1,
        )
        for n in range(RUNS)
    )
    debts = Participation.objects.bulk_create(
        Participation(run=run, user=me if run.payer != me else run.leader, extra_share=Decimal(n % 50 + 1))
        for n, run in enumerate(runs)
    )
    Participation.objects.bulk_create(Participation(run=run, user=run.payer) for run in runs)
    _pay(group, debts[: RUNS - OPEN], now)
    return me, group


def _pay(group, debts, now):
    """Each payment covers some debts of two people in one direction."""
    by_pair = {}
    for debt in debts:
        by_pair.setdefault((debt.user, debt.run.payer), []).append(debt)
        debt.paid_amount, debt.paid_at, debt.paid_marked_by = debt.extra_share, now, debt.run.payer
    Participation.objects.bulk_update(debts, ["paid_amount", "paid_at", "paid_marked_by"])
    at_once = len(debts) // PAYMENTS + 1
    for (sender, receiver), theirs in by_pair.items():
        theirs = iter(theirs)
        while some := list(islice(theirs, at_once)):
            amount = sum(debt.extra_share for debt in some)
            people = {"group": group, "sender": sender, "receiver": receiver, "created_by": sender}
            payment = Payment.objects.create(**people, amount=amount, said_amount=amount, state="confirmed")
            PaymentPart.objects.bulk_create(
                PaymentPart(payment=payment, participation=debt, amount=debt.extra_share) for debt in some
            )
            for kind, actor, subject in (("said", sender, receiver), ("confirmed", receiver, sender)):
                JournalEntry.objects.create(
                    group=group, payment=payment, kind=kind, actor=actor, subject=subject, amount=amount
                )
