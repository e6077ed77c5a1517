"""Whom a reminder of a run is for."""

from collections import defaultdict

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from bids.allocation import packs_to_buy
from bids.models.bidding import Bid
from bids.models.runs import Participation, Run
from stores.models import Offer


def whom_to_remind(runs):
    """`{run id: ids of people}` of collecting runs, in the same two queries for any number.

    Members of the group who take part and are not done, or who have not answered at all. Not those who left the run, or
    who have switched reminders off, for themselves or as a group.
    """
    silent = set(
        Participation.objects.filter(Q(is_ready=True) | Q(left_at__isnull=False), run__in=runs).values_list(
            "run_id", "user_id"
        )
    )
    found = defaultdict(set)
    for run, user in _wanting(runs):
        if (run, user) not in silent:
            found[run].add(user)
    return found


def _wanting(runs):
    """Run and member of its group, for those who want reminders."""
    wanting = Run.objects.filter(
        pk__in=runs,
        group__sends_reminders=True,
        group__memberships__user__wants_reminders=True,
        group__memberships__user__is_active=True,
    )
    return wanting.values_list("pk", "group__memberships__user")


def packs_to_fill(runs):
    """`{run id: {product id: missing}}` of those runs that are in their last stretch."""
    pack = Offer.objects.filter(product=OuterRef("product"), store=OuterRef("participation__run__store"))
    bids = Bid.objects.real().filter(participation__run__in=runs, participation__run__last_stretch_at__isnull=False)
    sums = bids.order_by().values("participation__run", "product", "product__name", "product__unit")
    sums = sums.annotate(wanted=Sum("quantity"), most=Sum(Coalesce("limit", "quantity")))
    sums = sums.annotate(pack=Subquery(pack.values("pack_size")[:1])).order_by("product__name", "product")
    found = defaultdict(dict)
    for row in sums.filter(pack__isnull=False):
        if missing := packs_to_buy(row["wanted"], row["most"], row["pack"]).missing:
            product = row["product__name"], str(missing), row["product__unit"]
            found[row["participation__run"]][row["product"]] = product
    return found


def who_could_fill(to_fill):
    """`{run id: ids of people}` who are done choosing but could fill a pack.

    They want some of it, or have wanted it in another run of this group to the same store.
    `to_fill` is what `packs_to_fill` found; the number of queries is the same for any number of runs.
    """
    if not to_fill:
        return {}
    left = Participation.objects.filter(left_at__isnull=False, run__in=to_fill).values_list("run_id", "user_id")
    ready = Participation.objects.filter(is_ready=True, run__in=to_fill).values_list("run_id", "user_id")
    wanting = set(_wanting(list(to_fill))) & set(ready) - set(left)
    places = defaultdict(list)
    for run, group, store in _places(to_fill):
        places[group, store].append(run)
    products = set().union(*to_fill.values())
    habits = Bid.objects.real().filter(product__in=products, participation__user__in={user for _run, user in wanting})
    habits = habits.filter(participation__run__group__in={group for group, _store in places})
    where = F("participation__run__group"), F("participation__run__store")
    found = defaultdict(set)
    for group, store, product, user in habits.values_list(*where, "product", "participation__user").distinct():
        for run in places.get((group, store), ()):
            if product in to_fill[run] and (run, user) in wanting:
                found[run].add(user)
    return found


def _places(runs):
    return Run.objects.filter(pk__in=runs).values_list("pk", "group", "store")
