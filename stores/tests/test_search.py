"""What a search finds, and in which order (spec 25, 28, 29, 45)."""

import pytest
from django.db import connection

from stores.models import Category, Product, ProductAlias, Store, guess_category

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
        ("Milk 3.5%", "3,5%"),
        ("snake_case", "snake_c"),
        ("back\\slash", "back\\sl"),
        ("Crème brûlée", "creme bru"),
        ("Müsli ohne Zucker", "MUSLI"),
        ("Weißbrot", "weissb"),
        ("Łosoś wędzony", "losos"),
        ("İncir", "incir"),
        ("ǆem od šljiva", "dzem"),
        ("Lay's chips", "lays"),
        ("Soft\u00adhyphen", "softhyphen"),
        ("Brot (dunkel)", "dunk"),
        ("Öl/Essig", "essig"),
    ],
)
def test_a_product_is_found_by_what_people_remember_of_its_name(name, text):
    make_product("Washing powder")
    make_product(name)
    assert found(text) == [name]


def test_percent_and_underscore_are_plain_characters():
    make_product("Basmati Rice")
    for text in ("%", "_", "a%i", "\\", "%%", "r_", "__", "- &", "..."):
        assert found(text) == []


SUGAR, BASIL = ("secer", "šećer", "шећер", "ШЕЋЕР", "Šećer u prahu"), ("djumbir", "dumbir", "đumbir", "ђумбир")


@pytest.mark.parametrize("text", SUGAR)
@pytest.mark.parametrize("name", SUGAR)
def test_scripts_and_diacritics_find_each_other(name, text):
    make_product("Salt")
    make_product(name)
    assert found(text) == [name]


@pytest.mark.parametrize("text", BASIL)
@pytest.mark.parametrize("name", ["Mleveni đumbir", "Млевени ђумбир"])
def test_dj_and_d_both_find_the_letter_between_them(name, text):
    make_product(name)
    assert found(text) == found(text[:3]) == [name]


def test_two_letters_find_the_beginnings_of_words_only():
    for name in ("Basmati rice", "Red basil", "Rhubarb", "Tuba"):
        make_product(name)
    assert found("ba") == ["Basmati rice", "Red basil"]


def test_a_word_that_is_not_the_beginning_of_a_long_name_is_found_when_it_is_similar():
    make_product("Tilda Basmati Rice 1kg")
    make_product("Olive oil")
    assert found("rise") == ["Tilda Basmati Rice 1kg"]


def test_a_product_is_found_by_its_other_names():
    arborio = make_product("Arborio")
    ProductAlias.objects.create(product=arborio, name="Risotto rice")
    ProductAlias.objects.create(product=arborio, name="Ризото")
    make_product("Penne")
    for text in ("risotto", "rice ris", "rizoto", "RIZO", "risoto"):
        assert found(text) == ["Arborio"], text
    assert list(Product.objects.similar_to("risotto rice")) == [arborio]


def test_similar_words_are_looked_for_only_where_few_are_found_otherwise():
    make_product("Risse")
    for number in range(20):
        make_product(f"Rice {number}")
    assert "Risse" in found("rice")
    make_product("Rice 20")
    assert len(found("rice")) == 21
    assert "Risse" not in found("rice")


def test_a_product_is_found_by_its_bar_code_however_it_is_typed():
    oil = make_product("Olive oil", barcode="00036000291452")
    make_product("4006381333931", barcode=None)
    for text in ("036000291452", "0036000291452", "00036000291452", "0 36000-29145 2", " 036000291452 "):
        assert list(Product.objects.search(text)) == [oil], text
    assert found("036000291453") == found("36000291452") == []


def test_exact_names_come_first_then_beginnings_then_words_then_similar_ones():
    for name in ("Wild rice", "Risse", "Rice", "Rice noodles", "Milk rice", "Rice, long grain"):
        make_product(name, is_verified=name in ("Milk rice", "Rice noodles", "Risse"))
    arborio = make_product("Arborio")
    ProductAlias.objects.create(product=arborio, name="rice")
    assert found("rice") == [
        *("Rice", "Arborio"),  # exact
        *("Rice noodles", "Rice, long grain"),  # beginning
        *("Milk rice", "Wild rice"),  # word
        "Risse",
    ]


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


def test_what_the_store_sells_comes_first_then_the_usual_order():
    metro = make_store()
    make_product("Rice")
    make_product("Rice noodles", is_verified=True)
    make_offer(make_product("Rice pudding"), metro)
    rows = Product.objects.search("rice").sold_first_at(metro.pk)
    make_offer(make_product("Rise and shine"), metro)
    assert [product.name for product in rows] == ["Rice pudding", "Rice", "Rice noodles", "Rise and shine"]
    assert [product.is_sold_there for product in rows] == [True, False, False, True]
    Product.objects.filter(name="Rise and shine").update(is_verified=True)
    rows = Product.objects.search("").sold_first_at(metro.pk)
    assert [product.name for product in rows] == ["Rise and shine", "Rice pudding", "Rice noodles", "Rice"]
    rows = Product.objects.sold_first_at(None)
    assert [product.name for product in rows] == ["Rice noodles", "Rise and shine", "Rice", "Rice pudding"]


def test_a_search_can_be_narrowed_and_ordered_anew():
    make_store("Metro", currency="RSD")
    make_store("Metro Süd")
    rows = Store.objects.filter(currency="EUR").search("metro").order_by("-sort_name")
    assert [store.name for store in rows] == ["Metro Süd"]
    assert Store.objects.search("metro").count() == 2


@pytest.mark.parametrize("text", ["\0", "a\0b", "x" * 100_000, "'; DROP TABLE", "\\", "%s %(x)s", "😀"])
def test_any_text_may_be_searched(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Basmati rice", "Grain, pasta and beans"),
        ("Пиринач дугог зрна", "Grain, pasta and beans"),
        ("Šećer", "Sweets and snacks"),
        ("Äpfel", "Fruit and vegetables"),
        ("Eggplant", "Fruit and vegetables"),
        ("Eggs, free range", "Milk, cheese and eggs"),
        ("Peanuts, roasted", "Nuts, seeds and dried fruit"),
        ("Price tags", None),
        ("Thing", None),
    ],
)
def test_the_category_is_guessed_from_the_longest_word_that_begins_one_of_the_name(categories, name, category):
    guessed = guess_category(name)
    assert (Category.objects.get(pk=guessed).name if guessed else None) == category
    by_hand = Category.objects.create(name="Things", words="thin, THÍNG")
    assert guess_category("Thing") == by_hand.pk


# --- Fifty thousand products -----------------------------------------------------------------------
MANY, DIVISIBLE = 50_000, Product.Kind.DIVISIBLE


@pytest.fixture
def many(categories):
    """As in a large catalogue: names of several words, some with other names, statistics up to date."""
    kinds = sorted({word for category in Category.objects.all() for word in category.words.split()})
    products = [
        Product(
            name=f"{_word(n)} {kinds[n % len(kinds)]} {n:05}", brand=_word(n // 7), unit="kg", kind="divisible", step=1
        )
        for n in range(MANY)
    ]
    for n in range(0, MANY, 50):
        products[n].barcode = f"{n + 4_000_000_000_000:013}0"
    made = Product.objects.bulk_create(products, batch_size=5000)
    aliases = [ProductAlias(product=product, name=f"Also {_word(n)} {n}") for n, product in enumerate(made[::20])]
    ProductAlias.objects.bulk_create(aliases)
    with connection.cursor() as cursor:  # what autovacuum does
        cursor.execute("ANALYZE stores_product, stores_productalias")


def _word(n):
    """One of a million words that can be pronounced."""
    n = n * 7919 % 10**6
    return "".join("bcdfghjklmnprstvwxyz"[n // size % 20] + "aeiou"[n // size // 20 % 5] for size in (1, 100, 10_000))


def _nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def test_the_plan_of_every_search_uses_the_index_at_50_000_products(many):
    """K3: no search reads all products; neither does counting what it finds, or what looks the same as a new name."""
    for text in ("ba", "rise", "basmati rice", "losa reis", "zzz", "40000000001008", "rice mi 00"):
        rows = Product.objects.search(text)
        for asked in (
            rows[:5],
            rows.order_by().values("pk"),
            rows.sold_first_at(1)[:20],
            Product.objects.similar_to(text)[:5],
        ):
            [(plan,)] = _explained(asked)
            nodes = list(_nodes(plan[0]["Plan"]))
            read = [(node["Node Type"], node.get("Relation Name")) for node in nodes]
            assert ("Seq Scan", "stores_product") not in read, (text, plan)
            assert "product_search" in {node.get("Index Name") for node in nodes}, (text, plan)


def _explained(rows):
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return cursor.fetchall()
