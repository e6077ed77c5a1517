"""Pairs that look the same are found in the database, and those told apart stay so (spec 101)."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import make_user
from accounts.tests.racing import race
from bulq.kit.errors import ChangedMeanwhile
from stores.actions import pairs
from stores.models import Product, ProductPair, Store, StorePair
from stores.reading.pairs import MOST, alike, not_compared

from .factories import make_product, make_store, make_weighed_product
from .test_search import MANY, many  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


def proposed():
    pairs.look_for_pairs()
    assert not not_compared(Product).exists()
    assert not not_compared(Store).exists()
    rows = ProductPair.objects.proposed().select_related("first", "second")
    return [(pair.first.name, pair.second.name) for pair in rows]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Basmati rice", "Basmatti rice"),
        ("Basmati rice", "Rice basmati"),
        ("Šećer u prahu", "Шећер у праху"),
        ("Đumbir mleveni", "Djumbir, mleveni"),
        ("Đumbir 5", "Djumbir 5."),
        ("Milk 3.5%", "Milk, 3,5 %"),
        ("Olive oil", "Olive oil 1 l"),
        ("Müsli ohne Zucker", "Musli ohne zucker!"),
    ],
)
def test_names_that_look_the_same_are_proposed(first, second):
    make_product(first)
    make_product("Washing powder")
    make_product(second)
    assert proposed() == [(first, second)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Milk 1.5%", "Milk 3.5%"),
        ("Rice 1 kg", "Rice 5 kg"),
        ("Basmati rice", "Jasmine rice"),
        ("Oil", "Olive oil"),
        ("Aa", "Ab"),
    ],
)
def test_other_things_are_not(first, second):
    make_product(first)
    make_product(second)
    assert proposed() == []


def test_other_units_kinds_and_currencies_are_never_the_same():
    make_product("Basmati rice")
    make_weighed_product("Basmati rices")
    make_product("Basmati ricee", unit="pack")
    make_store("Grossmarkt Nord", currency="EUR")
    make_store("Grossmarkt, Nordd", currency="RSD")
    assert proposed() == []
    assert not StorePair.objects.exists()


def test_stores_are_compared_by_name_and_chain():
    make_store("Nord", chain="Grossmarkt")
    make_store("Grossmarkt Nord")
    make_store("Kaufhof")
    proposed()
    assert [str(pair) for pair in StorePair.objects.proposed()] == ["Nord = Grossmarkt Nord"]


def test_best_come_first():
    for name in ("Black peppercorns", "Black peppercorn", "Sunflower oil", "Sunflower oils, big"):
        make_product(name)
    assert proposed() == [("Black peppercorns", "Black peppercorn"), ("Sunflower oil", "Sunflower oils, big")]


@pytest.mark.parametrize("is_named_later", [True, False])
def test_another_name_of_one_is_the_name_of_the_other(is_named_later):
    arborio = make_product("Arborio")
    if is_named_later:
        make_product("Risotto rice")
        assert proposed() == []
        arborio.aliases.create(name="Rice for risotto")
        arborio.aliases.create(name="Rissotto rice")
    else:
        arborio.aliases.create(name="Rissotto rice")
        proposed()
        make_product("Risotto rice")
    assert proposed() == [("Arborio", "Risotto rice")]


def test_a_correction_takes_a_pair_back_and_finds_another():
    make_product("Basmati rice")
    other = make_product("Basmati rise")
    make_product("Toilet paper")
    assert proposed() == [("Basmati rice", "Basmati rise")]
    other.name = "Toilet papers"
    other.save()
    assert proposed() == [("Toilet papers", "Toilet paper")]


def test_of_a_long_series_only_some_are_proposed():
    for n in range(MOST + 5):
        make_product("Yarn for socks " + "abcdefghijklmnopqrstuvwxyz"[n])
    assert len(alike(Product, [Product.objects.last().pk])) == MOST
    everything = (MOST + 5) * (MOST + 4) // 2
    assert 0 < len(proposed()) < everything


# --- Told apart ------------------------------------------------------------------------------------
def test_what_was_told_apart_never_comes_back():
    root, rice, rise = make_user("Root"), make_product("Basmati rice"), make_product("Basmati rise")
    proposed()
    pair = pairs.tell_apart(Product, ProductPair.objects.get().pk, by=root)
    assert (pair.told_apart_by, pair.first, pair.second) == (root, rice, rise)
    for product in (rice, rise):
        Product.objects.filter(pk=product.pk).update(compared_as="")
        assert proposed() == []
    rise.name = "Basmati rices"
    rise.save()
    assert proposed() == []
    make_product("Basmati riice")
    assert len(proposed()) == 2


def test_the_first_to_tell_two_apart_is_remembered():
    ana, jon = make_user("Ana"), make_user("Jon")
    make_store("Grossmarkt Nord")
    make_store("Grosmarkt Nord")
    proposed()
    pk = StorePair.objects.get().pk
    moment = pairs.tell_apart(Store, pk, by=ana).told_apart_at
    again = pairs.tell_apart(Store, pk, by=jon)
    assert (again.told_apart_by, again.told_apart_at) == (ana, moment)
    with pytest.raises(ChangedMeanwhile, match="gone"):
        pairs.tell_apart(Product, pk + 1000, by=ana)


def test_the_database_keeps_a_pair_in_order_and_once():
    rice, rise = make_product("Rice"), make_product("Rise")
    ProductPair.objects.create(first=rice, second=rise, likeness=1)
    for first, second, more in (
        (rice, rise, {}),
        (rise, rice, {}),
        (rice, rice, {}),
        (rice, make_product("Risse"), {"told_apart_by": make_user("Ana")}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ProductPair.objects.create(first=first, second=second, likeness=1, **more)


# --- Beside others ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_it_waits_for_nobody_and_comes_back_to_what_was_locked():
    rice, rise = make_product("Basmati rice"), make_product("Basmati rise")
    make_product("Toilet paper")
    make_product("Toilet papers")
    with transaction.atomic():
        Product.objects.select_for_update().get(pk=rice.pk)
        race(pairs.look_for_pairs)
        assert [str(pair) for pair in ProductPair.objects.all()] == ["Toilet paper = Toilet papers"]
        assert set(not_compared(Product)) == {rice, rise}
    assert len(proposed()) == 2


@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_the_same_moment_find_each_pair_once():
    for name in ("Basmati rice", "Basmati rise", "Toilet paper", "Toilet papers"):
        make_product(name)
    race(pairs.look_for_pairs, pairs.look_for_pairs)
    assert len(proposed()) == 2


# --- Fifty thousand products -----------------------------------------------------------------------
def test_it_takes_few_queries_and_only_the_index_at_50_000_products(many):  # noqa: F811
    """What is new is compared with all others: no plan reads all products for it."""
    Product.objects.update(compared_as="")
    old = Product.objects.first()
    new = make_product(f"{old.name}s", brand=old.brand, unit=old.unit, kind=old.kind)
    keys = list(not_compared(Product).values_list("pk", flat=True)[: pairs.BATCH])
    assert keys[0] == new.pk
    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        assert (old.pk, new.pk) in alike(Product, keys)
    assert len(seen) == 4  # the threshold, and names beside names, names beside other names, and the reverse
    for query in seen.captured_queries[1:]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "Seq Scan" not in plan, plan
        assert "product_search" in plan or "product_alias_search" in plan, plan
    assert Product.objects.count() == MANY + 1
