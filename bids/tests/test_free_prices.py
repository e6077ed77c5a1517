"""Spec 52: something free says nothing about its price. No form accepts 0 as a price, and no tap buys for nothing."""

import inspect

import pytest
from django import forms
from django.contrib import admin
from django.urls import reverse

import bids.forms
import stores.admin
import stores.forms
from accounts.tests.factories import make_user
from bids import states
from bids.actions.shopping import buy
from bids.reading.basket import Basket
from bulq.kit.errors import BulqError
from bulq.kit.numbers import AmountField, PriceField
from bulq.tests.client import signed_in
from stores.actions.prices import record_price, restore_price
from stores.models import Offer, Price
from stores.tests.factories import make_offer, make_product, make_store

from .cast import D, stage
from .factories import item_of

pytestmark = pytest.mark.django_db
SENTENCE = "Enter a price above 0. Something that was free has no price"
# Amounts that are paid or owed, which may be zero.
PAID = {
    *("PurchaseForm", "ExtraCostForm", "TotalForm", "FinishForm", "ReceiptForm", "PaymentForm", "ArrivedForm"),
}


def test_every_price_is_typed_in_a_price_field():
    """A new form with an amount either uses a `PriceField` or is listed above as not a price."""
    found = {}
    for module in (bids.forms, stores.forms, stores.admin):
        for name, form in inspect.getmembers(module, inspect.isclass):
            if issubclass(form, forms.BaseForm) and form.__module__.startswith(("bids.", "stores.")):
                amounts = [type(field) for field in form.base_fields.values() if isinstance(field, AmountField)]
                found |= {(module.__name__, name): amounts} if amounts else {}
    assert {name for (_module, name), kinds in found.items() if PriceField not in kinds} == PAID
    assert all(set(kinds) == {PriceField} for (_module, name), kinds in found.items() if name not in PAID)
    assert len(found) > len(PAID) + 4


def offer_of(scene):
    return make_offer(scene.oil, scene.run.store, price="12", quantity=6)


POSTS = {
    "in the shop": lambda scene: reverse("item-price", args=[scene.run.pk, item_of(scene.run, scene.oil).pk]),
    "at an offer": lambda scene: reverse("price-new", args=[offer_of(scene).pk]),
    "with an offer": lambda scene: reverse("offer-new", args=[scene.oil.pk]),
    "with a product": lambda _one: reverse("product-new"),
}


@pytest.mark.parametrize("zero", ["0", "0.00", "0,0"])
@pytest.mark.parametrize("place", POSTS)
def test_zero_is_not_a_price(place, zero):
    scene = stage(states.SHOPPING)
    address, known = POSTS[place](scene), Price.objects.count()
    typed = {"amount": zero, "quantity": "1", "store": scene.run.store.name, "name": "Olives", "unit": "kg"}
    typed |= {"kind": "divisible", "step": "0.5"}
    answer = signed_in(scene.hana).post(address, typed)
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"amount": [SENTENCE]}
    assert Price.objects.count() == known


def test_zero_is_not_a_price_in_the_admin_or_the_action_either():
    price = Price.objects.get(offer=make_offer(make_product(), make_store(), price="7"))
    root = make_user("Root", is_staff=True, is_superuser=True)
    address = reverse("admin:stores_price_change", args=[price.pk])
    assert admin.site.is_registered(Price)
    answer = signed_in(root).post(address, {"amount": "0", "quantity": "1", "note": ""})
    assert SENTENCE in answer.content.decode()
    with pytest.raises(BulqError, match="has no price"):
        record_price(price.offer.product, price.offer.store, amount=D(0), quantity=D(1), by=root)
    price.refresh_from_db()
    assert price.amount == 7


def test_prices_of_zero_from_an_older_release_stay_withdrawn():
    eve = make_user("Eve")
    offer = make_offer(make_product(), make_store())
    free = Price.objects.create(offer=offer, amount=0, quantity=1, seen_by=eve, withdrawn_at=eve.joined_at)
    with pytest.raises(BulqError, match="has no price"):
        restore_price(free, by=eve)
    assert Offer.objects.with_current_price().get(pk=offer.pk).current_amount is None


def test_a_gift_leaves_no_price_and_the_next_tap_asks_what_it_costs():
    scene = stage(states.SHOPPING)
    item = item_of(scene.run, scene.oil)
    buy(item, quantity=D(8), total=D(0), seen=item.version, by=scene.alice)
    assert not Price.objects.filter(offer__product=scene.oil).exists()
    assert Basket(scene.run).line_of(item).planned.total is None


def test_a_total_below_one_cent_counts_as_no_price():
    """0.01 for 1,000: eight of them cost nothing, and a tap does not buy eight for nothing."""
    scene = stage(states.SHOPPING)
    make_offer(scene.oil, scene.run.store, price="0.01", quantity=1000)
    line = Basket(scene.run).line_of(item_of(scene.run, scene.oil))
    assert (line.planned.units, line.planned.total, line.planned.price) == (8, None, None)
