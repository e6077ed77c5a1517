"""The only way to the catalogue. Everyone who is logged in may see all of it; only some may correct it."""

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from bulq.kit.errors import NotAllowed

from .models import Offer, Price, Product, Store


def get_store(store_id):
    return get_object_or_404(Store, pk=store_id)


def get_product(product_id):
    return get_object_or_404(Product.objects.select_related("category"), pk=product_id)


def get_offer(offer_id):
    return get_object_or_404(Offer.objects.select_related("product", "store"), pk=offer_id)


def get_price(price_id):
    return get_object_or_404(Price.objects.select_related("offer"), pk=price_id)


def get_store_corrected_by(user, store_id):
    return checked_correctable(get_store(store_id), user)


def get_product_corrected_by(user, product_id):
    return checked_correctable(get_product(product_id), user)


def may_correct(thing, user):
    return user.is_staff or (not thing.is_verified and thing.created_by_id == user.pk)


def checked_correctable(thing, user):
    """Return a store or product if the person may correct it; `NotAllowed` says who may."""
    if may_correct(thing, user):
        return thing
    if thing.is_verified:
        raise NotAllowed(_("%(name)s is verified. Only a site admin can change it.") % {"name": thing})
    raise NotAllowed(_("Only the person who added %(name)s and site admins can change it.") % {"name": thing})
