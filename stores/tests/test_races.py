"""Two people at the same moment (spec 25, guarantees D1, D3, D4)."""

import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import make_user
from accounts.tests.racing import linger, race
from bulq.kit.errors import BulqError
from bulq.kit.locks import locked
from bulq.tests.client import signed_in
from stores.actions import catalogue, prices
from stores.models import Offer, Price, Product, Store

from .factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db(transaction=True)


def two_people():
    return [signed_in(make_user(name)) for name in ("Alice", "Bob")]


def test_two_posts_of_the_same_product_make_one():
    alice, bob = two_people()
    new = {"name": "Olive oil", "unit": "bottle"}
    answers = race(
        lambda: alice.post("/products/new/", new),
        lambda: bob.post("/products/new/", new | {"name": "OLIVE  oil"}),
    )
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    assert Product.objects.count() == 1
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert f"/products/{Product.objects.get().pk}/" in refused.content.decode()


def test_two_posts_of_the_same_store_make_one():
    alice, bob = two_people()
    new = {"name": "Metro", "currency": "EUR"}
    answers = race(lambda: alice.post("/stores/new/", new), lambda: bob.post("/stores/new/", new))
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    assert Store.objects.count() == 1


def test_two_offers_of_a_product_at_a_store_make_one_and_no_price_is_left_behind():
    make_store("Metro")
    product = make_product()
    alice, bob = two_people()
    new = {"store": "Metro", "amount": "5"}
    url = f"/products/{product.pk}/offers/new/"
    answers = race(lambda: alice.post(url, new), lambda: bob.post(url, new))
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    assert (Offer.objects.count(), Price.objects.count()) == (1, 1)


def looked_up_first(*, by, name, **fields):
    """What a check before writing would do, slowly."""
    if linger(Product.objects.filter(name=name).exists)():
        raise BulqError("known")
    return Product.objects.create(name=name, name_key=name, **fields)


def test_without_the_key_a_check_before_writing_would_let_both_in():
    """Negative control: the unique constraint protects, not the lookup."""
    new = {"name": "Olive oil", "unit": "bottle", "kind": "counted", "step": 1, "by": None}
    results = race(lambda: looked_up_first(**new), lambda: looked_up_first(**new))
    assert [type(result) for result in results].count(IntegrityError) == 1


def test_a_unit_is_not_changed_under_a_price_that_is_being_logged(monkeypatch):
    alice = make_user("Alice")
    product = make_product(created_by=alice)
    offer = make_offer(product, make_store())
    seen = product.shown_digest
    change = {"seen": seen, "name": product.name, "brand": "", "step": 1, "unit": "box", "kind": "counted"}
    change |= {"barcode": None, "category": None}
    monkeypatch.setattr(prices, "locked", linger(locked))
    monkeypatch.setattr(catalogue, "locked", linger(locked))
    race(
        lambda: prices.log_price(
            Offer.objects.select_related("product", "store").get(), by=alice, amount=1, quantity=1
        ),
        lambda: catalogue.change_product(product.pk, by=alice, **change),
    )
    product.refresh_from_db()
    was_changed, was_logged = product.unit == "box", offer.prices.exists()
    assert was_changed != was_logged


def test_two_corrections_of_one_page_do_not_overwrite_each_other():
    alice = make_user("Alice")
    store = make_store("Metro", created_by=alice)
    seen = store.shown_digest

    def rename(name):
        return lambda: catalogue.change_store(store.pk, by=alice, seen=seen, name=name, chain="", address="")

    results = race(rename("Metro Nord"), rename("Metro Süd"))
    assert sorted(getattr(result, "status", 200) for result in results) == [200, 409]


def test_waiting_too_long_for_a_row_ends_in_a_sentence():
    """D3."""
    alice = make_user("Alice")
    store = make_store(created_by=alice)
    page = signed_in(alice).get(f"/stores/{store.pk}/edit/").context["form"]
    data = {"name": "Lidl", "chain": "", "address": "", "currency": "EUR", "seen": page.digest}
    with transaction.atomic():
        locked(Store.objects, pk=store.pk)
        [answer] = race(lambda: signed_in(alice).post(f"/stores/{store.pk}/edit/", data))
    assert answer.status_code == 409
    assert "Someone else is saving this right now" in answer.content.decode()
    assert 'value="Lidl"' in answer.content.decode()
