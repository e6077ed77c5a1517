"""What the catalogue's pages do with JavaScript."""

import pytest

from bulq.tests.client import signed_in
from stores.models import Product

from .factories import make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(new_context, live_server, alice):
    context = new_context(base_url=live_server.url, viewport={"width": 390, "height": 844})
    session = signed_in(alice).cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": session.value, "url": live_server.url}])
    return context.new_page()


def test_known_products_are_offered_while_a_name_is_typed(page):
    rice = make_product("Basmati Rice", brand="Tilda")
    page.goto("/products/new/")
    page.get_by_label("Name").press_sequentially("basmati rise")
    page.get_by_role("link", name="Basmati Rice (Tilda)").wait_for()
    page.get_by_label("Name").fill("")
    page.locator("#similar").wait_for(state="hidden")
    page.get_by_label("Name").press_sequentially("basmati rise")
    page.get_by_role("link", name="Basmati Rice (Tilda)").click()
    page.wait_for_url(f"**/products/{rice.pk}/")


def test_stores_are_offered_while_a_name_is_typed(page):
    make_store("Aldi")
    for n in range(25):
        make_store(f"Store {n:02}")
    page.goto("/products/new/")
    page.get_by_text("Where it is sold and what it costs").click()
    page.locator("main").get_by_label("Store").press_sequentially("store 24")
    page.locator('#known-stores option[value="Store 24"]').wait_for(state="attached")


def test_a_refused_form_keeps_what_was_typed_and_goes_through_once_corrected(page):
    make_store("Metro")
    page.goto("/products/new/")
    page.get_by_label("Name").fill("Olive oil")
    page.get_by_label("Unit", exact=True).select_option("bottle")
    page.get_by_text("Where it is sold and what it costs").click()
    page.locator("main").get_by_label("Store").fill("metro")
    page.get_by_label("Price").fill("about 7")
    page.get_by_role("button", name="Add the product").click()
    page.get_by_role("alert").get_by_text("Enter a number, for example 7.40").wait_for()
    assert page.get_by_label("Price").input_value() == "about 7"
    page.get_by_label("Price").fill("7,40")
    page.get_by_role("button", name="Add the product").click()
    page.wait_for_url("**/products/*/")
    page.get_by_text("€7.40").first.wait_for()
    assert Product.objects.get().name == "Olive oil"
