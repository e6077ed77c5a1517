"""Offers of what is merged: of two at one store, one stays with the prices of both."""

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from bulq.kit.money import format_quantity
from bulq.kit.names import listed
from stores.models import Offer, Price

TERMS = ("pack_size", "min_quantity", "note")
OTHER = {"product": "store", "store": "product"}
BATCH = 1000  # rows in one statement


def unite_offers(plan, source, target, *, of):
    """Bring the offers of the source to the target, which are both a product or both a store (`of`)."""
    other = f"{OTHER[of]}_id"
    both = Offer.objects.filter(**{of: target}).values(other)
    offers = Offer.objects.filter(**{of: source})
    clashing = {getattr(offer, other): offer for offer in offers.filter(**{f"{other}__in": both})}
    gone = [offer.pk for offer in clashing.values()]
    if gone:
        same_place = Subquery(Offer.objects.filter(pk=OuterRef(OuterRef("offer_id"))).values(other))
        kept = Subquery(Offer.objects.filter(**{of: target, other: same_place}).values("pk"))
        plan.move(Price.objects.filter(offer__in=gone), offer_id=kept)
        _unite_terms(plan, clashing, Offer.objects.filter(**{of: target, f"{other}__in": clashing}), other)
        Offer.objects.filter(pk__in=gone).delete_unused()
    plan.move(offers, **{of: target})


def _unite_terms(plan, clashing, offers, other):
    """Pack, minimum and note of the target stay where it has them."""
    changed = []
    for kept in offers.select_related("product", "store").order_by("pk"):
        gone, lost, before = clashing[getattr(kept, other)], [], [getattr(kept, name) for name in TERMS]
        for name in TERMS:
            mine, theirs = getattr(kept, name), getattr(gone, name)
            if mine in (None, ""):
                setattr(kept, name, theirs)
            elif theirs not in (None, "", mine):
                shown = theirs if name == "note" else format_quantity(theirs)
                lost.append(f"{Offer._meta.get_field(name).verbose_name}: {shown}")
        if before != [getattr(kept, name) for name in TERMS]:
            changed.append(kept)
        if lost:
            plan.united.append(
                _("%(product)s at %(store)s keeps its terms. These go: %(lost)s.")
                % {"product": kept.product, "store": kept.store, "lost": listed(lost)}
            )
    if changed:
        Offer.objects.bulk_update(changed, TERMS, batch_size=BATCH)
