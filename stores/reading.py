"""Pages of the catalogue as everybody sees them, kept in the cache: nothing in them depends on who looks.

A kept page gives rows like those of the database, made from their shown columns. Searching is left to the database.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db import models

from bulq.kit.cache import remembered

from .models import Offer, Price, Product, Store
from .models.generations import PRODUCTS, STORES, token_of

# Raised by one when what is kept means something else from now on.
SCHEMA = 1
STORE_COLUMNS = ("id", "name", "chain", "address", "currency", "is_verified")
PRODUCT_COLUMNS = ("id", "name", "brand", "unit", "kind", "step", "is_verified")
OFFER_COLUMNS = ("id", "pack_size", "min_quantity", "note")
PRICE_COLUMNS = ("amount", "quantity", "seen_at")


def stores_page(number, per_page):
    """A page of all stores, in the order of an empty search."""
    rows = Store.objects.search("")
    return KeptList("stores", lambda: token_of(STORES), rows, _write_stores, _read_store).page(number, per_page)


def first_stores():
    """What is offered before anybody types a name."""
    return stores_page(1, 20).object_list


def offers_page(store, number, per_page):
    """A page of what is sold at the store, by name, with product and current price."""
    rows = Offer.objects.filter(store=store).select_related("product").with_current_price().of_products_like("")
    kept = KeptList(f"offers:{store.pk}", lambda: _generation(store), rows, _write_offers, _read_offer)
    return kept.page(number, per_page)


def picker_page(store, number, per_page):
    """A page of all products, those sold at the store first, as pairs `(product, offer or None)`."""

    def write(products):
        offers = Offer.objects.filter(store=store, product__in=products).select_related("product").with_current_price()
        offers = {offer.product_id: offer for offer in offers}
        return [_columns(one, PRODUCT_COLUMNS) + _offer_columns(offers.get(one.pk)) for one in products]

    def state():
        return f"{_generation(store)}:{token_of(PRODUCTS)}"

    rows = Product.objects.search("").sold_first_at(store.pk)
    return KeptList(f"picker:{store.pk}", state, rows, write, _read_choice).page(number, per_page)


def _generation(store):
    return Store.objects.values_list("generation", flat=True).get(pk=store.pk)


@dataclass
class KeptList:
    """`rows` under the token that `state()` tells. `write(rows)` makes texts of each, `read(one)` a row again."""

    key: str
    state: Callable
    rows: models.QuerySet
    write: Callable
    read: Callable

    def page(self, number, per_page):
        token = self.state()
        count = self._kept("count", token, self.rows.count, _whole_number)
        page = Paginator(range(count), per_page).get_page(number)
        first = (page.number - 1) * per_page
        part = f"{per_page}:{page.number}"
        page.object_list = self._kept(
            part,
            token,
            lambda: self.write(list(self.rows[first : first + per_page])),
            lambda kept: [self.read(one) for one in _list(kept)],
        )
        return page

    def _kept(self, part, token, compute, restore):
        key = f"{SCHEMA}:{self.key}:{part}"
        return remembered(key, token, state=self.state, compute=compute, restore=restore)


# --- Rows as lists of text, and back ---------------------------------------------------------------
def _columns(row, names):
    return [None if (value := getattr(row, name)) is None else str(value) for name in names]


def _offer_columns(offer):
    if offer is None:
        return [None] * (len(OFFER_COLUMNS) + len(PRICE_COLUMNS))
    return _columns(offer, OFFER_COLUMNS) + _columns(offer, [f"current_{name}" for name in PRICE_COLUMNS])


def _write_stores(stores):
    return [_columns(store, STORE_COLUMNS) for store in stores]


def _write_offers(offers):
    return [_columns(offer.product, PRODUCT_COLUMNS) + _offer_columns(offer) for offer in offers]


def _values(model, names, texts):
    fields = ((name, model._meta.get_field(name)) for name in names)
    return {name: field.to_python(text) for (name, field), text in zip(fields, texts, strict=True)}


def _read_store(texts):
    return Store(**_values(Store, STORE_COLUMNS, _list(texts)))


def _read_choice(texts):
    own, rest = _list(texts)[: len(PRODUCT_COLUMNS)], texts[len(PRODUCT_COLUMNS) :]
    product = Product(**_values(Product, PRODUCT_COLUMNS, own))
    said, price = rest[: len(OFFER_COLUMNS)], rest[len(OFFER_COLUMNS) :]
    offer = Offer(product=product, **_values(Offer, OFFER_COLUMNS, said))
    for name, value in _values(Price, PRICE_COLUMNS, price).items():
        setattr(offer, f"current_{name}", value)
    if offer.current_amount is not None:
        offer.current_unit_price = offer.current_amount / offer.current_quantity
    return product, offer if offer.pk else None


def _read_offer(texts):
    return _read_choice(texts)[1]


def _list(kept):
    if not isinstance(kept, list):
        raise TypeError("not what is kept here")
    return kept


def _whole_number(kept):
    if type(kept) is not int or kept < 0:
        raise TypeError("no number of rows")
    return kept
