"""Offers, prices, and what a product costs where, and when (spec 26, 27, 52)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from stores.actions.prices import record_price
from stores.models import Offer, Price, Product, Store, price_charts

from .factories import make_offer, make_product, make_store


@pytest.fixture
def offer(oil, metro):
    return make_offer(oil, metro, pack_size=12)


def see(offer, amount, *, quantity=1, days_ago=0, at=None, **fields):
    at = at or timezone.now() - timedelta(days=days_ago)
    return Price.objects.create(offer=offer, amount=Decimal(amount), quantity=Decimal(quantity), seen_at=at, **fields)


def shown(client, product):
    return client.get(f"/products/{product.pk}/").context["page"].object_list


# --- What is current -------------------------------------------------------------------------------
def record(offer, amount, **more):
    return record_price(offer.product, offer.store, amount=Decimal(amount), quantity=Decimal(1), by=None, **more)


def current(offer):
    return Offer.objects.with_current_price().get(pk=offer.pk).current_amount


@pytest.mark.parametrize("hours", [3, -3])
def test_a_web_process_with_a_wrong_clock_does_not_date_prices(offer, monkeypatch, hours):
    """Only the database's clock counts, so the latest record is current at once."""
    record(offer, "5.00")
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(hours=hours))
        record(offer, "6.00")
    assert current(offer) == 6
    record(offer, "7.00")
    assert current(offer) == 7
    assert not Price.objects.filter(seen_at__gt=Now()).exists()


def test_a_price_from_the_future_is_current_only_until_the_next_one(offer):
    """If the database's own clock was fast, such a price still comes before later ones."""
    see(offer, "5.00", days_ago=1)
    see(offer, "6.00", days_ago=-1)
    assert current(offer) == 6
    record(offer, "7.00", is_of_purchase=True)
    assert current(offer) == 7
    assert [price.amount for price in Price.objects.newest_first()] == [7, 6, 5]
    assert not Price.objects.filter(seen_at__gt=Now()).exists()


# --- Offers ----------------------------------------------------------------------------------------
def test_anyone_can_say_where_a_product_is_sold(as_bob, oil, metro):
    data = {"store": "metro", "pack_size": "12", "note": "aisle 4", "amount": "10", "quantity": "12"}
    assert as_bob.post(f"/products/{oil.pk}/offers/new/", data).url == f"/products/{oil.pk}/"
    [offer] = shown(as_bob, oil)
    assert (offer.store, offer.pack_size, offer.current_amount, offer.current_quantity) == (metro, 12, 10, 12)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"store": ""}, "store"),
        ({"store": "Nowhere"}, "store"),
        ({"pack_size": "1.5"}, "pack_size"),
        ({"pack_size": "0"}, "pack_size"),
        ({"min_quantity": "one"}, "min_quantity"),
        ({"amount": "1,234"}, "amount"),
        ({"amount": "10000000"}, "amount"),
        ({"quantity": "3"}, "amount"),
        ({"note": "a\nb"}, "note"),
    ],
)
def test_a_bad_offer_is_refused_at_its_field(as_bob, oil, metro, data, field):
    response = as_bob.post(f"/products/{oil.pk}/offers/new/", {"store": "Metro"} | data)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not Offer.objects.exists()


def test_a_second_offer_at_a_store_is_refused_and_leads_to_the_first(as_bob, oil, offer):
    response = as_bob.post(f"/products/{oil.pk}/offers/new/", {"store": "Metro", "amount": "5"})
    assert response.status_code == 422
    assert "store" in response.context["form"].errors
    assert f"/offers/{offer.pk}/prices/new/" in response.content.decode()
    assert not Price.objects.exists()


def test_a_store_just_added_is_filled_in(as_bob, oil, metro):
    form = as_bob.get(f"/products/{oil.pk}/offers/new/", {"store": metro.pk}).context["form"]
    assert form["store"].value() == "Metro"


def test_anyone_can_correct_an_offer(as_bob, offer):
    url = f"/offers/{offer.pk}/edit/"
    seen = as_bob.get(url).context["form"].digest
    assert as_bob.post(url, {"pack_size": "6", "min_quantity": "", "note": "aisle 5", "seen": seen}).status_code == 302
    offer.refresh_from_db()
    assert (offer.pack_size, offer.min_quantity, offer.note) == (6, None, "aisle 5")
    stale = as_bob.post(url, {"pack_size": "24", "min_quantity": "", "note": "aisle 5", "seen": seen})
    assert stale.status_code == 409
    assert stale.context["form"].stored_values() == [("In a pack", "6")]
    assert as_bob.post(url, {"pack_size": "1.5", "seen": stale.context["form"].digest}).status_code == 422


# --- Logging and withdrawing -----------------------------------------------------------------------
def test_anyone_can_log_a_price(as_bob, bob, offer):
    data = {"amount": "9,60", "quantity": "12", "min_quantity": "24", "note": "this week"}
    assert as_bob.post(f"/offers/{offer.pk}/prices/new/", data).url == f"/products/{offer.product_id}/"
    price = Price.objects.get()
    assert (price.amount, price.quantity, price.min_quantity) == (Decimal("9.60"), 12, 24)
    assert (price.note, price.seen_by, price.is_of_purchase) == ("this week", bob, False)
    assert Product.objects.get().is_unit_fixed
    assert Store.objects.get().is_currency_fixed
    assert "this week" in as_bob.get(f"/products/{offer.product_id}/").content.decode()


def test_a_price_is_for_the_pack_unless_said_otherwise(as_bob, offer):
    url = f"/offers/{offer.pk}/prices/new/"
    assert as_bob.get(url).context["form"]["quantity"].value() == "12"
    as_bob.post(url, {"amount": "9", "quantity": ""})
    assert Price.objects.latest("pk").quantity == 12
    other = make_offer(offer.product, make_store())
    as_bob.post(f"/offers/{other.pk}/prices/new/", {"amount": "2"})
    assert (Price.objects.latest("pk").amount, Price.objects.latest("pk").quantity) == (2, 1)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e3"}, "amount"),
        ({"amount": "9.999"}, "amount"),
        ({"quantity": "1.5"}, "quantity"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "100000"}, "quantity"),
        ({"min_quantity": "0.5"}, "min_quantity"),
        ({"note": "x" * 201}, "note"),
    ],
)
def test_a_bad_price_is_refused_at_its_field(as_bob, offer, data, field):
    response = as_bob.post(f"/offers/{offer.pk}/prices/new/", {"amount": "5"} | data)
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not Price.objects.exists()


def test_a_price_is_a_multiple_of_the_stores_minor_unit(as_bob, oil):
    tokyo = make_offer(oil, make_store(currency="JPY"))
    assert as_bob.post(f"/offers/{tokyo.pk}/prices/new/", {"amount": "7.40"}).status_code == 422
    assert as_bob.post(f"/offers/{tokyo.pk}/prices/new/", {"amount": "740"}).status_code == 302
    assert "¥740" in as_bob.get(f"/products/{oil.pk}/").content.decode()


def test_the_person_who_logged_a_price_can_withdraw_it_and_undo_that(as_bob, bob, offer):
    see(offer, 5, days_ago=1)
    price = see(offer, 4, seen_by=bob)
    assert as_bob.post(f"/prices/{price.pk}/withdraw/").url == f"/products/{offer.product_id}/"
    [row] = shown(as_bob, offer.product)
    assert (row.current_amount, row.lowest, row.highest) == (5, 5, 5)
    assert "Withdrawn" in as_bob.get(f"/products/{offer.product_id}/prices/").content.decode()
    assert Price.objects.count() == 2
    assert as_bob.post(f"/prices/{price.pk}/withdraw/", {"next": "/products/"}).url == "/products/"
    assert as_bob.post(f"/prices/{price.pk}/restore/").status_code == 302
    assert shown(as_bob, offer.product)[0].current_amount == 4


def test_withdrawing_offers_undo(as_bob, bob, offer):
    price = see(offer, 4, seen_by=bob)
    page = as_bob.post(f"/prices/{price.pk}/withdraw/", follow=True).content.decode()
    assert f'action="/prices/{price.pk}/restore/"' in page


def test_nobody_else_can_withdraw_it_and_nobody_the_price_of_a_purchase(as_alice, as_bob, bob, offer):
    others = see(offer, 4, seen_by=bob)
    bought = see(offer, 4, seen_by=bob, is_of_purchase=True)
    nobodys = see(offer, 4)
    for action in ("withdraw", "restore"):
        assert as_alice.post(f"/prices/{others.pk}/{action}/").status_code == 403
        assert as_bob.post(f"/prices/{nobodys.pk}/{action}/").status_code == 403
        assert as_bob.post(f"/prices/{bought.pk}/{action}/").status_code == 422
    assert not Price.objects.exclude(withdrawn_at=None).exists()


# --- What it costs ---------------------------------------------------------------------------------
def test_stores_show_current_price_and_range_cheapest_first(as_bob, oil, metro, offer):
    see(offer, "1.20", days_ago=9)
    see(offer, "6.00", quantity=12, days_ago=5)
    see(offer, "10.00", quantity=10)
    see(offer, "0.10", withdrawn_at=timezone.now())
    cheap = make_offer(oil, make_store("Lidl"), price="0.90")
    silent = make_offer(oil, make_store("Aldi"))
    yen = make_offer(oil, make_store("Tokyo", currency="JPY"), price="5")
    rows = shown(as_bob, oil)
    assert rows == [cheap, offer, silent, yen]
    row = rows[1]
    assert (row.current_unit_price, row.lowest, row.highest) == (1, Decimal("0.5"), Decimal("1.2"))
    assert round(row.average, 4) == Decimal("0.9000")
    page = as_bob.get(f"/products/{oil.pk}/").content.decode()
    assert "Lowest €0.50, average €0.90, highest €1.20" in page
    assert "No price yet" in page


def test_unit_prices_have_up_to_four_decimals(as_bob, offer):
    see(offer, "10.00", quantity=12)
    assert "€0.8333</b> per bottle" in as_bob.get(f"/products/{offer.product_id}/").content.decode()


def test_the_list_of_products_shows_the_cheapest_of_each_currency(as_bob, oil, offer):
    see(offer, "12", quantity=12)
    make_offer(oil, make_store("Lidl"), price="0.90")
    make_offer(oil, make_store("Tokyo", currency="JPY"), price="5")
    make_product("Salt")
    page = as_bob.get("/products/")
    oil, salt = page.context["page"]
    assert [offer.store.name for offer in oil.cheapest] == ["Lidl", "Tokyo"]
    assert salt.cheapest == []
    assert "€0.90</b> per bottle" in page.content.decode()


def test_the_list_of_products_is_searched_and_paged(as_bob):
    for n in range(51):
        make_product(f"Rice {n:02}")
    assert [len(as_bob.get("/products/", {"page": n}).context["page"].object_list) for n in (1, 2)] == [50, 1]
    assert as_bob.get("/products/", {"page": "x"}).status_code == 200
    assert len(as_bob.get("/products/", {"q": "rice 07"}).context["page"].object_list) >= 1
    assert "Nothing found" in as_bob.get("/products/", {"q": "%"}).content.decode()


# --- The chart -------------------------------------------------------------------------------------
def test_each_store_has_a_line_and_each_currency_a_chart(as_bob, oil, offer):
    see(offer, "12", quantity=12, days_ago=3)
    see(offer, "18", quantity=12)
    make_offer(oil, make_store("Tokyo", currency="JPY"), price="5")
    charts = as_bob.get(f"/products/{oil.pk}/").context["charts"]
    today = timezone.localdate()
    assert charts["EUR"]["series"] == [("Metro", [(today - timedelta(days=3), 1), (today, Decimal("1.5"))])]
    assert charts["EUR"]["rows"] == [("Metro", today, Decimal("1.5")), ("Metro", today - timedelta(days=3), 1)]
    assert charts["JPY"]["series"] == [("Tokyo", [(today, 5)])]
    page = as_bob.get(f"/products/{oil.pk}/").content.decode()
    assert page.count('<svg viewBox="0 0 490 198" role="img"') == 2
    assert page.count("As a table") == 2


def points(offer):
    [[(_name, line)], *_rest] = [chart["series"] for chart in price_charts([offer]).values()] or [[("", [])]]
    return line


def test_equal_prices_of_one_day_are_one_point(offer):
    for amount, quantity in (("1", 1), ("12", 12), ("1.00", 1), ("2", 1)):
        see(offer, amount, quantity=quantity, at=timezone.now())
    assert [price for _day, price in points(offer)] == [1, 2]


def test_the_chart_shows_a_year_and_nothing_withdrawn(offer):
    see(offer, 1, days_ago=366)
    see(offer, 2, days_ago=364)
    see(offer, 3, withdrawn_at=timezone.now())
    assert [price for _day, price in points(offer)] == [2]


def test_a_day_begins_at_local_midnight(offer):
    yesterday = timezone.now().astimezone(ZoneInfo("UTC")).date() - timedelta(days=1)
    at = datetime(yesterday.year, yesterday.month, yesterday.day, 23, 30, tzinfo=ZoneInfo("UTC"))
    see(offer, 1, at=at)
    with timezone.override("Europe/Belgrade"):
        assert points(offer) == [(yesterday + timedelta(days=1), 1)]
    with timezone.override("UTC"):
        assert points(offer) == [(yesterday, 1)]


def test_a_long_line_is_thinned_but_keeps_its_ends_and_its_extremes(offer):
    now = timezone.now()
    rows = [
        Price(offer=offer, amount=100 + n % 7, quantity=1, seen_at=now - timedelta(days=n % 360, hours=n // 360))
        for n in range(1000)
    ]
    rows += [Price(offer=offer, amount=amount, quantity=1, seen_at=now - timedelta(days=77)) for amount in (1, 999)]
    Price.objects.bulk_create(rows)
    line = points(offer)
    assert 50 <= len(line) <= 62
    assert line[-1][0] == timezone.localdate()
    assert {min(price for _day, price in line), max(price for _day, price in line)} == {1, 999}
    assert [day for day, _price in line] == sorted(day for day, _price in line)
    assert isinstance(line[0][0], date)
