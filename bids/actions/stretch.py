"""The last stretch before a run closes: only full packs from then on."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from bids import states
from bids.access import lock_run_led
from bids.allocation import packs_to_buy
from bids.models import Bid
from bulq.kit.money import format_quantity, format_range
from stores.models import Offer

from .history import happened, record
from .runs import check_state

ZERO = Decimal(0)


@transaction.atomic
def set_last_stretch(run, on, *, by):
    """Only full packs from now on, or not any more. Idempotent; everyone in the run is told."""
    run = lock_run_led(run, by=by)
    check_state(run, *states.COLLECTING)
    if bool(run.last_stretch_at) != on:
        run.last_stretch_at = timezone.now() if on else None
        run.last_stretch_hours = None  # what a person decides, the clock leaves alone
        run.save(update_fields=["last_stretch_at", "last_stretch_hours"])
        told = run.participations.current().values_list("user_id", flat=True)
        record(run, happened("last_stretch" if on else "last_stretch_over"), by=by, concerns=set(told))
    return run


class LastStretch:
    """Holds it for the products of one form, under the lock of the run: nobody but the leader makes packs emptier."""

    def __init__(self, run, products, *, by):
        self.run, self.packs, self.sums = run, {}, {}
        if run.last_stretch_at and run.leader_id != by.pk:
            offers = Offer.objects.filter(store=run.store_id, product__in=products, pack_size__isnull=False)
            self.packs = dict(offers.values_list("product", "pack_size"))
        if self.packs:
            bids = Bid.objects.of_run(run).real().filter(product__in=self.packs).order_by().values_list("product")
            sums = bids.annotate(wanted=Sum("quantity"), most=Sum(Coalesce("limit", "quantity")))
            self.sums = {product: (wanted, most) for product, wanted, most in sums}

    def problems(self, product, bid, quantity, limit):
        """Sentences about why a bid (None for a new one) may not become this, and what would be fine instead."""
        pack = self.packs.get(product.pk)
        if not pack:
            return []
        wanted, most = self.sums.get(product.pk, (ZERO, ZERO))
        was, was_most = (bid.quantity or ZERO, bid.most or ZERO) if bid else (ZERO, ZERO)
        will = quantity or ZERO
        more, more_most = will - was, (limit or will) - was_most
        missing = packs_to_buy(wanted + more, most + more_most, pack).missing
        if missing <= packs_to_buy(wanted, most, pack).missing:
            return []
        params = {"short": format_quantity(missing), "leader": self.run.leader.name}
        params |= {"was": format_range(was, bid.limit if bid else None), "fill": format_quantity(will + missing)}
        if more > 0 and not missing % product.step:
            text = _(
                "Not taken: then %(short)s would be missing for full packs. Stay at %(was)s, take %(fill)s, "
                "say that up to %(fill)s is fine, or ask %(leader)s."
            )
        else:
            text = _("Not taken: then %(short)s would be missing for full packs. Stay at %(was)s, or ask %(leader)s.")
        return [text % params]
