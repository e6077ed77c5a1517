"""What people had before at the store of a run, to be chosen again (spec 86)."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count

from bids import states
from bids.models.bidding import Bid
from bids.models.distribution import ExtraCost
from bids.models.runs import Run

USUAL_OF, USUAL_IN = 3, 2  # wished in two of the last three runs


@dataclass
class LastTime:
    """The newest earlier run at this store in which the person wanted something, and their wishes by product id."""

    run: Run | None = None
    bids: dict = field(default_factory=dict)


def _earlier(run):
    """Runs of the group at this store before this one, newest first, without those called off."""
    runs = Run.objects.filter(group=run.group_id, store=run.store_id, pk__lt=run.pk)
    return runs.exclude(state=states.CANCELLED).newest_first()


def last_time(run, user):
    wanted = Bid.objects.real().filter(participation__user=user)
    earlier = _earlier(run).filter(participations__bids__in=wanted).with_names().distinct()
    if (newest := earlier.first()) is None:
        return LastTime()
    bids = (
        wanted.filter(participation__run=newest).select_related("product", "substitute").order_by("product__sort_name")
    )
    return LastTime(newest, {bid.product_id: bid for bid in bids})


def usual_here(run):
    """Ids of the products that anyone wanted in two of the last three runs of the group at this store."""
    runs = list(_earlier(run).values_list("pk", flat=True)[:USUAL_OF])
    wanted = Bid.objects.real().filter(participation__run__in=runs).order_by().values("product")
    usual = wanted.annotate(runs=Count("participation__run", distinct=True)).filter(runs__gte=USUAL_IN)
    return list(usual.order_by("product__sort_name", "product").values_list("product", flat=True))


def listed_products(run_id):
    """Ids of the products that were wanted in a past run, in the order in which they were."""
    wanted = Bid.objects.real().filter(participation__run=run_id).order_by("pk")
    return list(dict.fromkeys(wanted.values_list("product", flat=True)))


def proposed_costs(run):
    """Extra costs of the past run that this one was started from, without those it has by the same label."""
    if run.again_of_id is None:
        return []
    known = run.extra_costs.values("label")
    return list(
        ExtraCost.objects.filter(run=run.again_of_id, amount__gt=Decimal(0)).exclude(label__in=known).order_by("pk")
    )
