"""One person's figures over all runs, and all data held about them."""

from django.db.models import Q

from accounts.models import Membership
from bids import states
from bids.models.bidding import Bid
from bids.models.events import Event
from bids.models.runs import Participation, Run
from stores.models import Price

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


def everything_about(user):
    """All data held about a person, as plain values (version 1)."""
    parts = with_owed(Participation.objects.filter(user=user)).select_related("run__store", "run__group")
    return {
        "version": 1,
        "person": {
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "theme": user.theme,
            "joined_at": user.joined_at,
            "last_login": user.last_login,
        },
        "groups": list(user.memberships.values("group__name", "is_admin", "joined_at")),
        "runs": [_run_data(part, user) for part in parts.order_by("run_id")],
        "orders": list(
            Bid.objects.filter(participation__user=user).values(
                "participation__run_id", "product__name", "product__brand", "quantity", "comment",
                "allocation__quantity", "allocation__cost", "allocation__picked_up_at",
            )
        ),
        "prices_logged": list(
            Price.objects.filter(seen_by=user).values(
                "offer__product__name", "offer__store__name", "amount", "quantity", "seen_at", "withdrawn_at", "note"
            )
        ),
        "events": list(
            Event.objects.filter(Q(actor=user) | Q(subject=user)).values("run_id", "kind", "data", "at").order_by("pk")
        ),
    }  # fmt: skip


def _run_data(part, user):
    return {
        "run": part.run_id,
        "group": part.run.group.name,
        "store": part.run.store.name,
        "day": part.run.day,
        "state": part.run.state,
        "led": part.run.leader_id == user.pk,
        "helped": part.is_helper,
        "currency": part.run.currency,
        "total": part.total,
        "paid": part.paid_amount,
        "paid_at": part.paid_at,
    }
