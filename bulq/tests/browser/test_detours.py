"""People who need a new store or product in the middle of a form add it, and come back to everything typed, with it
selected."""

import re

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import make_group, make_user
from bids.models import Bid, Run
from bids.tests.factories import go_shopping, make_run, order
from bulq.tests.architecture import ROOT
from stores.models import Offer, Product
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
both = pytest.mark.parametrize("scripts", [True, False], ids=["with script", "without script"])
LONG_NOTE = "Ранним утром, возьмите сумки. " * 16  # too long for an address


@pytest.fixture
def mara():
    return make_user("Mara")


@both
def test_a_new_run_keeps_day_and_note_while_its_store_is_added(enter, mara, scripts):
    group = make_group(admin=mara)
    make_store("Metro")
    page = enter(mara, java_script_enabled=scripts)
    page.goto(f"/groups/{group.pk}/runs/new/")
    page.get_by_label("Day of the trip").fill("2099-11-28")
    page.get_by_label("Time, in ").fill("18:00")
    page.get_by_text("Remind me", exact=True).click()
    page.get_by_label("Note").fill(LONG_NOTE)
    page.get_by_label("Find another store by name").fill("Bulk Barn")
    page.get_by_role("button", name="New store").click()
    page.wait_for_url("**/stores/new/**")
    expect(page.get_by_label("Name")).to_have_value("Bulk Barn")
    page.get_by_role("button", name="Add the store").click()
    page.wait_for_url("**/runs/new/**")
    expect(page.get_by_label("Bulk Barn")).to_be_checked()
    expect(page.get_by_label("Day of the trip")).to_have_value("2099-11-28")
    expect(page.get_by_label("Time, in ")).to_have_value("18:00")
    expect(page.get_by_label("Remind me")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value(LONG_NOTE)
    page.get_by_label("Time, in ").fill("")
    page.get_by_role("button", name="Start collecting").click()
    page.wait_for_url("**/add/")
    assert str(Run.objects.get().store) == "Bulk Barn"


@both
def test_a_new_run_keeps_everything_while_a_store_is_searched_or_not_added_after_all(enter, mara, scripts):
    group = make_group(admin=mara)
    metro = make_store("Metro")
    for number in range(9):
        make_store(f"Aldi {number}")
    page = enter(mara, java_script_enabled=scripts)
    page.goto(f"/groups/{group.pk}/runs/new/")
    expect(page.get_by_label("Metro", exact=True)).to_have_count(0)
    page.get_by_label("Note").fill("Bring bags")
    page.get_by_label("Find another store by name").fill("metro")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("Metro", exact=True).check()
    expect(page.get_by_label("Note")).to_have_value("Bring bags")
    page.get_by_role("button", name="New store").click()
    page.wait_for_url("**/stores/new/**")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_label("Metro", exact=True)).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("Bring bags")
    page.get_by_role("button", name="Start collecting").click()
    page.wait_for_url("**/add/")
    assert Run.objects.get().store == metro


@both
def test_a_new_product_keeps_its_fields_while_its_store_is_added_and_leads_back_to_the_run(enter, mara, scripts):
    """Two detours, one inside the other; the amounts in the order table are saved on the way."""
    run = make_run(leader=mara, store=make_store("Metro"))
    oil = make_product("Oil")
    page = enter(mara, java_script_enabled=scripts)
    page.goto(f"/runs/{run.pk}/add/?q=oil")
    if scripts:
        page.get_by_role("button", name="Add Oil to your order").click()
    else:
        page.locator(f"[name=q-{oil.pk}]").fill("1")
    page.get_by_role("button", name="Add a new product").click()
    page.wait_for_url("**/products/new/**")
    page.get_by_label("Name").fill("Basmati rice")
    page.get_by_label("Unit", exact=True).select_option("kg")
    page.get_by_text("Price at Metro").click()
    page.locator("main").get_by_label("Store").fill("Bulk Barn")
    page.get_by_label("Price").fill("4.20")
    page.get_by_role("button", name="New store").click()
    page.wait_for_url("**/stores/new/**")
    page.get_by_role("button", name="Add the store").click()
    page.wait_for_url("**/products/new/**")
    expect(page.get_by_label("Name")).to_have_value("Basmati rice")
    expect(page.get_by_label("Unit", exact=True)).to_have_value("kg")
    expect(page.locator("main").get_by_label("Store")).to_have_value("Bulk Barn")
    expect(page.get_by_label("Price")).to_have_value("4.20")
    page.get_by_role("button", name="Add the product").click()
    page.wait_for_url("**/add/**")
    rice = Product.objects.get(name="Basmati rice")
    expect(page.locator(".matrix tbody tr").first).to_have_attribute("id", f"p{rice.pk}")
    assert Offer.objects.get(product=rice).store.name == "Bulk Barn"
    assert Bid.objects.get(participation__user=mara, product=oil).quantity == 1


@both
def test_a_new_offer_keeps_its_fields_while_the_store_is_added(enter, mara, scripts):
    rice = make_product("Basmati rice")
    page = enter(mara, java_script_enabled=scripts)
    page.goto(f"/products/{rice.pk}/offers/new/")
    page.locator("main").get_by_label("Store").fill("Bulk Barn")
    page.get_by_label("Price").fill("7,40")
    page.get_by_label("Note").fill("aisle 4")
    page.get_by_role("button", name="New store").click()
    page.wait_for_url("**/stores/new/**")
    page.get_by_role("button", name="Add the store").click()
    expect(page.locator("main").get_by_label("Store")).to_have_value("Bulk Barn")
    expect(page.get_by_label("Price")).to_have_value("7,40")
    expect(page.get_by_label("Note")).to_have_value("aisle 4")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/products/{rice.pk}/")
    assert Offer.objects.get(product=rice).store.name == "Bulk Barn"


@both
def test_a_product_added_in_the_shop_needs_an_amount(enter, mara, scripts):
    run = make_run(leader=mara, store=make_store("Metro"))
    order(run, mara, make_product("Oil"), 1)
    go_shopping(run)
    page = enter(mara, java_script_enabled=scripts)
    page.goto(f"/runs/{run.pk}/shop/add/?q=rice")
    page.get_by_role("link", name="Add a new product").click()
    expect(page.get_by_label("Name")).to_have_value("rice")
    page.get_by_label("Unit", exact=True).select_option("kg")
    page.get_by_role("button", name="Add the product").click()
    page.wait_for_url("**/shop/add/**")
    expect(page.get_by_role("heading", name="Add rice")).to_be_visible()


# A link away loses what was typed, so beside a form there is a button. These pages have no form to lose.
LINKS = {"bids/shop_search.html", "bids/add.html", "stores/store.html", "stores/stores.html", "stores/products.html"}


def test_no_form_links_away_to_what_it_lacks():
    link = re.compile(r'href="\{% url "(?:store|product)-new" %\}')
    templates = ROOT / "templates"
    found = {str(path.relative_to(templates)) for path in templates.rglob("*.html") if link.search(path.read_text())}
    assert found <= LINKS


def test_a_run_is_started_and_five_products_are_ordered_in_eight_taps(enter, mara):
    """From the home page; no search is needed, because what the store sells comes first."""
    make_group(admin=mara)
    store = make_store("Metro")
    for number in range(5):
        make_offer(make_product(f"Product {number}"), store, price="2.00")
    page = enter(mara, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto("/")
    taps = [page.get_by_role("link", name="New run"), page.get_by_text("Metro"), page.get_by_text("Start collecting")]
    taps += [page.get_by_role("button", name=f"Add Product {number} to your order") for number in range(5)]
    for tap in taps:
        tap.tap()
    assert len(taps) == 8
    expect(page.locator("#save-status")).to_have_text("Saved", timeout=15_000)
    expect(page.locator("#mysum")).to_contain_text("5 products", timeout=15_000)
    assert Bid.objects.filter(participation__user=mara).count() == 5
