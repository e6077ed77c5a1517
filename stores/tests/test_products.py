"""Adding and correcting products (spec 1, 25, 26, 28)."""

from decimal import Decimal

import pytest

from bulq.tests.client import signed_in
from stores.models import Offer, Price, Product

from .factories import make_offer, make_product, make_store

NEW = "/products/new/"


def post(client, **data):
    return client.post(NEW, {"name": "Olive oil", "unit": "bottle"} | data)


def errors(response):
    assert response.status_code in (409, 422)
    return response.context["form"].errors


def edit(client, product, **data):
    url = f"/products/{product.pk}/edit/"
    page = client.get(url)
    form = page.context["form"]
    shown = {name: form[name].value() for name in form.fields} | {"seen": form.digest}
    return client.post(url, {name: "" if value is None else value for name, value in (shown | data).items()})


def test_anyone_adds_a_product_and_it_is_shown(as_bob, bob):
    response = post(as_bob, name="  Olive oil ", brand="Terra")
    product = Product.objects.get()
    assert response.url == f"/products/{product.pk}/"
    assert (product.name, product.brand, product.created_by) == ("Olive oil", "Terra", bob)
    page = as_bob.get(response.url).content.decode()
    assert "Olive oil (Terra) is now in the list." in page
    assert "No price yet" in page


@pytest.mark.parametrize(
    ("unit", "kind", "step"),
    [
        ("kg", "divisible", "0.5"),
        ("L", "divisible", "0.5"),
        ("g", "divisible", "50"),
        ("ml", "divisible", "50"),
        ("piece", "counted", "1"),
        ("pack", "counted", "1"),
        ("bottle", "counted", "1"),
        ("box", "counted", "1"),
    ],
)
def test_kind_and_step_are_preset_from_the_unit(as_bob, unit, kind, step):
    post(as_bob, unit=unit)
    product = Product.objects.get()
    assert (product.unit, product.kind, product.step) == (unit, kind, Decimal(step))


@pytest.mark.parametrize(
    ("typed", "unit"), [("bunch", "bunch"), (" Kg ", "kg"), ("l", "L"), ("BOTTLE", "bottle"), ("связка", "связка")]
)
def test_a_unit_may_be_free_text(as_bob, typed, unit):
    post(as_bob, unit="other", other_unit=typed)
    assert Product.objects.get().unit == unit


def test_kind_and_step_can_be_chosen(as_bob):
    post(as_bob, unit="kg", kind="counted", step="5")
    product = Product.objects.get()
    assert (product.kind, product.step) == ("counted", 5)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " a "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\ufdfa" * 100}, "name"),
        ({"brand": "\ufdfa" * 100}, "brand"),
        ({"brand": "x" * 101}, "brand"),
        ({"unit": ""}, "unit"),
        ({"unit": "stone"}, "unit"),
        ({"unit": "other"}, "other_unit"),
        ({"unit": "other", "other_unit": "x" * 21}, "other_unit"),
        ({"unit": "kg", "other_unit": "bunch"}, "other_unit"),
        ({"kind": "liquid"}, "kind"),
        ({"step": "0"}, "step"),
        ({"step": "1.5"}, "step"),
        ({"step": "1000.01", "unit": "kg"}, "step"),
        ({"step": "0.001", "unit": "kg"}, "step"),
        ({"step": "NaN"}, "step"),
        ({"store": "Lidl"}, "store"),
        ({"amount": "5"}, "store"),
        ({"pack_size": "5"}, "store"),
        ({"note": "aisle 4"}, "store"),
        ({"store": "Metro", "amount": "-5"}, "amount"),
        ({"store": "Metro", "amount": "7.401"}, "amount"),
        ({"store": "Metro", "quantity": "2"}, "amount"),
        ({"store": "Metro", "amount": "5", "quantity": "1.5"}, "quantity"),
        ({"store": "Metro", "amount": "5", "quantity": "0"}, "quantity"),
        ({"store": "Metro", "pack_size": "2.5"}, "pack_size"),
        ({"store": "Metro", "pack_size": "100000"}, "pack_size"),
        ({"store": "Metro", "min_quantity": "0.5"}, "min_quantity"),
        ({"store": "Metro", "note": "x" * 201}, "note"),
        ({"store": "Tokyo", "amount": "7.40"}, "amount"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_stays_in_the_form(as_bob, metro, data, field):
    make_store("Tokyo", currency="JPY")
    response = post(as_bob, **data)
    assert field in errors(response)
    assert response.context["form"]["name"].value() == data.get("name", "Olive oil")
    assert not Product.objects.exists()


def test_an_offer_with_its_price_can_be_added_at_once(as_bob, bob, metro):
    data = {"store": " METRO", "pack_size": "12", "min_quantity": "24", "note": "aisle 4", "amount": "10,00"}
    assert post(as_bob, **data).status_code == 302
    offer, price = Offer.objects.get(), Price.objects.get()
    assert (offer.store, offer.pack_size, offer.min_quantity, offer.note) == (metro, 12, 24, "aisle 4")
    assert (price.amount, price.quantity, price.seen_by) == (10, 12, bob)
    metro.refresh_from_db()
    assert offer.product.is_unit_fixed
    assert metro.is_currency_fixed


def test_without_a_pack_a_price_is_for_one_unit_or_the_typed_quantity(as_bob, metro):
    post(as_bob, store="Metro", amount="3")
    assert Price.objects.latest("pk").quantity == 1
    post(as_bob, name="Vinegar", store="Metro", amount="3", quantity="6", pack_size="12")
    assert Price.objects.latest("pk").quantity == 6


def test_an_offer_needs_no_price(as_bob, metro):
    post(as_bob, store="Metro")
    assert Offer.objects.get().store == metro
    assert not Product.objects.get().is_unit_fixed


def test_an_unknown_store_is_refused_with_suggestions(as_bob, metro):
    assert "Metro" in errors(post(as_bob, store="Metr"))["store"][0]


# --- The same again --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "data",
    [
        {"name": "Basmati Rice", "brand": "Tilda"},
        {"name": " basmati   RICE", "brand": "TILDA "},
        {"name": "BasmatiRice", "brand": "Ti lda"},
    ],
)
def test_the_same_name_and_brand_is_refused_with_a_link(as_bob, rice, data):
    response = post(as_bob, **data)
    assert response.status_code == 422
    assert errors(response)["name"] == ["A product with this name and brand already exists"]
    assert f'<a href="/products/{rice.pk}/">Basmati Rice (Tilda)' in response.content.decode()
    assert Product.objects.count() == 1


def test_the_link_leads_on_to_where_the_person_came_from(as_bob, rice):
    response = post(as_bob, name="Basmati Rice", brand="Tilda", next="/runs/5/add/?q=ri")
    assert f'href="/runs/5/add/?q=ri&amp;product={rice.pk}"' in response.content.decode()


def test_another_brand_is_another_product(as_bob, rice):
    assert post(as_bob, name="Basmati Rice", brand="Uncle").status_code == 302


def test_correcting_to_a_known_name_is_refused(as_alice, rice, oil):
    response = edit(as_alice, oil, name="Basmati rice", brand="tilda")
    assert "name" in errors(response)
    assert f"/products/{rice.pk}/" in response.content.decode()
    oil.refresh_from_db()
    assert oil.name == "Olive oil"


def test_similar_ones_are_offered_while_typing(as_bob, rice):
    make_product("Čaj od kamilice", is_verified=True)
    page = as_bob.get("/products/similar/", {"name": "basmati rise"})
    assert f'href="/products/{rice.pk}/"' in page.content.decode()
    assert "Verified" in as_bob.get("/products/similar/", {"name": "caj"}).content.decode()
    for query in ({}, {"name": "r"}, {"name": "%%"}, {"name": "__"}, {"name": "\0"}, {"name": "x" * 3000}):
        page = as_bob.get("/products/similar/", query)
        assert (page.status_code, page.content.strip()) == (200, b"")


def test_the_brand_counts_when_looking_for_similar_ones(as_bob):
    for brand in ("De Cecco", "Barilla"):
        make_product("Penne rigate", brand=brand)
    page = as_bob.get("/products/similar/", {"name": "Penne rigatte", "brand": "barila"})
    first, _url = page.context["similar"][0]
    assert str(first) == "Penne rigate (Barilla)"


def test_suggestions_escape_names(as_bob):
    make_product("<script>alert(1)</script>")
    assert b"<script>alert" not in as_bob.get("/products/similar/", {"name": "<script>alert"}).content


# --- Where it leads --------------------------------------------------------------------------------
def test_a_link_can_fill_the_form_in(as_bob, metro):
    form = as_bob.get(NEW, {"name": "Tea", "store": metro.pk, "currency": "EUR"}).context["form"]
    assert (form["name"].value(), form["store"].value()) == ("Tea", "Metro")
    for store in ("", "0", "abc", "-1", "9" * 400, "١", "1.5"):
        assert as_bob.get(NEW, {"store": store}).context["form"]["store"].value() is None


@pytest.mark.parametrize(
    ("path", "goes_to"),
    [
        ("/runs/5/add/", "/runs/5/add/?product={id}"),
        ("/runs/5/?q=a%26b&page=2", "/runs/5/?q=a%26b&page=2&product={id}"),
        ("/runs/5/?product=1", "/runs/5/?product={id}"),
        ("", "/products/{id}/"),
        ("https://evil.example/", "/products/{id}/"),
        ("http://testserver/runs/5/", "/products/{id}/"),
        ("//evil.example/", "/products/{id}/"),
        ("///evil.example/", "/products/{id}/"),
        ("/\\evil.example/", "/products/{id}/"),
        ("\\\\evil.example/", "/products/{id}/"),
        ("/\t/evil.example/", "/products/{id}/"),
        ("javascript:alert(1)", "/products/{id}/"),
        ("runs/5/", "/products/{id}/"),
        (" //evil.example", "/products/{id}/"),
    ],
)
def test_it_leads_back_but_never_to_another_site(as_bob, path, goes_to):
    response = post(as_bob, next=path)
    assert response.url == goes_to.format(id=Product.objects.get().pk)


def test_the_way_back_is_carried_through_the_form(as_bob):
    assert as_bob.get(NEW, {"next": "/runs/5/"}).context["next"] == "/runs/5/"
    assert post(as_bob, name="", next="/runs/5/").context["next"] == "/runs/5/"
    assert as_bob.get(NEW, {"next": "//evil.example/"}).context["next"] == ""


def test_a_line_break_in_the_way_back_splits_no_header(as_bob):
    response = post(as_bob, next="/runs/5/\r\nSet-Cookie: a=b")
    assert "Set-Cookie" not in response.headers
    assert "\n" not in response.url


# --- Correcting ------------------------------------------------------------------------------------
def test_the_person_who_added_it_can_correct_it(as_alice, oil):
    response = edit(as_alice, oil, name="Olive oil, extra virgin", unit="other", other_unit="can", step="6")
    assert response.url == f"/products/{oil.pk}/"
    oil.refresh_from_db()
    assert (oil.name, oil.unit, oil.step) == ("Olive oil, extra virgin", "can", 6)
    assert oil.name_key == "oliveoil,extravirgin"


def test_others_cannot_and_once_it_is_verified_only_an_admin_can(as_alice, as_bob, as_admin, oil):
    for method in ("get", "post"):
        response = getattr(as_bob, method)(f"/products/{oil.pk}/edit/")
        assert response.status_code == 403
        assert "Only the person who added Olive oil" in response.content.decode()
    Product.objects.update(is_verified=True)
    for method in ("get", "post"):
        response = getattr(as_alice, method)(f"/products/{oil.pk}/edit/")
        assert response.status_code == 403
        assert "is verified" in response.content.decode()
    assert edit(as_admin, oil, name="Oil of olives").status_code == 302
    assert "/edit/" not in as_alice.get(f"/products/{oil.pk}/").content.decode()


def test_unit_and_kind_are_fixed_once_a_price_exists(as_alice, oil, metro):
    open_page = as_alice.get(f"/products/{oil.pk}/edit/").context["form"].digest
    data = {"name": "Olive oil", "unit": "kg", "kind": "counted", "step": "1", "seen": open_page}
    Product.objects.update(is_unit_fixed=True)
    assert "unit" not in as_alice.get(f"/products/{oil.pk}/edit/").context["form"].fields
    assert "unit" in errors(as_alice.post(f"/products/{oil.pk}/edit/", data))
    assert "kind" in errors(as_alice.post(f"/products/{oil.pk}/edit/", data | {"unit": "bottle", "kind": "divisible"}))
    assert as_alice.post(f"/products/{oil.pk}/edit/", data | {"unit": "bottle", "step": "2"}).status_code == 302
    oil.refresh_from_db()
    assert (oil.unit, oil.kind, oil.step) == ("bottle", "counted", 2)


def test_a_counted_product_of_fixed_unit_keeps_whole_steps(as_alice, oil):
    Product.objects.update(is_unit_fixed=True)
    assert "step" in errors(edit(as_alice, oil, step="1.5"))
    assert edit(as_alice, oil, step="").status_code == 302


def test_a_stale_form_is_refused_with_both_versions(as_alice, as_admin, oil):
    """D6."""
    url = f"/products/{oil.pk}/edit/"
    seen = as_alice.get(url).context["form"].digest
    edit(as_admin, oil, name="Oil of olives")
    mine = {"name": "Olive oil, cold", "brand": "", "unit": "bottle", "kind": "counted", "step": "1"}
    response = as_alice.post(url, mine | {"seen": seen})
    assert response.status_code == 409
    page = response.content.decode()
    assert "Oil of olives" in page
    assert 'value="Olive oil, cold"' in page
    assert response.context["form"].stored_values() == [("Name", "Oil of olives")]
    oil.refresh_from_db()
    assert oil.name == "Oil of olives"
    again = as_alice.post(url, mine | {"seen": response.context["form"].digest})
    assert again.status_code == 302
    assert as_alice.post(url, mine | {"seen": ""}).status_code == 409
    assert as_alice.post(url, mine | {"seen": "\0", "once": "x"}).status_code == 422


def test_the_same_form_twice_makes_one_product(as_bob):
    once = "3f1a8a0e-7f4f-4d0c-9f3e-0b9b6f1f4a11"
    first, second = post(as_bob, once=once), post(as_bob, once=once)
    assert first["Location"] == second["Location"]
    assert Product.objects.count() == 1


def test_a_free_unit_is_shown_again_for_correction(as_alice, alice):
    product = make_product("Parsley", unit="bunch", created_by=alice)
    form = as_alice.get(f"/products/{product.pk}/edit/").context["form"]
    assert (form["unit"].value(), form["other_unit"].value()) == ("other", "bunch")
    assert edit(as_alice, product, brand="Fresh").status_code == 302
    product.refresh_from_db()
    assert (product.unit, product.brand) == ("bunch", "Fresh")


def test_someone_signed_in_later_cannot_correct_what_nobody_added(bob):
    product = make_product()
    assert signed_in(bob).get(f"/products/{product.pk}/edit/").status_code == 403


def test_the_page_shows_the_price_at_each_store(as_bob, oil, metro):
    make_offer(oil, metro, pack_size=12, min_quantity=24, note="aisle 4", price="10.00", quantity=12)
    page = as_bob.get(f"/products/{oil.pk}/").content.decode()
    for text in ("€0.8333</b> per bottle", "€10.00 for 12 bottles", "Packs of 12 bottles", "At least 24", "aisle 4"):
        assert text in page
    assert "Ordered in steps of 1 bottle" in page
