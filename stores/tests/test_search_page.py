"""The search page and its suggestions: what each person is shown, and how many queries that takes."""

import re
from html import unescape
from itertools import product as pairs

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Group, Membership
from accounts.tests.factories import make_group, make_user
from bulq.tests.client import signed_in
from stores.models import Category, Product, ProductAlias

from .factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db
PAGES = ("/search/", "/search/suggestions/")


def shown(client, text, page="/search/"):
    """The names that are shown as found, without the marks in them."""
    html = client.get(page, {"q": text}).content.decode()
    if page == "/search/":
        return [plain(name) for name in re.findall(r'<a class="what".*?>(.*?)</a>', html, re.DOTALL)]
    options = re.findall(r'<a role="option".*?<span>(.*?)<small>', html, re.DOTALL)
    return [plain(name) for name in options]


def plain(html):
    return unescape(re.sub(r"<.*?>", "", html)).strip()


@pytest.mark.parametrize("page", PAGES)
def test_nobody_finds_a_group_that_they_are_not_in(page):
    """K3: everyone against every group, by members and people who left or never came; site admins are no exception."""
    people = {name: make_user(name) for name in ("Ana", "Ben", "Cleo")}
    people["Root"] = make_user("Root", is_staff=True, is_superuser=True)
    groups = {name: make_group(f"Basement {name}", admin=people[name]) for name in ("Ana", "Ben", "Cleo")}
    Membership.objects.create(group=groups["Ana"], user=people["Ben"])
    gone = Membership.objects.create(group=groups["Cleo"], user=people["Ben"])
    assert shown(signed_in(people["Ben"]), "base", page) == ["Basement Ana", "Basement Ben", "Basement Cleo"]
    gone.delete()
    members = {("Ana", "Ana"), ("Ben", "Ana"), ("Ben", "Ben"), ("Cleo", "Cleo")}
    for reader, owner in pairs(people, groups):
        for text in ("basement", "BASE", f"basement {owner}", owner.lower(), "bazement"):
            found = f"Basement {owner}" in shown(signed_in(people[reader]), text, page)
            assert found <= ((reader, owner) in members), (reader, owner, text)
            if text == "basement":
                assert found == ((reader, owner) in members)


@pytest.mark.parametrize("page", PAGES)
def test_a_visitor_finds_nothing(visitor, page):
    make_product("Basmati rice")
    answer = visitor.get(page, {"q": "basmati"})
    assert answer.status_code == 302
    assert "Basmati" not in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_up_to_five_of_each_kind_and_how_many_there_are(as_alice, alice, page):
    for number in range(8):
        make_product(f"Basil {number}")
        make_store(f"Basar {number}")
        make_group(f"Basement {number}", admin=alice)
    names = [f"{word} {number}" for word in ("Basil", "Basar", "Basement") for number in range(5)]
    assert shown(as_alice, "bas", page) == names
    html = as_alice.get(page, {"q": "bas"}).content.decode()
    assert ("All 8" if page == "/search/" else "All 24 results for “bas”") in html


@pytest.mark.parametrize("page", PAGES)
def test_from_two_characters_on(as_alice, page):
    make_product("Basil")
    assert shown(as_alice, "b", page) == shown(as_alice, " b ", page) == shown(as_alice, "", page) == []
    assert shown(as_alice, "ba", page) == ["Basil"]


def test_it_says_by_which_other_name_a_product_was_found(as_alice):
    arborio = make_product("Arborio")
    ProductAlias.objects.create(product=arborio, name="Risotto rice")
    ProductAlias.objects.create(product=arborio, name="Arborio superfino")
    html = plain(as_alice.get("/search/?q=risotto").content.decode())
    assert "also called “Risotto rice”" in html
    assert "also called" not in plain(as_alice.get("/search/?q=arborio").content.decode())
    assert "similar word" in plain(as_alice.get("/search/?q=arboria").content.decode())


def test_the_beginnings_that_were_looked_for_are_marked_and_nothing_is_markup(as_alice):
    make_product("Šećer & <b>secret</b>")
    html = as_alice.get("/search/?q=sec").content.decode()
    assert "<mark>Šeć</mark>er &amp; &lt;b&gt;<mark>sec</mark>ret&lt;/b&gt;" in html
    assert "<b>secret" not in as_alice.get("/search/?q=<b>secret</b>").content.decode()


def test_a_bar_code_finds_its_product_and_a_wrong_one_says_so(as_alice, oil):
    Product.objects.filter(pk=oil.pk).update(barcode="00036000291452")
    for text in ("036000291452", "0 036000 291452"):
        assert shown(as_alice, text) == ["Olive oil"]
        assert "Found by its bar code" in as_alice.get("/search/", {"q": text}).content.decode()
    page = as_alice.get("/search/?q=036000291453").content.decode()
    assert "its last digit does not fit the others" in page
    assert "Add a product" not in page


def test_what_is_not_found_can_be_added_with_what_was_typed(as_alice):
    page = as_alice.get("/search/", {"q": "smoked tofu & co"}).content.decode()
    [address] = re.findall(r'href="(/products/new/\?[^"]*)"', page)
    assert as_alice.get(unescape(address)).context["form"]["name"].value() == "smoked tofu & co"
    page = as_alice.get("/search/", {"q": "4006381333931"}).content.decode()
    [address] = re.findall(r'href="(/products/new/\?[^"]*)"', page)
    form = as_alice.get(unescape(address)).context["form"]
    assert form["barcode"].value() == "4006381333931"
    assert form.unfolded()["details"]


@pytest.mark.parametrize("page", PAGES)
def test_the_queries_stay_the_same_however_much_is_found(as_alice, alice, page):
    category = Category.objects.create(name="Green things")

    def add(number):
        product = make_product(f"Basil {number}", category=category)
        ProductAlias.objects.create(product=product, name=f"Basilikum {number}")
        make_offer(product, make_store(f"Basar {number}"), price=1)
        make_group(f"Basement {number}", admin=alice)

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            as_alice.get(page, {"q": "bas"})
        return len(captured)

    for number in range(5):
        add(number)
    few = queries()
    for number in range(5, 40):
        add(number)
    # Without the looks at similar words, of products and of stores, and the thresholds for these.
    assert queries() == few - 3
    assert few < 25


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "text", ["\0\0", "%%", "'; --", "x" * 3000, "\ud83d\ude00", "a " * 1000, "ﷺ" * 200, "١٢٣٤٥٦٧٨"]
)
def test_any_text_is_answered(as_alice, page, text):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    assert as_alice.get(page, {"q": text}).status_code == 200
    assert Group.objects.count() == 0
