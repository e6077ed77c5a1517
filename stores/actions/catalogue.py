"""Stores, products and offers: anyone can add them, some people can correct them."""

from contextlib import contextmanager
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext as _

from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.locks import busy_when_locked, locked
from stores.access import checked_correctable
from stores.models import Offer, Product, Store, guess_category

from .prices import record_price


@contextmanager
def _refused_when_known(**fields):
    """Refuse a write that violates a unique constraint, even against a concurrent one.

    `fields` has for the name of each constraint a sentence and the field it belongs to.
    """
    try:
        with transaction.atomic(), busy_when_locked():
            yield
    except IntegrityError as error:
        if (constraint := error.__cause__.diag.constraint_name) not in fields:
            raise
        problem, field = fields[constraint]
        raise BulqError(problem, field=field) from error


def _store_name_is_new():
    return _refused_when_known(one_store_of_a_name=(Store.already_known(), "name"))


def _product_is_new():
    return _refused_when_known(
        one_product_of_a_name_and_brand=(Product.already_known(), "name"),
        one_product_of_a_barcode=(Product.barcode_known(), "barcode"),
    )


def _offer_is_new():
    return _refused_when_known(one_offer=(_("This product is already listed at this store"), "store"))


@transaction.atomic
def create_store(*, by, name, currency, chain="", address=""):
    """Add a store. Refused when one of the same name exists, ignoring case and spaces."""
    with _store_name_is_new():
        return Store.objects.create(name=name, chain=chain, address=address, currency=currency, created_by=by)


@transaction.atomic
def change_store(store_id, *, by, seen, name, chain, address, currency=None):
    """Correct a store; its currency only before the first run or price.

    `seen` is the digest of what the person saw before.
    """
    store = _lock_correctable(Store, store_id, by, seen)
    currency = currency or store.currency
    if currency != store.currency and store.is_currency_fixed:
        params = {"currency": store.currency}
        raise BulqError(
            _("The currency can't change after the first run or price; it is %(currency)s.") % params, field="currency"
        )
    store.name, store.chain, store.address, store.currency = name, chain, address, currency
    with _store_name_is_new():
        store.save(update_fields=["name", "name_key", "chain", "address", "currency"])
    return store


@transaction.atomic
def create_product(*, by, name, unit, kind, step, brand="", barcode=None, category=None, offer=None):
    """Add a product, optionally with an offer (`offer`: arguments of `create_offer`); its category may be guessed.

    Refused when one of the same name and brand exists, ignoring case and spaces, or one of the same bar code.
    """
    values = {"name": name, "brand": brand, "unit": unit, "kind": kind, "step": step, "barcode": barcode}
    with _product_is_new():
        category_id = category.pk if category else guess_category(name)
        product = Product.objects.create(category_id=category_id, created_by=by, **values)
    if offer:
        create_offer(product, by=by, **offer)
    return product


@transaction.atomic
def change_product(product_id, *, by, seen, name, brand, step, barcode, category, unit=None, kind=None):
    """Correct a product; its unit and kind only before the first order or price.

    A new step applies to amounts entered from now on. `seen` is the digest of what the person saw before.
    """
    product = _lock_correctable(Product, product_id, by, seen)
    unit, kind = unit or product.unit, kind or product.kind
    if (unit, kind) != (product.unit, product.kind) and product.is_unit_fixed:
        raise BulqError(
            _("Unit and kind can't change once someone has ordered this product or logged a price."),
            field="unit" if unit != product.unit else "kind",
        )
    product.name, product.brand, product.unit, product.kind, product.step = name, brand, unit, kind, step
    product.barcode, product.category = barcode, category
    with _product_is_new():
        product.save(update_fields=[*Product.shown, "name_key", "brand_key"])
    return product


@transaction.atomic
def create_offer(product, *, by, store, pack_size=None, min_quantity=None, note="", amount=None, quantity=None):
    """Add a product to a store, optionally with a first price.

    Refused when the offer exists; then correct it, or add a price.
    """
    with _offer_is_new():
        offer = Offer.objects.create(
            product=product, store=store, pack_size=pack_size, min_quantity=min_quantity, note=note
        )
    if amount is not None:
        record_price(product, store, amount=amount, quantity=quantity or pack_size or Decimal(1), by=by)
    return offer


@transaction.atomic
def change_offer(offer_id, *, seen, pack_size, min_quantity, note):
    """Correct pack, minimum and note; anyone may."""
    offer = _lock(Offer, offer_id)
    _check_seen(offer, seen)
    offer.pack_size, offer.min_quantity, offer.note = pack_size, min_quantity, note
    offer.save(update_fields=["pack_size", "min_quantity", "note"])
    return offer


def _lock(model, pk):
    try:
        return locked(model.objects, pk=pk)
    except model.DoesNotExist:
        raise Http404 from None


def _lock_correctable(model, pk, by, seen):
    thing = checked_correctable(_lock(model, pk), by)
    _check_seen(thing, seen)
    return thing


def _check_seen(thing, seen):
    if thing.shown_digest != seen:
        raise ChangedMeanwhile(_("Someone changed this while your page was open. Compare, then save again."))
