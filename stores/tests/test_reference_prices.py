"""Spec 95: what a product costs elsewhere, entered with its day and shop, to compare runs with."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.tests.racing import race
from bulq.kit.errors import ChangedMeanwhile
from stores.actions.prices import set_reference_price
from stores.models import Product, ReferencePrice

from .factories import make_offer, make_product, make_store

TYPED = {"amount": "15,99", "quantity": "2", "currency": "EUR", "shop": "Kaufhof Süd", "seen_on": "2026-11-02"}


def address(product):
    return f"/products/{product.pk}/elsewhere/"


def values(**changes):
    stored = {"currency": "EUR", "amount": Decimal("15.99"), "quantity": Decimal(2)}
    return stored | {"shop": "Kaufhof Süd", "seen_on": date(2026, 11, 2), "seen": ""} | changes


def test_anyone_can_enter_it_also_for_a_verified_product(as_bob, bob, oil):
    Product.objects.filter(pk=oil.pk).update(is_verified=True)
    assert as_bob.post(address(oil), TYPED).url == f"/products/{oil.pk}/"
    price = ReferencePrice.objects.get()
    assert (price.product, price.amount, price.quantity, price.currency) == (oil, Decimal("15.99"), 2, "EUR")
    assert (price.shop, price.seen_on, price.entered_by) == ("Kaufhof Süd", date(2026, 11, 2), bob)
    assert price.entered_at
    page = as_bob.get(f"/products/{oil.pk}/").text
    assert "<b>€15.99</b> for 2 bottles" in page
    assert "Kaufhof Süd" in page


def test_the_unit_is_fixed_from_then_on(as_bob, oil):
    as_bob.post(address(oil), TYPED)
    assert Product.objects.get(pk=oil.pk).is_unit_fixed


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "9.999"}, "amount"),
        ({"amount": "10000000"}, "amount"),
        ({"amount": "7.40", "currency": "JPY"}, "amount"),
        ({"quantity": ""}, "quantity"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "\0"}, "currency"),
        ({"shop": ""}, "shop"),
        ({"shop": "x" * 101}, "shop"),
        ({"shop": "a\nb"}, "shop"),
        ({"seen_on": ""}, "seen_on"),
        ({"seen_on": "yesterday"}, "seen_on"),
        ({"seen_on": f"{timezone.localdate() + timedelta(days=2)}"}, "seen_on"),
    ],
)
def test_a_bad_one_is_refused_at_its_field(as_bob, oil, data, field):
    response = as_bob.post(address(oil), TYPED | data)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not ReferencePrice.objects.exists()


def test_a_divisible_product_may_have_it_for_part_of_a_unit(as_bob, rice):
    assert as_bob.post(address(rice), TYPED | {"quantity": "0.5"}).status_code == 302


def test_there_is_one_for_each_currency(as_bob, oil):
    as_bob.post(address(oil), TYPED)
    as_bob.post(address(oil), TYPED | {"currency": "JPY", "amount": "1200"})
    assert list(ReferencePrice.objects.order_by("currency").values_list("currency", "amount")) == [
        ("EUR", Decimal("15.99")),
        ("JPY", 1200),
    ]
    page = as_bob.get(address(oil), {"currency": "JPY"})
    assert (page.context["form"]["amount"].value(), page.context["form"]["currency"].value()) == ("1200.00", "JPY")


def test_anyone_can_correct_it_and_nobody_overwrites_what_they_have_not_seen(as_alice, as_bob, alice, oil):
    as_bob.post(address(oil), TYPED)
    seen = as_alice.get(address(oil), {"currency": "EUR"}).context["form"].digest
    as_bob.post(address(oil), TYPED | {"amount": "14", "seen": seen})
    stale = as_alice.post(address(oil), TYPED | {"amount": "13", "seen": seen})
    assert stale.status_code == 409
    assert stale.context["form"].stored_values() == [("Price", "14")]
    assert ReferencePrice.objects.get().amount == 14
    as_alice.post(address(oil), TYPED | {"amount": "13", "seen": stale.context["form"].digest})
    assert (ReferencePrice.objects.get().amount, ReferencePrice.objects.get().entered_by) == (13, alice)


def test_one_that_was_entered_meanwhile_is_not_overwritten(as_bob, bob, oil):
    """The page was opened when there was none, or for another currency."""
    set_reference_price(oil, by=bob, **values())
    assert as_bob.post(address(oil), TYPED | {"seen": ""}).status_code == 409
    assert as_bob.post(address(oil), TYPED | {"currency": "RSD", "seen": "of the euros"}).status_code == 302
    assert ReferencePrice.objects.count() == 2


def test_the_page_proposes_the_currency_in_which_it_is_sold(as_bob, oil):
    make_offer(oil, make_store(currency="RSD"))
    page = as_bob.get(f"/products/{oil.pk}/").text
    assert f"{address(oil)}?currency=RSD" in page
    assert as_bob.get(address(oil), {"currency": "RSD"}).context["form"]["currency"].value() == "RSD"
    assert as_bob.get(address(oil), {"currency": "XXX"}).context["form"]["currency"].value() == "EUR"


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_enter_it_at_once_one_is_refused(bob):
    oil = make_product()
    results = race(*[lambda: set_reference_price(oil, by=bob, **values())] * 2)
    assert sorted(isinstance(result, ChangedMeanwhile) for result in results) == [False, True]
    assert ReferencePrice.objects.count() == 1
