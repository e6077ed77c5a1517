"""Who owes what in a run, and over all runs. Everything in a run is owed to its payer."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import Membership, User
from bids import states
from bids.models.distribution import Allocation
from bids.models.payments import MONEY, PaymentPart, PaymentState
from bids.models.runs import Participation, Run
from bulq.kit.prepared import prepared

ZERO = Decimal(0)


def with_owed(participations):
    """Annotate `goods` (cost of what the person receives) and `total` (goods and their share of extra costs)."""
    costs = Allocation.objects.filter(bid__participation=OuterRef("pk")).order_by().values("bid__participation")
    goods = Subquery(costs.annotate(sum=Sum("cost")).values("sum"), output_field=MONEY)
    return participations.annotate(goods=Coalesce(goods, Value(ZERO), output_field=MONEY)).annotate(
        total=F("goods") + F("extra_share")
    )


def on_its_way():
    """What of a participation's debt is said to be paid, and not confirmed yet."""
    parts = PaymentPart.objects.filter(participation=OuterRef("pk"), payment__state=PaymentState.SAID)
    said = parts.order_by().values("participation").annotate(sum=Sum("amount")).values("sum")
    return Coalesce(Subquery(said, output_field=MONEY), Value(ZERO), output_field=MONEY)


def owed_by_person(run):
    """Total of each participation of a run by its id, the payer's own share included."""
    return dict(with_owed(Participation.objects.filter(run=run)).values_list("pk", "total"))


def balance(total, paid):
    """What someone still owes the payer, and what the payer has to give back: `(owes, gets_back)`, one of them zero.

    The two directions are never netted, not even over several people.
    """
    rest = total - (paid or ZERO)
    return max(rest, ZERO), max(-rest, ZERO)


@dataclass(frozen=True)
class Debt:
    """What `debtor` owes `creditor` for one run, always more than zero: a share, or an overpayment."""

    run: Run
    debtor: User
    creditor: User
    amount: Decimal
    # Whether the person who asked may open the run: they may have left its group.
    is_visible: bool
    # Whose share it is, with its `goods` and `total`.
    part: Participation

    @property
    def is_overpaid(self):
        return self.part.user_id != self.debtor.pk


def debts_of(user):
    """All that `user` still owes, and all that is still owed to them: two lists, newest run first."""
    owes, due = [], []
    for person in _unbalanced(user.pk):
        debt = _debt(person)
        (owes if debt.debtor == user else due).append(debt)
    return owes, due


@prepared
def _unbalanced(user):
    handed_out = Participation.objects.filter(run__state__in=states.WITH_ALLOCATIONS)
    people = with_owed(handed_out.filter(Q(user=user) | Q(run__payer=user)).exclude(user=F("run__payer")))
    people = people.exclude(total=Coalesce("paid_amount", Value(ZERO), output_field=MONEY))
    membership = Membership.objects.filter(group=OuterRef("run__group"), user=user)
    people = people.annotate(is_visible=Exists(membership))
    return people.select_related("user", "run__store", "run__group", "run__payer").order_by("-run_id", "user__name")


def _debt(person):
    run, (owed, back) = person.run, balance(person.total, person.paid_amount)
    between = (person.user, run.payer) if owed else (run.payer, person.user)
    return Debt(run, *between, owed or back, person.is_visible, person)
