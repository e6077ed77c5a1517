"""Pages of the catalogue as everyone sees them, kept in the cache: nothing in them depends on who looks.

A kept page gives plain values, which have of their rows what is shown. Searching is left to the database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.paginator import Paginator
from django.db import models
from django.db.models import FilteredRelation, Q

from bulq.kit.cache import remembered
from bulq.kit.prepared import prepared
from stores.models import Category, Offer, Product, Store
from stores.models.generations import PRODUCTS, STORES, token_of
from stores.models.prices import current_price

# Raised by one when what is kept means something else from now on.
SCHEMA = 2
STORE_COLUMNS = ("id", "name", "chain", "address", "currency", "is_verified")
PRODUCT_COLUMNS = ("id", "name", "brand", "unit", "kind", "step", "is_verified")
OFFER_COLUMNS = ("id", "pack_size", "min_quantity", "note")
PRICE_COLUMNS = ("current_amount", "current_quantity", "current_seen_at")


@dataclass(frozen=True, slots=True)
class StoreLine:
    pk: int
    name: str
    chain: str
    address: str
    currency: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class ProductLine:
    pk: int
    name: str
    brand: str
    unit: str
    kind: str
    step: Decimal
    is_verified: bool

    @property
    def grain(self):
        return Product.grain_of(self.kind)

    def __str__(self):
        return f"{self.name} ({self.brand})" if self.brand else self.name


@dataclass(frozen=True, slots=True)
class OfferLine:
    """With its current price, as `with_current_price` gives it; when it was seen is read for lists of a store only."""

    pk: int
    product: ProductLine
    pack_size: Decimal | None
    min_quantity: Decimal | None
    note: str
    current_amount: Decimal | None = None
    current_quantity: Decimal | None = None
    current_seen_at: datetime | None = None


def lines_at(store_id, product_ids):
    """`{product id: (product, its offer at the store or None)}`, read from the database."""
    width, lines = len(PRODUCT_COLUMNS), {}
    for row in _rows_at(store_id, list(product_ids)):
        product = ProductLine(*row[:width])
        lines[product.pk] = product, None if row[width] is None else OfferLine(row[width], product, *row[width + 1 :])
    return lines


@prepared
def _rows_at(store, products):
    rows = Product.objects.filter(pk__any=products)
    rows = rows.annotate(here=FilteredRelation("offers", condition=Q(offers__store=store)))
    offer_columns = [f"here__{name}" for name in OFFER_COLUMNS]
    price_columns = ("current_amount", "current_quantity")
    return rows.annotate(**current_price("here")).values_list(*PRODUCT_COLUMNS, *offer_columns, *price_columns)


def stores_page(number, per_page):
    """A page of all stores, in the order of an empty search."""
    rows = Store.objects.search("")
    return KeptList("stores", lambda: token_of(STORES), rows, _write_stores, _read_store).page(number, per_page)


def first_stores():
    """What is offered before anyone types a name."""
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
        return [_columns(product, PRODUCT_COLUMNS) + _offer_columns(offers.get(product.pk)) for product in products]

    def state():
        return f"{_generation(store)}:{token_of(PRODUCTS)}"

    rows = Product.objects.search("").sold_first_at(store.pk)
    return KeptList(f"picker:{store.pk}", state, rows, write, _read_choice).page(number, per_page)


def used_categories():
    """Categories that have products, in their order."""
    return list(Category.objects.filter(models.Exists(Product.objects.filter(category=models.OuterRef("pk")))))


def categories_of(product_ids):
    """`{product id: its category}` of those that have one."""
    rows = Product.objects.filter(pk__in=list(product_ids), category__isnull=False).select_related("category")
    return {product.pk: product.category for product in rows.only("category")}


def _generation(store):
    return _generations(store.pk)[0][0]


@prepared
def _generations(store):
    return Store.objects.filter(pk=store).values_list("generation")


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
            lambda kept: [self.read(row) for row in _list(kept)],
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
    return _columns(offer, OFFER_COLUMNS) + _columns(offer, PRICE_COLUMNS)


def _write_stores(stores):
    return [_columns(store, STORE_COLUMNS) for store in stores]


def _write_offers(offers):
    return [_columns(offer.product, PRODUCT_COLUMNS) + _offer_columns(offer) for offer in offers]


def _read_store(texts):
    pk, name, chain, address, currency, is_verified = _texts(texts)
    return StoreLine(int(pk), name, chain, address, currency, _flag(is_verified))


def _read_choice(texts):
    pk, name, brand, unit, kind, step, is_verified, offer, *rest = _texts(texts)
    product = ProductLine(int(pk), name, brand, unit, kind, Decimal(step), _flag(is_verified))
    return product, _offer(product, offer, *rest) if offer is not None else None


def _offer(product, pk, pack_size, min_quantity, note, amount, quantity, seen_at):
    price = (Decimal(amount), Decimal(quantity), datetime.fromisoformat(seen_at)) if amount is not None else ()
    return OfferLine(int(pk), product, _decimal(pack_size), _decimal(min_quantity), note, *price)


def _read_offer(texts):
    offer = _read_choice(texts)[1]
    return offer if offer else _no_list()


def _decimal(text):
    return None if text is None else Decimal(text)


def _flag(text):
    return {"True": True, "False": False}[text]


def _texts(kept):
    return kept if isinstance(kept, list) and all(text is None or type(text) is str for text in kept) else _no_list()


def _list(kept):
    return kept if isinstance(kept, list) else _no_list()


def _no_list():
    raise TypeError("not what is kept here")


def _whole_number(kept):
    return kept if type(kept) is int and kept >= 0 else _no_list()
