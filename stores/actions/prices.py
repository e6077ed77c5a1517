"""Price observations: recorded, corrected, withdrawn. And what is paid elsewhere, to compare with."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.kit.locks import busy_when_locked, locked
from stores.models import Offer, Price, Product, ReferencePrice, Store


@transaction.atomic
def record_price(product, store, *, amount, quantity, by, min_quantity=None, note="", is_of_purchase=False):
    """Note that `quantity` of a product was seen at a store for `amount`; makes the offer if there is none.

    Fixes the unit of the product and the currency of the store. Refused for an amount of 0. The latest observation is
    the current price: any dated in the future, by a clock that was fast, are moved back to now first.
    """
    _refuse_nothing(amount)
    with busy_when_locked():
        Product.objects.filter(pk=product.pk, is_unit_fixed=False).update(is_unit_fixed=True)
        Store.objects.filter(pk=store.pk, is_currency_fixed=False).update(is_currency_fixed=True)
    offer, _made = Offer.objects.get_or_create(product=product, store=store)
    offer.prices.filter(seen_at__gt=Now()).update(seen_at=Now())
    return Price.objects.create(
        offer=offer,
        amount=amount,
        quantity=quantity,
        min_quantity=min_quantity,
        note=note,
        seen_by=by,
        is_of_purchase=is_of_purchase,
    )


@transaction.atomic
def log_price(offer, *, by, amount, quantity, min_quantity=None, note=""):
    """Record a price seen outside a run. Refused when unit, kind or currency have changed since the page was shown."""
    product, store = locked(Product.objects, pk=offer.product_id), locked(Store.objects, pk=offer.store_id)
    seen = (offer.product.unit, offer.product.kind, offer.store.currency)
    if (product.unit, product.kind, store.currency) != seen:
        raise ChangedMeanwhile(_("The unit or the currency has changed. Please check the price again."))
    return record_price(product, store, amount=amount, quantity=quantity, min_quantity=min_quantity, note=note, by=by)


def correct_price(price, *, amount, quantity):
    """Update the observation of a purchase that was corrected."""
    price.amount, price.quantity = amount, quantity
    price.save(update_fields=["amount", "quantity"])


def retract_price(price):
    """Mark an observation as withdrawn; it is never deleted."""
    if price.withdrawn_at is None:
        price.withdrawn_at = timezone.now()
        price.save(update_fields=["withdrawn_at"])


@transaction.atomic
def withdraw_price(price, *, by):
    """Withdraw a price that `by` has logged. The price of a purchase is withdrawn with the purchase instead."""
    price = _lock_logged(price, by)
    retract_price(price)
    return price


@transaction.atomic
def restore_price(price, *, by):
    """Undo `withdraw_price`."""
    price = _lock_logged(price, by)
    _refuse_nothing(price.amount)
    price.withdrawn_at = None
    price.save(update_fields=["withdrawn_at"])
    return price


@transaction.atomic
def set_reference_price(product, *, by, seen, currency, amount, quantity, shop, seen_on):
    """Note what a product costs elsewhere, which what is paid in runs is compared with. Anyone may.

    Fixes the unit of the product. `seen` is the digest of what the page showed and this overwrites; refused when it has
    changed since, or the unit has.
    """
    stored = locked(Product.objects, pk=product.pk)
    if (stored.unit, stored.kind) != (product.unit, product.kind):
        raise ChangedMeanwhile(_("The unit has changed. Please check the price again."))
    known = ReferencePrice.objects.filter(product=stored, currency=currency).first()
    if known and known.shown_digest != seen:
        raise ChangedMeanwhile(_("Someone changed this while your page was open. Compare, then save again."))
    Product.objects.filter(pk=product.pk, is_unit_fixed=False).update(is_unit_fixed=True)
    values = {"amount": amount, "quantity": quantity, "shop": shop, "seen_on": seen_on, "entered_by": by}
    return ReferencePrice.objects.update_or_create(product=stored, currency=currency, defaults=values)[0]


def _refuse_nothing(amount):
    if not amount:
        raise BulqError(_("Something that was free has no price."), field="amount")


def _lock_logged(price, by):
    price = locked(Price.objects.all(), pk=price.pk)
    if price.seen_by_id != by.pk:
        raise NotAllowed(_("Only the person who logged a price can withdraw it."))
    if price.is_of_purchase:
        raise BulqError(_("This price belongs to a purchase. Correct or undo the purchase instead."))
    return price
