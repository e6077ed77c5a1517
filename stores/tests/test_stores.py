"""Adding and correcting stores, and the page of a store (spec 2, 25, 27, 28)."""

import pytest

from stores.models import Store

from .factories import make_offer, make_product, make_store

NEW = "/stores/new/"


def post(client, **data):
    return client.post(NEW, {"name": "Lidl", "currency": "EUR"} | data)


def edit(client, store, **data):
    url = f"/stores/{store.pk}/edit/"
    form = client.get(url).context["form"]
    return client.post(url, {name: form[name].value() for name in form.fields} | {"seen": form.digest} | data)


def test_anyone_adds_a_store_and_it_is_shown(as_bob, bob):
    response = post(as_bob, name=" Lidl  Süd", chain="Lidl", address="Main street 1", currency="RSD")
    store = Store.objects.get()
    assert response.url == f"/stores/{store.pk}/"
    assert (store.name, store.chain, store.currency, store.created_by) == ("Lidl  Süd", "Lidl", "RSD", bob)
    page = as_bob.get(response.url).content.decode()
    for text in ("Main street 1", "Prices in RSD", "No product is known here yet"):
        assert text in page


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\u200b\u200b\u200b"}, "name"),
        ({"chain": "x" * 101}, "chain"),
        ({"address": "x" * 201}, "address"),
        ({"address": "a\0b"}, "address"),
        ({"currency": ""}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "KWD"}, "currency"),
        ({"name": "METRO "}, "name"),
        ({"name": "Me tro"}, "name"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_stays_in_the_form(as_bob, metro, data, field):
    response = post(as_bob, **data)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert response.context["form"][field].value() == data[field]
    assert Store.objects.count() == 1


def test_the_same_name_is_refused_with_a_link(as_bob, metro):
    page = post(as_bob, name="metro", next="/groups/3/runs/new/").content.decode()
    assert "A store with this name already exists" in page
    assert f'href="/groups/3/runs/new/?store={metro.pk}"' in page


def test_similar_ones_are_offered_while_typing(as_bob, metro):
    assert f'href="/stores/{metro.pk}/"' in as_bob.get("/stores/similar/", {"name": "Metr"}).content.decode()
    assert as_bob.get("/stores/similar/").content.strip() == b""
    assert 'value="Metro"' in as_bob.get("/stores/names/", {"store": "metr"}).content.decode()


def test_it_leads_back_with_the_store(as_bob):
    response = post(as_bob, next="/groups/3/runs/new/?name=x")
    assert response.url == f"/groups/3/runs/new/?name=x&store={Store.objects.get().pk}"
    response = post(as_bob, name="Spar", next="https://evil.example/")
    assert response.url.startswith("/stores/")


def test_a_link_can_fill_the_form_in(as_bob, settings):
    form = as_bob.get(NEW, {"name": "Lidl", "currency": "RSD"}).context["form"]
    assert (form["name"].value(), form["currency"].value()) == ("Lidl", "RSD")
    form = as_bob.get(NEW, {"currency": "KWD"}).context["form"]
    assert form["currency"].value() == settings.DEFAULT_CURRENCY


def test_only_the_person_who_added_it_can_correct_it(as_alice, as_bob, metro):
    assert edit(as_alice, metro, name="Metro Nord", currency="RSD").url == f"/stores/{metro.pk}/"
    metro.refresh_from_db()
    assert (metro.name, metro.name_key, metro.currency) == ("Metro Nord", "metronord", "RSD")
    for method in ("get", "post"):
        assert getattr(as_bob, method)(f"/stores/{metro.pk}/edit/").status_code == 403


def test_only_an_admin_changes_a_verified_store(as_alice, as_admin, metro):
    Store.objects.update(is_verified=True)
    assert as_alice.get(f"/stores/{metro.pk}/edit/").status_code == 403
    assert edit(as_admin, metro, name="Metro Nord").status_code == 302
    assert "Verified" in as_alice.get(f"/stores/{metro.pk}/").content.decode()


def test_the_currency_is_fixed_by_the_first_price(as_alice, metro):
    seen = as_alice.get(f"/stores/{metro.pk}/edit/").context["form"].digest
    Store.objects.update(is_currency_fixed=True)
    assert "currency" not in as_alice.get(f"/stores/{metro.pk}/edit/").context["form"].fields
    data = {"name": "Metro", "chain": "", "address": "", "currency": "RSD", "seen": seen}
    response = as_alice.post(f"/stores/{metro.pk}/edit/", data)
    assert "currency" in response.context["form"].errors
    assert as_alice.post(f"/stores/{metro.pk}/edit/", data | {"currency": "EUR", "chain": "M"}).status_code == 302
    metro.refresh_from_db()
    assert (metro.currency, metro.chain) == ("EUR", "M")


def test_a_stale_form_is_refused_with_both_versions(as_alice, as_admin, metro):
    """D6."""
    seen = as_alice.get(f"/stores/{metro.pk}/edit/").context["form"].digest
    edit(as_admin, metro, address="Second street 2")
    data = {"name": "Metro", "chain": "", "address": "First street 1", "currency": "EUR", "seen": seen}
    response = as_alice.post(f"/stores/{metro.pk}/edit/", data)
    assert response.status_code == 409
    assert "Second street 2" in response.content.decode()
    assert 'value="First street 1"' in response.content.decode()
    metro.refresh_from_db()
    assert metro.address == "Second street 2"


def test_the_list_can_be_searched_and_shows_verified_stores_first(as_bob):
    for name in ("Metro", "Spar", "Čajdžinica"):
        make_store(name)
    make_store("Zebra", is_verified=True, chain="Z", address="Far away")
    page = as_bob.get("/stores/")
    assert [store.name for store in page.context["page"]] == ["Zebra", "Čajdžinica", "Metro", "Spar"]
    assert "Z · Far away · EUR" in page.content.decode()
    assert [store.name for store in as_bob.get("/stores/", {"q": "caj"}).context["page"]] == ["Čajdžinica"]
    assert "Nothing found" in as_bob.get("/stores/", {"q": "%"}).content.decode()


def test_the_page_of_a_store_lists_its_products_by_name(as_bob, metro):
    make_offer(make_product("Vinegar", unit="L", kind="divisible", step="0.5"), metro, price="1.50")
    make_offer(make_product("Čaj", brand="Franck", unit="pack"), metro, pack_size=6, price="9", quantity=6)
    make_offer(make_product("Apples"), make_store())
    page = as_bob.get(f"/stores/{metro.pk}/")
    assert [offer.product.name for offer in page.context["page"]] == ["Čaj", "Vinegar"]
    html = page.content.decode()
    for text in ("Franck", "€1.50</b> per pack", "€9.00 for 6 packs", "Packs of 6 packs", "€1.50</b> per L"):
        assert text in html
    page = as_bob.get(f"/stores/{metro.pk}/", {"q": "franck"})
    assert [offer.product.name for offer in page.context["page"]] == ["Čaj"]
    assert "Nothing found" in as_bob.get(f"/stores/{metro.pk}/", {"q": "apples"}).content.decode()
