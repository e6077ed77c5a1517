"""The front page of the admin: is everything well?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from bids.models import Event, Run
from bulq.models import BackupRun
from bulq.watch import health, readiness, trouble
from stores.models import Product, ProductPair, Store, StorePair

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Part:
    name: str  # as in /health/ready
    is_well: bool
    # When worker and beat last reported; None for the others, and for one that never has.
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Front:
    problems: list[str]
    parts: list[Part]
    # The newest verified one, the newest tried in a drill, and one that is being made.
    backup: BackupRun | None
    drilled: BackupRun | None
    is_backing_up: bool
    open_runs: int
    # Who has logged in or done something in a run, and who has registered, in the last seven days.
    came: int
    joined: int
    week_ago: datetime
    unverified_products: int
    unverified_stores: int
    # Pairs of products or stores that look the same.
    same: int
    # Newest errors and refusals; None if Redis is away.
    troubles: list[trouble.Trouble] | None

    @property
    def is_well(self):
        return not self.problems and all(part.is_well for part in self.parts)


def front_page():
    week_ago = timezone.now() - WEEK
    did = Event.objects.filter(actor=OuterRef("pk"), at__gte=week_ago)
    people = User.objects.filter(closed_at=None)
    return Front(
        problems=[problem.sentence for problem in health.problems()],
        parts=[*_components(), *_workers()],
        backup=health.last_verified(),
        drilled=BackupRun.objects.filter(drilled_at__isnull=False).order_by("drilled_at").last(),
        is_backing_up=BackupRun.objects.filter(state=BackupRun.State.RUNNING).exists(),
        open_runs=Run.objects.open().count(),
        came=people.filter(Q(last_login__gte=week_ago) | Exists(did)).count(),
        joined=people.filter(joined_at__gte=week_ago).count(),
        week_ago=week_ago,
        unverified_products=Product.objects.filter(is_verified=False).count(),
        unverified_stores=Store.objects.filter(is_verified=False).count(),
        same=ProductPair.objects.proposed().count() + StorePair.objects.proposed().count(),
        troubles=trouble.newest(),
    )


def _components():
    states = readiness.parts()
    return [Part(name, states.get(name) == readiness.OK) for name in ("database", "redis", "live")]


def _workers():
    for name, seen in health.last_seen().items():
        at, is_late = seen or (None, True)
        yield Part(name, not is_late, at)
