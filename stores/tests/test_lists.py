"""C1 to C5, C7, C8: the cached lists of the catalogue, on real Redis and PostgreSQL."""

import json
import os
import random
from decimal import Decimal
from threading import Event as Signal

import pytest
from django.core.cache import cache as redis_cache
from django.core.management import call_command
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import make_group, make_user
from accounts.tests.racing import race
from bids.tests.factories import make_run
from bulq.kit import cache
from bulq.tests.client import signed_in
from bulq.tests.planned import written_out
from stores.models import Generation, Offer, Price, Product, Store, generations
from stores.reading import offers_page
from stores.tests import soak
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MANY = soak.MANY


@pytest.fixture(autouse=True)
def empty_cache():
    redis_cache.clear()
    cache.breaker.reset()
    cache.counts.clear()


@pytest.fixture
def shop():
    store = make_store("Grossmarkt")
    for name in ("Olive oil", "Gouda", "Rice"):
        make_offer(make_product(name), store, price="7.40", pack_size=6)
    return store


def seen(store):
    """What is read through the cache."""
    return {name: soak.through_cache(name, store) for name in soak.LISTS}


def there(store):
    return {name: soak.in_database(name, store) for name in soak.LISTS}


def is_right(store):
    return seen(store) == there(store)


# --- C2: every way to write ------------------------------------------------------------------------
def product():
    return Product.objects.get(name="Gouda")


def offer():
    return Offer.objects.get(product__name="Gouda")


def price():
    return Price.objects.get(offer__product__name="Gouda")


def saved(row, **changes):
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()


def updated_in_bulk(rows, **changes):
    rows = list(rows)
    for row in rows:
        for name, value in changes.items():
            setattr(row, name, value)
    type(rows[0]).objects.bulk_update(rows, list(changes))


def loaded(store):
    price().delete()
    row = {"model": "stores.price", "pk": 99999, "fields": {"offer": offer().pk, "amount": "1.00", "quantity": "1.00"}}
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"bulq-{os.getpid()}.json")  # noqa: S108
    with open(path, "w") as file:
        json.dump([row], file)
    call_command("loaddata", path, verbosity=0)
    os.remove(path)


def by_an_admin(store):
    admin = signed_in(make_user("Admin", is_staff=True, is_superuser=True))
    typed = {"name": "Gouda", "brand": "Frico", "unit": "kg", "kind": "divisible", "step": "0.5", "is_verified": "on"}
    typed |= {"aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0}
    admin.post(reverse("admin:stores_product_change", args=[product().pk]), typed)
    assert product().brand == "Frico"


def removed_by_an_admin(store):
    price().delete()
    admin = signed_in(make_user("Admin", is_staff=True, is_superuser=True))
    chosen = {"action": "delete_selected", "_selected_action": [offer().pk], "post": "yes"}
    admin.post(reverse("admin:stores_offer_changelist"), chosen)
    assert not Offer.objects.filter(product__name="Gouda").exists()


def moved(store):
    """The row leaves one list and appears in another."""
    other = make_store("Kaufhof")
    seen(other)
    saved(offer(), store=other)
    assert is_right(other)


def moved_in_bulk(store):
    other = make_store("Kaufhof")
    seen(other)
    Offer.objects.filter(product__name="Gouda").update(store=other)
    assert is_right(other)


def without_offers():
    Price.objects.all().delete()
    Offer.objects.filter(product__name="Gouda").delete_unused()


WAYS = {
    "store saved": lambda store: saved(store, address="Nordring 12"),
    "store made": lambda _store: make_store("Another"),
    "store removed": lambda _store: make_store("Another").delete(),
    "stores updated": lambda _store: Store.objects.update(is_verified=True),
    "stores updated in bulk": lambda _store: updated_in_bulk(Store.objects.all(), chain="Metro"),
    "stores made in bulk": lambda _store: Store.objects.bulk_create([Store(name="B", name_key="b", currency="EUR")]),
    "product saved": lambda _store: saved(product(), brand="Frico"),
    "product made": lambda _store: make_product("Eggs"),
    "product removed": lambda _store: make_product("Eggs").delete(),
    "products updated": lambda _store: Product.objects.filter(name="Gouda").update(step=Decimal(2)),
    "products updated in bulk": lambda _store: updated_in_bulk(Product.objects.all(), is_verified=True),
    "products made in bulk": lambda _store: Product.objects.bulk_create(
        [Product(name="Eggs", unit="piece", kind="counted", step=1)]
    ),
    "offer saved": lambda _store: saved(offer(), pack_size=Decimal(12)),
    "offer made": lambda store: make_offer(make_product("Eggs"), store),
    "offer made or found": lambda store: Offer.objects.update_or_create(
        product=product(), store=store, defaults={"note": "on top"}
    ),
    "offer moved": moved,
    "offers moved": moved_in_bulk,
    "offers updated": lambda _store: Offer.objects.filter(product__name="Gouda").update(note="below"),
    "offers removed at once": lambda _store: without_offers(),
    "offers made in bulk": lambda store: Offer.objects.bulk_create([Offer(product=make_product("Eggs"), store=store)]),
    "price seen": lambda _store: Price.objects.create(offer=offer(), amount=9, quantity=1),
    "price withdrawn": lambda _store: saved(price(), withdrawn_at=timezone.now()),
    "prices updated": lambda _store: Price.objects.filter(offer__product__name="Gouda").update(amount=8),
    "prices updated in bulk": lambda _store: updated_in_bulk(Price.objects.all(), amount=Decimal(3)),
    "prices made in bulk": lambda _store: Price.objects.bulk_create([Price(offer=offer(), amount=5, quantity=1)]),
    "price removed": lambda _store: price().delete(),
    "prices removed": lambda _store: Price.objects.all().delete(),
    "loaded from a file": loaded,
    "by an admin": by_an_admin,
    "removed by an admin": removed_by_an_admin,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_write_is_seen(shop, way):
    """C2, C1."""
    assert is_right(shop)
    before = there(shop)
    way(shop)
    assert is_right(shop)
    assert way in (WAYS["store removed"], WAYS["product removed"]) or there(shop) != before


@pytest.mark.parametrize("way", ["price seen", "offers updated", "products made in bulk", "stores updated"])
def test_without_new_tokens_the_old_lists_are_seen(shop, way, monkeypatch):
    """Negative control of C2."""
    assert is_right(shop)
    monkeypatch.setattr(generations, "renew", lambda *_: None)
    WAYS[way](shop)
    assert not is_right(shop)


def test_a_change_that_no_list_shows_renews_nothing(shop):
    before = Store.objects.get(pk=shop.pk).generation
    Store.objects.update(is_currency_fixed=True)
    Product.objects.update(is_unit_fixed=True)
    assert Store.objects.get(pk=shop.pk).generation == before


# --- C1: under concurrency -------------------------------------------------------------------------
def test_four_processes_that_write_and_read_never_see_old_data():
    """C1: a short run of `make soak`."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "SECRET_KEY": "for tests only"}
    players = [soak.start_player(number, 60, environment) for number in range(soak.PLAYERS)]
    assert [player.wait(120) for player in players] == [0] * soak.PLAYERS


def database_url():
    parts = connection.settings_dict
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


def test_a_player_notices_a_list_that_is_not_renewed(monkeypatch):
    """Negative control of C1."""
    monkeypatch.setattr(generations, "renew", lambda *_: None)
    player = soak.Player(9, "x")
    with pytest.raises(AssertionError, match="stale"):
        player.play(100)


# --- C3: nothing before its commit -----------------------------------------------------------------
def keys():
    return sorted(redis_cache.client.get_client().scan_iter())


def test_others_see_the_old_data_until_the_commit_and_the_new_data_after_it(shop):
    """C3: the writer reads too, within its transaction, and keeps nothing."""
    assert is_right(shop)
    before, written, go_on = seen(shop), Signal(), Signal()
    kept = keys()

    def write():
        with transaction.atomic():
            WAYS["price seen"](shop)
            assert seen(shop) != before
            written.set()
            go_on.wait(10)

    def look():
        written.wait(10)
        found = seen(shop)
        kept_meanwhile = keys()
        go_on.set()
        return found, kept_meanwhile

    _done, (found, kept_meanwhile) = race(write, look)
    assert found == before
    assert kept_meanwhile == kept
    assert is_right(shop)
    assert seen(shop) != before


def test_a_rollback_leaves_no_trace(shop):
    """C3."""
    assert is_right(shop)
    kept, tokens = keys(), list(Generation.objects.values_list()) + list(Store.objects.values_list("generation"))
    with pytest.raises(soak.RolledBack), transaction.atomic():
        WAYS["price seen"](shop)
        WAYS["stores updated"](shop)
        seen(shop)
        raise soak.RolledBack
    assert keys() == kept
    assert list(Generation.objects.values_list()) + list(Store.objects.values_list("generation")) == tokens
    misses = cache.counts["miss"]
    assert is_right(shop)
    assert cache.counts["miss"] == misses


# --- C4: what is in Redis --------------------------------------------------------------------------
def test_every_key_expires_has_a_prefix_and_holds_json(shop, settings):
    """C4."""
    seen(shop)
    client = redis_cache.client.get_client()
    assert len(keys()) == 6
    assert all(key.startswith(f"{settings.CACHE_PREFIX}:".encode()) for key in keys())
    ends = [client.ttl(key) for key in keys()]
    assert all(0.9 * settings.CACHE_SECONDS - 5 <= end <= 1.1 * settings.CACHE_SECONDS for end in ends)
    assert len(set(ends)) > 1, "they all end at once"
    for key in keys():
        json.loads(client.get(key))


@pytest.mark.parametrize("garbage", [None, b"", b"-1", b"null", b"[1]", b'[["x"]]', b'{"a": 1}', b"\x80\x04K."])
def test_garbage_is_a_miss(shop, garbage):
    """C4: random bytes in every key, or something that only looks right."""
    expected = seen(shop)
    client, dice = redis_cache.client.get_client(), random.Random(7)
    for key in keys():
        client.set(key, dice.randbytes(40) if garbage is None else garbage)
    assert seen(shop) == expected
    assert seen(shop) == expected


# --- C7, C8 ----------------------------------------------------------------------------------------
def pages(run):
    return ["/stores/", reverse("store", args=[run.store_id]), reverse("run-add", args=[run.pk]), "/products/new/"]


def test_nothing_about_people_is_kept(shop):
    """C7: two people look around; no value in Redis mentions them, their group or their run."""
    mara, jon = make_user("Mara Milic", username="mara_m"), make_user("Jon Snow", username="jon_s")
    run = make_run(group=make_group("Thursday Club", admin=mara, members=[jon]), leader=mara, store=shop, note="secret")
    clients = [signed_in(mara), signed_in(jon)]
    for client in clients * 2:
        for path in pages(run):
            answer = client.get(path)
            assert answer.status_code == 200
            assert answer["Cache-Control"] == "private, no-store"
    assert cache.counts["hit"] > 0
    everything = b" ".join(redis_cache.client.get_client().get(key) for key in keys())
    sessions = [client.cookies["sessionid"].value for client in clients]
    for word in ("Mara", "mara_m", "Jon", "jon_s", "Thursday", "secret", *sessions):
        assert word.encode() not in everything, word
    assert b"Gouda" in everything


def test_visitors_see_nothing_of_it(shop, client):
    """C7: rights are checked first."""
    seen(shop)
    assert client.get(reverse("store", args=[shop.pk])).status_code == 302


def catalogue_queries(ask):
    with CaptureQueriesContext(connection) as queries:
        ask()
    tables = ("stores_product", "stores_offer", "stores_price")
    texts = [written_out(query["sql"]) for query in queries]
    found = [sql for sql in texts if any(f'FROM "{table}"' in sql for table in tables)]
    # Which categories have any product is a look into an index for each of a dozen.
    return [sql for sql in found if not sql.startswith('SELECT "stores_category"')]


def test_the_second_look_reads_no_product(shop):
    """C8: store list, store page, and the picker of a run that holds nothing yet."""
    bob = make_user("Bob")
    run, client = make_run(leader=bob, store=shop), signed_in(bob)
    for path in pages(run):
        client.get(path)
        assert catalogue_queries(lambda path=path: client.get(path)) == [], path
    with CaptureQueriesContext(connection) as queries:
        client.get("/stores/")
    assert not [query for query in queries if "sort_name" in written_out(query["sql"])]


def test_an_empty_list_is_a_hit():
    """C8."""
    store = make_store()
    assert offers_page(store, 1, 50).object_list == []
    misses = cache.counts["miss"]
    assert catalogue_queries(lambda: offers_page(store, 1, 50)) == []
    assert (cache.counts["miss"], cache.counts["hit"]) == (misses, 2)


@pytest.mark.parametrize("number", [None, "", "1", "2", "3", "99", "-1", "x", "1.5"])
def test_page_numbers_are_limited_as_everywhere(number):
    """A number beyond the last gives the last page and makes no key of its own."""
    store = make_store()
    for name in "abcde":
        make_offer(make_product(f"Thing {name}"), store)
    page = offers_page(store, number, 2)
    plain = models.QuerySet(Offer).filter(store=store).order_by("product__sort_name")
    first = (page.number - 1) * 2
    assert [store.pk for store in page.object_list] == [store.pk for store in plain[first : first + 2]]
    assert page.paginator.num_pages == 3
    assert page.number in (1, 2, 3)
