"""One person's figures over all runs."""

from accounts.models import Membership
from bids import states
from bids.models.runs import Participation, Run

from .sums import with_owed


def figures_of(user):
    """Runs joined, led and helped, groups, and money spent by currency (never added across currencies)."""
    mine = Participation.objects.filter(user=user)
    spent = with_owed(mine.filter(run__state__in=states.WITH_ALLOCATIONS)).values_list("run__group__currency", "total")
    by_currency = {}
    for currency, total in spent:
        if total:
            by_currency[currency] = by_currency.get(currency, 0) + total
    return {
        "joined": mine.count(),
        "helped": mine.filter(is_helper=True).count(),
        "led": Run.objects.filter(leader=user).count(),
        "groups": Membership.objects.filter(user=user).count(),
        "spent": sorted(by_currency.items()),
    }
