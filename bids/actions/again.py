"""A run is begun again from a past one, and people order what they had last time."""

from django.db import transaction
from django.utils.translation import gettext as _

from bids.access import lock_run, lock_run_led
from bids.models import Bid
from bids.reading.again import last_time
from bulq.kit.errors import BulqError, ChangedMeanwhile

from .bidding import Wish, place_bids, terms_of
from .history import happened, record


@transaction.atomic
def order_last_time(run, *, by):
    """Order all that this person had last time and has not on the order now, with limits and preferences.

    Returns the event by which it can be undone (None if there was nothing), and the names of what could not be ordered.
    """
    run = lock_run(run, by=by)
    mine = Bid.objects.of_run(run).real().filter(participation__user=by)
    here = set(mine.values_list("product", flat=True))
    bids = [bid for bid in last_time(run, by).bids.values() if bid.product_id not in here]
    if not bids:
        return None, []
    wishes = [Wish(bid.product_id, bid.quantity, terms=terms_of(bid)) for bid in bids]
    outcome = place_bids(run, wishes, by=by)
    left_out = [bid.product.name for bid in bids if bid.product_id in outcome.refusals]
    taken = [bid for bid in bids if bid.product_id not in outcome.refusals]
    if not taken:
        return None, left_out
    event = happened("last_time", products=[bid.product_id for bid in taken], count=len(taken))
    record(run, event, by=by)
    return event, left_out


@transaction.atomic
def undo_last_time(run, event, *, by):
    """Take off the order again what is still as it was ordered. Returns how many."""
    run = lock_run(run, by=by)
    then = last_time(run, by).bids
    mine = Bid.objects.of_run(run).filter(participation__user=by, product__in=event.data["products"])
    untouched = [bid for bid in mine if bid.product_id in then and bid.quantity == then[bid.product_id].quantity]
    if not untouched:
        raise ChangedMeanwhile(_("Your order has changed since, so nothing was taken off."))
    outcome = place_bids(run, [Wish(bid.product_id, 0) for bid in untouched], by=by)
    if outcome.refusals:
        raise BulqError(" ".join(next(iter(outcome.refusals.values()))))
    return len(untouched)


@transaction.atomic
def drop_list(run, *, by):
    """The products of the past run that nobody wants leave the list. Idempotent."""
    run = lock_run_led(run, by=by)
    if run.brings_list:
        run.brings_list = False
        run.save(update_fields=["brings_list"])
        record(run, happened("list_dropped"), by=by)
