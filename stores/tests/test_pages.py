"""What holds for every address of this app (spec 30, 72, S3)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from stores import urls
from stores.models import Offer, Price, Product, Store

from .factories import make_offer, make_product, make_store

ADDRESSES = {
    "search": "GET",
    "search-suggestions": "GET",
    "products": "GET",
    "product": "GET",
    "product-new": "GET POST",
    "product-edit": "GET POST",
    "product-similar": "GET",
    "product-prices": "GET",
    "product-elsewhere": "GET POST",
    "offer-new": "GET POST",
    "offer-edit": "GET POST",
    "price-new": "GET POST",
    "price-withdraw": "POST",
    "price-restore": "POST",
    "stores": "GET",
    "store": "GET",
    "store-new": "GET POST",
    "store-edit": "GET POST",
    "store-similar": "GET",
    "store-names": "GET",
}

EVERY_ID = 1_000_000


def address(name, ids):
    route, parameters = get_resolver().reverse_dict.getlist(name)[0][0][0]
    return "/" + route % dict.fromkeys(parameters, ids)


@pytest.fixture
def ids(oil, metro, alice):
    """Every object has the same id."""
    product, store = make_product(pk=EVERY_ID, created_by=alice), make_store(pk=EVERY_ID, created_by=alice)
    offer = Offer.objects.create(pk=EVERY_ID, product=product, store=store)
    Price.objects.create(pk=EVERY_ID, offer=offer, amount=1, quantity=1, seen_by=alice)
    return EVERY_ID


def test_every_address_is_tried_here():
    assert {pattern.name for pattern in urls.urlpatterns} <= set(ADDRESSES)


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_visitor_is_asked_to_log_in_and_nothing_happens(visitor, ids, name):
    url = address(name, ids)
    for method in ("get", "post"):
        response = getattr(visitor, method)(url)
        assert (response.status_code, response.url) == (302, f"/login/?next={url}")
    assert (Product.objects.count(), Store.objects.count(), Price.objects.count()) == (2, 2, 1)


@pytest.mark.parametrize(("name", "known"), ADDRESSES.items())
def test_it_answers_only_its_own_methods(as_alice, ids, name, known):
    for method in ("get", "post", "put", "patch", "delete"):
        response = getattr(as_alice, method)(address(name, ids))
        expected = {200, 302, 409, 422} if method.upper() in known.split() else {405}
        assert response.status_code in expected, method


@pytest.mark.parametrize("name", [name for name in ADDRESSES if address(name, 1) != address(name, 2)])
@pytest.mark.parametrize("missing", [7, 10**30])
def test_missing_rows_are_not_found(as_alice, name, missing):
    method = "get" if "GET" in ADDRESSES[name] else "post"
    assert getattr(as_alice, method)(address(name, missing)).status_code == 404


@pytest.mark.parametrize(("name", "known"), ADDRESSES.items())
def test_every_form_works_without_javascript(as_alice, ids, name, known):
    if "POST" in known and "GET" in known:
        text = as_alice.get(address(name, ids)).content.decode()
        assert f'method="post" action="{address(name, ids)}"' in text.replace("\n", " ").replace("  ", "")
        assert 'name="once"' in text


@pytest.mark.parametrize("name", ["products", "stores", "store", "product", "product-prices"])
@pytest.mark.parametrize("query", [{"q": "\0"}, {"q": "x" * 3000}, {"page": "-1"}, {"page": "9" * 50}, {"q": "%"}])
def test_any_query_is_answered(as_alice, ids, name, query):
    assert as_alice.get(address(name, ids), query).status_code == 200


def queries(client, url):
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


@pytest.fixture
def counted(as_alice, ids):
    pages = ["products", "stores", "product", "product-prices", "store", "product-new", "offer-new", "product-edit"]
    pages.append("product-elsewhere")
    return lambda: {name: queries(as_alice, address(name, ids)) for name in pages}


@pytest.mark.slow
def test_pages_run_the_same_few_queries_at_any_size(counted, ids, alice):
    few = counted()
    product, store = Product.objects.get(pk=ids), Store.objects.get(pk=ids)
    for n in range(49):
        make_offer(product, make_store(), price=n + 1)
        make_offer(make_product(), store, price=n + 1)
    offer = Offer.objects.get(pk=ids)
    Price.objects.bulk_create(Price(offer=offer, amount=n + 1, quantity=3, seen_by=alice) for n in range(1000))
    assert counted() == few
    assert max(few.values()) <= 12
