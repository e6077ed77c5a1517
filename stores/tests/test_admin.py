"""The catalogue in the site admin (spec 68, 70)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stores.models import Offer, Price, Product, Store

from .factories import make_offer, make_product, make_store

BASE = "/admin/stores"


def shown(page):
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    sent = {"aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0}  # of a product's other names
    for name, value in values.items():
        if hasattr(value, "year"):
            sent |= {f"{name}_0": f"{value:%Y-%m-%d}", f"{name}_1": f"{value:%H:%M:%S}"}
        elif value is not False:
            sent[name] = "" if value is None else value
    return sent


def change(client, row, **data):
    url = f"{BASE}/{row._meta.model_name}/{row.pk}/change/"
    return client.post(url, shown(client.get(url)) | data)


def errors(response):
    assert response.status_code == 200
    return response.context["adminform"].form.errors


@pytest.mark.parametrize("model", ["store", "product", "offer", "price"])
def test_the_lists_are_searched_with_the_same_few_queries(as_admin, oil, metro, model):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            assert as_admin.get(f"{BASE}/{model}/", {"q": "o"}).status_code == 200
        return len(seen)

    make_offer(oil, metro, price=1)
    once = queries()
    for _n in range(5):
        make_offer(make_product(), make_store(), price=1)
    assert queries() == once <= 12


@pytest.mark.parametrize("model", ["store", "product", "offer", "price"])
def test_other_people_do_not_get_in(as_alice, visitor, model):
    for client in (as_alice, visitor):
        assert client.get(f"{BASE}/{model}/").status_code == 302


def test_names_are_unique_whatever_their_case_and_spaces(as_admin, rice, oil, metro):
    response = change(as_admin, oil, name="basmati RICE", brand="tilda")
    assert errors(response)["name"] == ["A product with this name and brand already exists"]
    new = {"name": "ME TRO", "currency": "EUR"}
    assert "name" in errors(as_admin.post(f"{BASE}/store/add/", new))
    assert as_admin.post(f"{BASE}/store/add/", new | {"name": "Lidl"}).status_code == 302
    assert Store.objects.get(name="Lidl").created_by.is_staff


def test_the_folded_name_follows_the_name(as_admin, oil, metro):
    change(as_admin, oil, name="Oil of olives", brand="Terra")
    oil.refresh_from_db()
    assert (oil.name_key, oil.brand_key, oil.sort_name) == ("oilofolives", "terra", "oil of olives")


def test_a_name_taken_in_the_same_moment_gets_a_sentence(as_admin, oil, monkeypatch):
    make_product("Taken")
    monkeypatch.setattr(Product, "clean", lambda _self: None)
    response = as_admin.post(
        f"{BASE}/product/{oil.pk}/change/",
        shown(as_admin.get(f"{BASE}/product/{oil.pk}/change/")) | {"name": "Taken"},
        follow=True,
    )
    assert "Someone else got there first" in response.content.decode()
    oil.refresh_from_db()
    assert oil.name == "Olive oil"


@pytest.mark.parametrize(
    ("data", "field"),
    [({"step": "1.5"}, "step"), ({"step": "0"}, "step"), ({"step": "x"}, "step"), ({"unit": ""}, "unit")],
)
def test_a_product_is_checked_as_in_its_form(as_admin, oil, data, field):
    assert field in errors(change(as_admin, oil, **data))


def test_unit_and_currency_are_read_only_once_they_are_fixed(as_admin, oil, metro):
    Product.objects.update(is_unit_fixed=True)
    Store.objects.update(is_currency_fixed=True)
    change(as_admin, oil, unit="kg", kind="divisible", step="3")
    change(as_admin, metro, currency="RSD", chain="M")
    oil.refresh_from_db()
    metro.refresh_from_db()
    assert (oil.unit, oil.kind, oil.step) == ("bottle", "counted", 3)
    assert (metro.currency, metro.chain) == ("EUR", "M")


def test_quantities_and_amounts_are_checked(as_admin, oil, metro):
    offer = make_offer(oil, metro, price=1)
    assert "pack_size" in errors(change(as_admin, offer, pack_size="1.5"))
    assert "min_quantity" in errors(change(as_admin, offer, min_quantity="NaN"))
    price = offer.prices.get()
    assert "quantity" in errors(change(as_admin, price, quantity="0.5"))
    assert "amount" in errors(change(as_admin, price, amount="-1"))
    assert change(as_admin, price, amount="2").status_code == 302
    Store.objects.update(currency="JPY")
    assert "amount" in errors(change(as_admin, price, amount="2.50"))
    price.refresh_from_db()
    assert price.amount == 2


def test_a_second_offer_at_a_store_is_refused(as_admin, oil, metro):
    new = {"product": oil.pk, "store": metro.pk}
    assert as_admin.post(f"{BASE}/offer/add/", new).status_code == 302
    response = as_admin.post(f"{BASE}/offer/add/", new)
    assert response.context["adminform"].form.non_field_errors()
    assert Offer.objects.count() == 1


def test_the_price_of_a_purchase_can_only_be_read(as_admin, oil, metro):
    price = Price.objects.create(offer=make_offer(oil, metro), amount=1, quantity=1, is_of_purchase=True)
    url = f"{BASE}/price/{price.pk}/change/"
    assert as_admin.get(url).status_code == 200
    assert as_admin.post(url, {"amount": "2"}).status_code == 403
    assert as_admin.get(f"{BASE}/price/add/").status_code == 403


def test_a_price_can_be_withdrawn(as_admin, oil, metro):
    price = make_offer(oil, metro, price=1).prices.get()
    now = timezone.now()
    change(as_admin, price, withdrawn_at_0=f"{now:%Y-%m-%d}", withdrawn_at_1="00:00:00")
    assert not Price.objects.standing().exists()


@pytest.mark.parametrize("row", ["oil", "metro"])
def test_rows_in_use_are_not_deleted(as_admin, oil, metro, row):
    make_offer(oil, metro, price=1)
    row = {"oil": oil, "metro": metro}[row]
    url = f"{BASE}/{row._meta.model_name}/{row.pk}/delete/"
    answer = as_admin.post(url, {"post": "yes"})
    assert answer.status_code == 409
    assert f"“{row}” can&#x27;t be deleted because it is in use: 1 offer." in answer.text
    as_admin.post(
        f"{BASE}/{row._meta.model_name}/", {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )
    row.refresh_from_db()


def test_rows_not_in_use_can_be_deleted(as_admin, oil):
    assert as_admin.post(f"{BASE}/product/{oil.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Product.objects.exists()


def test_nonsense_in_the_address_of_a_new_offer_is_not_an_error(as_admin, metro):
    for value in ("text", "-1", "²", ""):
        assert as_admin.get(f"{BASE}/offer/add/?store={value}").status_code == 200
    assert as_admin.get(f"{BASE}/offer/add/?store={metro.pk}").context["adminform"].form["store"].value() == str(
        metro.pk
    )
