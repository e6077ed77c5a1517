"""Who owes what in a run, and over all runs. Everything in a run is owed to its payer."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import DecimalField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from bids import states

from .distribution import Allocation
from .runs import Participation

MONEY = DecimalField(max_digits=12, decimal_places=2)


def with_owed(participations):
    """Annotate `goods` (cost of what the person receives) and `total` (goods and their share of extra costs)."""
    costs = Allocation.objects.filter(bid__participation=OuterRef("pk")).order_by().values("bid__participation")
    goods = Subquery(costs.annotate(sum=Sum("cost")).values("sum"), output_field=MONEY)
    return participations.annotate(goods=Coalesce(goods, Value(Decimal(0)), output_field=MONEY)).annotate(
        total=F("goods") + F("extra_share")
    )


def owed_by_person(run):
    """Total of each participation of a run by its id, the payer's own share included."""
    return dict(with_owed(Participation.objects.filter(run=run)).values_list("pk", "total"))


@dataclass
class Debt:
    """What one person still owes another for one run; below zero when they have paid too much."""

    participation: Participation
    amount: Decimal

    @property
    def run(self):
        return self.participation.run


def debts_of(user):
    """All that `user` still owes, and all that is still owed to them: two lists, newest run first."""
    settled_in_runs = Participation.objects.filter(run__state__in=states.WITH_ALLOCATIONS)
    people = with_owed(settled_in_runs.filter(Q(user=user) | Q(run__payer=user)).exclude(user=F("run__payer")))
    people = people.annotate(still=F("total") - Coalesce("paid_amount", Value(Decimal(0)), output_field=MONEY))
    people = people.exclude(still=0).select_related("user", "run__store", "run__group", "run__payer")
    debts = [Debt(person, person.still) for person in people.order_by("-run_id", "user__name")]
    owes = [debt for debt in debts if debt.participation.user_id == user.pk]
    return owes, [debt for debt in debts if debt.participation.user_id != user.pk]
