"""What a search finds, and in which order (spec 25, 28, 29, 45)."""

import pytest
from django.db import connection

from stores.models import Product, Store

from .factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db


def found(text):
    return [str(product) for product in Product.objects.search(text)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Basmati Rice", "basmati rise"),
        ("Basmati Rice", "rice basmati"),
        ("Basmati Rice", "asmat"),
        ("Čaj od kamilice", "caj"),
        ("Caj od kamilice", "čaj"),
        ("Гречка", "гречка"),
        ("Milk 3.5%", "%"),
        ("snake_case", "_"),
        ("back\\slash", "\\"),
    ],
)
def test_a_product_is_found_by_what_people_remember_of_its_name(name, text):
    make_product("Washing powder")
    make_product(name)
    assert found(text) == [name]


def test_percent_and_underscore_are_plain_characters():
    make_product("Basmati Rice")
    assert found("%") == found("_") == found("a%i") == found("\\") == []


def test_a_product_is_found_by_its_brand():
    make_product("Penne", brand="Barilla")
    make_product("Penne", brand="De Cecco")
    assert found("barila") == ["Penne (Barilla)"]
    assert found("penne cecco")[0] == "Penne (De Cecco)"


def test_a_store_is_found_by_name_and_chain():
    make_store("Nord", chain="Großmarkt")
    make_store("Süd")
    assert [store.name for store in Store.objects.search("grossmarkt")] == ["Nord"]
    assert [store.name for store in Store.objects.search("sud")] == ["Süd"]


def test_an_empty_search_finds_all_verified_first_then_by_folded_name():
    for name in ("zebra", "Čaj", "apple"):
        make_product(name)
    make_product("Yeast", is_verified=True)
    assert found("") == found("  ") == ["Yeast", "apple", "Čaj", "zebra"]


def test_verified_products_come_before_better_matches_and_these_before_worse_ones():
    make_product("Rice pudding with vanilla")
    make_product("Rice")
    make_product("Rice noodles, thin", is_verified=True)
    assert found("rice") == ["Rice noodles, thin", "Rice", "Rice pudding with vanilla"]


def test_what_the_store_sells_comes_first_then_the_usual_order():
    metro = make_store()
    make_product("Rice")
    make_product("Rice noodles", is_verified=True)
    make_offer(make_product("Rice pudding"), metro)
    rows = Product.objects.search("rice").sold_first_at(metro.pk)
    assert [product.name for product in rows] == ["Rice pudding", "Rice noodles", "Rice"]
    assert [product.is_sold_there for product in rows] == [True, False, False]
    rows = Product.objects.search("").sold_first_at(metro.pk)
    assert [product.name for product in rows] == ["Rice pudding", "Rice noodles", "Rice"]
    assert [product.name for product in Product.objects.sold_first_at(None)] == ["Rice noodles", "Rice", "Rice pudding"]


def test_a_search_can_be_narrowed_and_ordered_anew():
    make_store("Metro", currency="RSD")
    make_store("Metro Süd")
    rows = Store.objects.filter(currency="EUR").search("metro").order_by("-sort_name")
    assert [store.name for store in rows] == ["Metro Süd"]
    assert Store.objects.search("metro").count() == 2


@pytest.mark.parametrize("text", ["\0", "a\0b", "x" * 100_000, "'; DROP TABLE", "\\", "%s %(x)s", "😀"])
def test_any_text_may_be_searched(text):
    assert found(text) == []


def test_the_trigram_index_serves_the_search():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Product.objects.search("basmati rise").order_by().explain()
    assert "product_search" in plan
