"""Adding products to a run, and the shop's list: searched and narrowed by category (spec 29, 98, 99)."""

import re

import pytest

from bids import states
from bulq.tests.client import signed_in
from stores.models import Category, Product, ProductAlias
from stores.tests.factories import make_product

from .stages import stage

pytestmark = pytest.mark.django_db


def names(client, path, **query):
    html = client.get(path, query).content.decode()
    found = re.search(r'id="found".*', html, re.DOTALL)[0]
    return [product.name for product in Product.objects.order_by("name") if f">{product.name}<" in found]


@pytest.fixture
def catalogue(db):
    sweet, dry = Category.objects.create(name="Sweet"), Category.objects.create(name="Dry")
    Category.objects.create(name="Never used")
    sugar = make_product("Sugar", category=sweet, barcode="04006381333931")
    ProductAlias.objects.create(product=sugar, name="Šećer")
    make_product("Sugar cones", category=dry)
    make_product("Honey", category=sweet)
    return sweet, dry


@pytest.mark.parametrize(("state", "page"), [(states.ACTIVE, "add"), (states.SHOPPING, "shop/add")])
def test_products_are_picked_by_search_other_name_bar_code_and_category(catalogue, state, page):
    sweet, dry = catalogue
    scene = stage(state)
    client, path = signed_in(scene.alice), f"/runs/{scene.run.pk}/{page}/"
    assert names(client, path, q="sug") == ["Sugar", "Sugar cones"]
    assert names(client, path, q="шећер") == ["Sugar"]
    assert names(client, path, q="4 006381 333931") == ["Sugar"]
    assert names(client, path, category=sweet.pk) == ["Honey", "Sugar"]
    assert names(client, path, category=dry.pk, q="sug") == ["Sugar cones"]
    assert {"Honey", "Sugar", "Sugar cones"} < set(names(client, path, category="x"))
    page = client.get(path, {"category": dry.pk, "q": "sug"}).content.decode()
    assert "Never used" not in page
    assert re.search(rf'href="\?[^"]*category={dry.pk}[^"]*" aria-current="true">', page)
    assert f'name="category" value="{dry.pk}"' in page


def test_the_shops_list_narrows_to_a_category_and_stays_so_after_a_tick():
    scene = stage(states.SHOPPING)
    client, path = signed_in(scene.alice), f"/runs/{scene.run.pk}/"
    items = list(scene.run.items.select_related("product").order_by("pk"))
    products = [item.product for item in items]
    first, second = Category.objects.create(name="First"), Category.objects.create(name="Second", position=1)
    Product.objects.filter(pk=products[0].pk).update(category=first)
    Product.objects.filter(pk__in=[product.pk for product in products[1:]]).update(category=second)
    shown = client.get(path, {"category": first.pk}).content.decode()
    todo = re.search(r'id="todo".*?</section>', shown, re.DOTALL)[0]
    assert products[0].name in todo
    assert all(product.name not in todo for product in products[1:])
    assert f"/buy/?category={first.pk}" in todo
    answer = client.post(f"/runs/{scene.run.pk}/shop/items/{items[0].pk}/not-there/?category={second.pk}")
    assert answer.url == f"{path}?category={second.pk}"
