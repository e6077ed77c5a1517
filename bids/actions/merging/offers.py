"""Offers of what is merged: of two at one store, one stays with the prices of both."""

from django.utils.translation import gettext as _

from bulq.kit.names import listed
from stores.models import Offer, Price

TERMS = ("pack_size", "min_quantity", "note")


def unite_offers(plan, offers, **onto):
    """Bring `offers` of the source to the product or the store that `onto` names."""
    for offer in offers.select_related("product", "store").order_by("pk"):
        place = {"product": offer.product_id, "store": offer.store_id} | {name: row.pk for name, row in onto.items()}
        kept = Offer.objects.filter(**place).select_related("product", "store").first()
        if kept is None:
            plan.move(Offer.objects.filter(pk=offer.pk), **onto)
            continue
        plan.move(Price.objects.filter(offer=offer), offer=kept)
        _unite_terms(plan, kept, offer)
        offer.delete()


def _unite_terms(plan, kept, offer):
    """Pack, minimum and note of the target stay where it has them."""
    lost = []
    for name in TERMS:
        mine, other = getattr(kept, name), getattr(offer, name)
        if mine in (None, ""):
            setattr(kept, name, other)
        elif other not in (None, "", mine):
            lost.append(f"{Offer._meta.get_field(name).verbose_name}: {other}")
    kept.save(update_fields=TERMS)
    if lost:
        plan.united.append(
            _("%(product)s at %(store)s keeps its terms. These go: %(lost)s.")
            % {"product": kept.product, "store": kept.store, "lost": listed(lost)}
        )
