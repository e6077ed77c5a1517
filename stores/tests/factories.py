from decimal import Decimal
from itertools import count

from stores.models import Offer, Price, Product, Store

_numbers = count(1)


def make_store(name=None, *, currency="EUR", **fields):
    return Store.objects.create(name=name or f"Metro {next(_numbers):05}", currency=currency, **fields)


def make_product(name=None, *, unit="piece", kind=Product.Kind.COUNTED, step=1, **fields):
    return Product.objects.create(
        name=name or f"Product {next(_numbers):05}", unit=unit, kind=kind, step=Decimal(step), **fields
    )


def make_weighed_product(name=None, **fields):
    return make_product(name, **{"unit": "kg", "kind": Product.Kind.DIVISIBLE, "step": "0.5"} | fields)


def make_offer(product, store, *, pack_size=None, price=None, quantity=1, **fields):
    offer = Offer.objects.create(product=product, store=store, pack_size=pack_size, **fields)
    if price is not None:
        Price.objects.create(offer=offer, amount=Decimal(price), quantity=Decimal(quantity))
    return offer
