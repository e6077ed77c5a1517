"""D4: what the database itself refuses, by raw SQL; and what lower bounds alone would let in."""

from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from bulq.kit.money import CENT
from stores.models import Offer, Price, Product, ReferencePrice, Store

from .factories import make_offer, make_product, make_store

WHEN = "2026-11-28"
GENERATION = "00000000-0000-4000-8000-000000000000"


def insert(model, **columns):
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join(["%s"] * len(columns))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})', [*columns.values()])


def product_row(**changes):
    row = {"name": "Rice", "name_key": "rice", "brand": "", "brand_key": "", "unit": "kg", "kind": "divisible"}
    row |= {"step": "0.5", "is_unit_fixed": False, "is_verified": False, "created_at": WHEN}
    return row | changes


def store_row(**changes):
    row = {"name": "Metro", "name_key": "metro", "chain": "", "address": "", "currency": "EUR"}
    row |= {"is_currency_fixed": False, "is_verified": False, "created_at": WHEN, "generation": GENERATION}
    return row | changes


def offer_row(**changes):
    return {"product_id": make_product().pk, "store_id": make_store().pk, "note": ""} | changes


def price_row(**changes):
    row = {"offer_id": make_offer(make_product(), make_store()).pk, "amount": "1", "quantity": "1", "note": ""}
    withdrawn = {"withdrawn_at": WHEN} if changes.get("amount") == "0" else {}
    return row | {"seen_at": WHEN, "is_of_purchase": False} | withdrawn | changes


def reference_row(**changes):
    row = {"product_id": make_product().pk, "currency": "EUR", "amount": "1", "quantity": "1", "shop": "Corner"}
    return row | {"seen_on": WHEN, "entered_at": WHEN} | changes


ROWS = {
    Product: product_row,
    Store: store_row,
    Offer: offer_row,
    Price: price_row,
    ReferencePrice: reference_row,
}
TEXTS = {Product: "name_key", ReferencePrice: "shop"}


def test_a_price_of_zero_has_to_be_withdrawn(db):
    with pytest.raises(IntegrityError, match="price_of_nothing_is_withdrawn"):
        insert(Price, **price_row(amount="0", withdrawn_at=None))


@pytest.mark.parametrize("model", ROWS)
def test_valid_rows_are_accepted(db, model):
    insert(model, **ROWS[model]())
    assert model.objects.count() >= 1


BOUNDS = [
    (Product, "step", "0.01", "1000"),
    (Offer, "pack_size", "0.01", "99999"),
    (Offer, "min_quantity", "0.01", "99999"),
    (Price, "amount", "0", "9999999.99"),  # a price of zero has to be withdrawn
    (Price, "quantity", "0.01", "99999"),
    (Price, "min_quantity", "0.01", "99999"),
    (ReferencePrice, "amount", "0.01", "9999999.99"),
    (ReferencePrice, "quantity", "0.01", "99999"),
]


@pytest.mark.parametrize(("model", "column", "low", "high"), BOUNDS)
def test_both_bounds_are_included(db, model, column, low, high):
    for value in (low, high):
        insert(model, **ROWS[model](**{column: value, TEXTS.get(model, "note"): value}))


@pytest.mark.parametrize(("model", "column", "low", "high"), BOUNDS)
@pytest.mark.parametrize("value", ["below", "above", "NaN"])
def test_values_out_of_bounds_are_refused_and_so_is_nan(db, model, column, low, high, value):
    value = {"below": Decimal(low) - CENT, "above": Decimal(high) + CENT}.get(value, value)
    refusal = f"{model._meta.model_name}_{column}_within|numeric field overflow"
    with pytest.raises((IntegrityError, DataError), match=refusal):
        insert(model, **ROWS[model](**{column: value}))


@pytest.mark.parametrize(("model", "column", "low", "high"), BOUNDS)
@pytest.mark.parametrize("value", ["Infinity", "-Infinity"])
def test_infinity_does_not_fit(db, model, column, low, high, value):
    with pytest.raises((DataError, IntegrityError)):
        insert(model, **ROWS[model](**{column: value}))


@pytest.mark.parametrize(("model", "column", "low", "high"), BOUNDS)
def test_without_the_upper_bound_nan_would_get_in(db, model, column, low, high):
    """Negative control."""
    name, table = f"{model._meta.model_name}_{column}_within", model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'ALTER TABLE {table} DROP CONSTRAINT "{name}", ADD CONSTRAINT "{name}" CHECK ({column} >= {low})'
        )
    insert(model, **ROWS[model](**{column: "NaN"}))


@pytest.mark.parametrize(
    ("model", "changes", "constraint"),
    [
        (Product, {"kind": "liquid", "step": "1"}, "product_kind_known"),
        (Product, {"kind": "", "step": "1"}, "product_kind_known"),
        (Product, {"kind": "counted", "step": "1.5"}, "product_counted_step_whole"),
        (Product, {"name_key": "taken"}, "one_product_of_a_name_and_brand"),
        (Store, {"name_key": "taken"}, "one_store_of_a_name"),
    ],
)
def test_an_impossible_row_is_refused(db, model, changes, constraint):
    make_product("Taken")
    make_store("Taken")
    with pytest.raises(IntegrityError, match=constraint):
        insert(model, **ROWS[model](**changes))


def test_the_same_name_of_another_brand_is_another_product(db):
    make_product("Taken")
    insert(Product, **product_row(name_key="taken", brand_key="tilda"))


def test_a_product_has_one_offer_at_a_store(db):
    offer = make_offer(make_product(), make_store())
    with pytest.raises(IntegrityError, match="one_offer"):
        insert(Offer, **offer_row(product_id=offer.product_id, store_id=offer.store_id))


def test_a_product_has_one_reference_price_in_a_currency(db):
    product = make_product()
    insert(ReferencePrice, **reference_row(product_id=product.pk))
    insert(ReferencePrice, **reference_row(product_id=product.pk, currency="RSD"))
    with pytest.raises(IntegrityError, match="one_reference_price"):
        insert(ReferencePrice, **reference_row(product_id=product.pk))


@pytest.mark.parametrize("model", [Product, Store, Offer])
def test_rows_in_use_cannot_be_deleted(db, model):
    make_offer(make_product(), make_store(), price=1)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
