"""What an import writes, and that the same file again changes nothing (spec 100, K2)."""

import csv
import io
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.racing import race
from bulq.kit.errors import BulqError
from bulq.kit.tables import text_of, write_rows
from stores.actions.catalogue import create_product
from stores.actions.prices import record_price
from stores.models import Category, Offer, Price, Product, Store
from stores.models.generations import PRODUCTS, Generation
from stores.reading.offers import offer_rows

from .bringing import EAN, brought, counts, everything
from .factories import make_offer, make_product, make_store, make_weighed_product

DIVISIBLE = {"kind": "divisible", "step": Decimal("0.5")}
pytestmark = pytest.mark.django_db


# --- What is written -------------------------------------------------------------------------------
def test_a_line_becomes_a_product_an_offer_and_a_price(metro, categories):
    report = brought(
        metro,
        "name;brand;unit;kind;step;barcode;category;pack size;minimum;note;price;quantity;day;currency\n"
        f'"Rice; long";Tilda;kg;divisible;0,25;{EAN};Jars and tins;10;2,5;aisle 4;"1.234,50";10;31.5.2025;eur\n',
    )
    assert counts(report) == {"new": 1}
    product, offer, price = Product.objects.get(), Offer.objects.get(), Price.objects.get()
    assert (product.name, product.brand, product.unit, product.kind) == ("Rice; long", "Tilda", "kg", "divisible")
    assert (product.step, product.barcode, product.category.name) == (Decimal("0.25"), EAN.zfill(14), "Jars and tins")
    assert (offer.store, offer.pack_size, offer.min_quantity, offer.note) == (metro, 10, Decimal("2.5"), "aisle 4")
    assert (price.amount, price.quantity, timezone.localdate(price.seen_at)) == (
        Decimal("1234.5"),
        10,
        date(2025, 5, 31),
    )
    metro.refresh_from_db()
    assert product.is_unit_fixed and metro.is_currency_fixed


def test_what_is_left_empty_is_as_usual(metro, categories):
    brought(metro, "name,unit,price,pack size\nCheddar,кг,9.90,\nOlive oil,kom.,30,6\n")
    cheese, oil = Product.objects.order_by("name")
    assert (cheese.unit, cheese.kind, cheese.step) == ("kg", "divisible", Decimal("0.5"))
    assert cheese.category.name == "Milk, cheese and eggs"
    assert (oil.unit, oil.kind, oil.step) == ("piece", "counted", 1)
    assert [price.quantity for price in Price.objects.order_by("quantity")] == [1, 6]
    assert {timezone.localdate(price.seen_at) for price in Price.objects.all()} == {timezone.localdate()}


def test_products_are_matched_by_bar_code_then_by_name_and_brand(metro):
    by_code = make_product("Chickpeas", barcode=EAN.zfill(14))
    by_name = make_product("Olive Oil", brand="Oro")
    report = brought(metro, f"name,brand,unit,barcode,note\nLeblebije,,piece,{EAN},a\n OLIVE  oil,ORO,,12345670,b\n")
    assert counts(report) == {"new": 2}
    assert set(Offer.objects.values_list("product", "note")) == {(by_code.pk, "a"), (by_name.pk, "b")}
    by_code.refresh_from_db()
    by_name.refresh_from_db()
    assert (by_code.name, by_name.name, by_name.barcode) == ("Chickpeas", "Olive Oil", "12345670".zfill(14))


def test_a_filled_cell_corrects_and_an_empty_one_leaves_alone(metro, categories):
    product = make_weighed_product("Rice")
    make_offer(product, metro, pack_size=5, note="aisle 4", price="3")
    report = brought(metro, "name,step,pack size,note,category\nRice,0.1,10,,Jars and tins\n")
    assert counts(report) == {"changed": 1}
    product.refresh_from_db()
    offer = Offer.objects.get()
    assert (product.step, product.category.name, offer.pack_size, offer.note) == (
        Decimal("0.1"),
        "Jars and tins",
        10,
        "aisle 4",
    )


def test_prices_are_of_their_day_and_the_last_day_is_current(metro):
    lines = ["Rice,kg,3,2025-05-01", "Rice,kg,4,2025-05-20", "Rice,kg,3.5,2025-05-10", "Rice,kg,4,2025-05-20"]
    text = "\n".join(["name,unit,price,day", *lines])
    assert counts(brought(metro, text)) == {"new": 1, "changed": 2, "equal": 1}
    assert Offer.objects.with_current_price().get().current_amount == 4
    assert Price.objects.count() == 3


def test_todays_price_is_current_and_none_stays_in_the_future(metro):
    offer = make_offer(make_product("Rice"), metro)
    Price.objects.create(offer=offer, amount=9, quantity=1, seen_at=timezone.now() + timedelta(hours=2))
    brought(metro, "name,price\nRice,4\n")
    assert Offer.objects.with_current_price().get().current_amount == 4
    assert not Price.objects.filter(seen_at__gt=timezone.now()).exists()


def test_a_withdrawn_price_does_not_come_back(metro):
    offer = make_offer(make_product("Rice"), metro, price="4")
    offer.prices.update(withdrawn_at=timezone.now())
    assert counts(brought(metro, "name,price\nRice,4\n")) == {"equal": 1}


def test_lists_are_renewed_once_a_batch_and_only_by_changes(metro):
    other = make_store()
    make_offer(make_product("Olive oil", unit="bottle"), other)
    text = "name,unit,step,price\nOlive oil,bottle,2,3\nRice,kg,,4\n"

    def tokens():
        lists = Generation.objects.filter(name=PRODUCTS)
        return set(Store.objects.values_list("generation")), set(lists.values_list("token"))

    before = tokens()
    brought(metro, text, is_rehearsal=True)
    assert tokens() == before
    brought(metro, text)
    after = tokens()
    assert not (after[0] & before[0]) and not (after[1] & before[1]), "the product is shown by the other store too"
    brought(metro, text)
    assert tokens() == after


# --- Twice is once ---------------------------------------------------------------------------------
MESSY = (
    "name,brand,unit,barcode,pack size,note,price,day\n"
    f"Rice,Tilda,kg,{EAN},10,aisle 4,3.20,2025-05-01\n"
    "Rice,Tilda,kg,,12,other,3.20,2025-05-01\n"  # says something else about the same product
    "Rice,,kg,,,,3,2025-05-01\n"
    "RICE ,tilda,,,,,3.30,2025-05-02\n"
    f"Pasta,,pack,{EAN},,,1,\n"  # another product's bar code: the same product, in another unit
    "Pasta,,pack,,,,,\n"
    "Oil,,bottle,,2.5,,4,\n"  # counted
    "Bad,,kg,,,,1.234,\n"
)


def test_twice_is_once(metro):
    first = brought(metro, MESSY)
    assert counts(first) == {"new": 3, "changed": 1, "skipped": 4}
    before = everything()
    second = brought(metro, MESSY)
    assert counts(second) == {"equal": 4, "skipped": 4}
    assert second.reasons == first.reasons and everything() == before


def test_lines_of_one_product_in_two_batches_agree_with_those_in_one(metro, monkeypatch):
    monkeypatch.setattr("stores.importing.bringing.BATCH", 1)
    test_twice_is_once(metro)


def test_a_dry_run_says_the_same_and_changes_nothing(metro, monkeypatch):
    monkeypatch.setattr("stores.importing.bringing.BATCH", 3)
    before = everything()
    dry = brought(metro, MESSY, is_rehearsal=True)
    assert everything() == before
    real = brought(metro, MESSY)
    assert (dry.counts, dry.reasons) == (real.counts, real.reasons)


def test_what_was_exported_changes_nothing(metro, categories):
    odd = ["=1+1", "-5 °C", "'=x", "oil;=1", 'oil";"=1', "Šećer, žuti", "@home", "a 'quoted' name", "１２"]
    for number, name in enumerate(odd):
        product = make_product(name, brand=name[::-1], category=Category.objects.first() if number % 2 else None)
        make_offer(product, metro, pack_size=number + 1, price="1234.50", quantity=3, note=name, min_quantity=2)
    for unit in ("кг", "Kom", "bunch"):
        make_offer(make_product(f"of {unit}", unit=unit, barcode=None), metro)
    product = make_weighed_product("Weighed", barcode=EAN.zfill(14), step="0.25")
    offer = make_offer(product, metro, pack_size="2.5", price="0.01", quantity="0.75")
    offer.prices.update(seen_at=timezone.now() - timedelta(days=40))
    before, file = everything(), io.StringIO(newline="")
    write_rows(file, offer_rows(metro))
    report = brought(metro, file.getvalue())
    assert counts(report) == {"equal": 13} and report.not_read == [] and everything() == before
    assert "'=1+1" in file.getvalue()


def test_what_was_exported_can_be_brought_to_another_store(metro):
    make_offer(make_product("Rice", brand="Tilda"), metro, pack_size=6, price="12", quantity=6)
    file, other = io.StringIO(newline=""), make_store()
    write_rows(file, offer_rows(metro))
    assert counts(brought(other, file.getvalue())) == {"new": 1}
    assert Product.objects.count() == 1
    rows = [list(offer_rows(store))[1:] for store in (metro, other)]
    assert rows[0] == rows[1]


@given(st.lists(st.text(alphabet=st.sampled_from("a;,|\t'\"=+-@＝− \n"), max_size=12) | st.text(max_size=9)))
@settings(max_examples=300, deadline=None)
def test_a_guarded_cell_says_what_was_written(texts):
    file = io.StringIO(newline="")
    write_rows(file, [texts])
    rows = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert [text_of(cell) for row in rows for cell in row] == texts or not any(texts)


# --- Meanwhile -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (lambda store: Store.objects.filter(pk=store.pk).update(currency="RSD"), "The currency of this store has"),
        (lambda store: Store.objects.filter(pk=store.pk).update(id=store.pk + 1), "This store has been removed"),
    ],
)
def test_a_refused_batch_leaves_whole_ones_before_it(metro, monkeypatch, happens, sentence):
    monkeypatch.setattr("stores.importing.bringing.BATCH", 2)
    text = "name,unit\n" + "".join(f"Product {number},kg\n" for number in range(6))
    with pytest.raises(BulqError, match=sentence):
        brought(metro, text, on_batch=lambda _part: Offer.objects.all().delete() and happens(metro))
    assert Product.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_are_one():
    store, other = make_store(), make_store()
    known = make_product("Known")
    lines = ["name,unit,price", "Known,piece,2", *(f"Product {number},kg,{number + 1}" for number in range(300))]
    text, back = "\n".join(lines), "\n".join([lines[0], *reversed(lines[1:])])
    pairs = ((text, store), (back, store), (back, other))
    reports = race(*(lambda text=text, to=to: brought(to, text) for text, to in pairs))
    assert [counts(report) for report in reports[2:]] == [{"new": 301}]
    assert sum((report.counts for report in reports[:2]), Counter()) == Counter(new=301, equal=301)
    assert Product.objects.count() == 301 and Product.objects.get(name="Known") == known
    assert Price.objects.count() == Offer.objects.count() == 602


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_does_not_hold_up_others():
    """Negative control: the import itself would, as nothing is committed before the transaction around it ends."""
    store, bread = make_store(), make_product("Bread")
    text, results = "name,unit,price\nRice,kg,1\n", []

    def others(_part=None):
        job = partial(record_price, bread, store, amount=Decimal(2), quantity=Decimal(1), by=None)
        results.extend(race(job, partial(create_product, by=None, name=f"Tea {len(results)}", unit="kg", **DIVISIBLE)))

    brought(store, text, is_rehearsal=True, on_batch=others)
    with transaction.atomic():
        brought(store, text, on_batch=others)
    assert [isinstance(result, Price | Product) for result in results] == [True, True, False, False]
