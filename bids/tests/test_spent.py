"""Spec 95: what a person spent per month, and saved in all, by currency."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bids import states
from bids.actions import costs
from bids.models import Participation, Run
from bids.reading.savings import spent_by
from bulq.tests.client import signed_in
from stores.models import ReferencePrice
from stores.tests.factories import make_offer, make_store

from .adding_up import first, total, tree
from .cast import D, stage

pytestmark = pytest.mark.django_db


def months_before(count):
    """The fifteenth of an earlier month."""
    today = timezone.localdate()
    months = today.year * 12 + today.month - 1 - count
    return date(months // 12, months % 12 + 1, 15)


def bought_by(user, *, months=0, **options):
    """A run that is over, in which Bob's part, 47.00, is the person's."""
    scene = stage(states.COMPLETED, **options)
    Participation.objects.filter(run=scene.run, user=scene.bob).update(user=user)
    Run.objects.filter(pk=scene.run.pk).update(day=months_before(months))
    return scene


@pytest.fixture
def scene():
    return stage(states.COMPLETED)


def test_each_month_has_what_was_spent_in_its_runs(scene):
    bought_by(scene.bob, months=2)
    bought_by(scene.bob, months=2)
    bought_by(scene.bob, months=11)
    [spent] = spent_by(scene.bob)
    assert len(spent.months) == 12
    assert [(month, amount) for month, amount in spent.months if amount] == [
        (months_before(11).replace(day=1), 47),
        (months_before(2).replace(day=1), 94),
        (months_before(0).replace(day=1), 47),
    ]
    assert (spent.total, spent.most, spent.currency) == (188, 94, "EUR")


def test_months_before_the_first_one_are_left_out_and_so_is_what_is_older(scene):
    bought_by(scene.bob, months=12)
    bought_by(scene.bob, months=1)
    [spent] = spent_by(scene.bob)
    assert [amount for _month, amount in spent.months] == [47, 47]
    assert (spent.total, spent.in_all) == (94, 141)
    assert len(spent.saving.goods) == 6


def test_extra_costs_are_spent_too():
    scene = stage(states.DISTRIBUTING)
    costs.add_extra_cost(scene.run, label="Fuel", amount=D("6.70"), by=scene.alice)
    [spent] = spent_by(scene.bob)
    assert spent.total == D("51.70")
    assert spent.saving is None


def test_a_run_whose_day_is_still_to_come_counts_in_this_month(scene):
    Run.objects.filter(pk=scene.run.pk).update(day=months_before(-2))
    assert [amount for _month, amount in spent_by(scene.bob)[0].months] == [47]


def test_currencies_stand_by_themselves(scene):
    there = bought_by(scene.bob, currency="JPY")
    ReferencePrice.objects.create(
        product=there.oil, currency="JPY", amount=10, quantity=1, shop="Corner", seen_on="2026-11-02"
    )
    euros, yen = spent_by(scene.bob)
    assert [(spent.currency, spent.total) for spent in (euros, yen)] == [("EUR", 47), ("JPY", 47)]
    assert (euros.saving.compared, yen.saving.saved) == ([], 20)
    page = signed_in(scene.bob).get("/me/").text
    assert "¥47" in page
    assert "€47.00" in page


def test_someone_who_took_part_in_nothing_has_nothing(scene):
    assert spent_by(scene.dora) == []
    Participation.objects.create(run=scene.run, user=scene.dora)
    assert spent_by(scene.dora) == []
    assert "Spent per month" not in signed_in(scene.dora).get("/me/").text


def test_nobody_elses_part_is_in_it(scene):
    assert [spent.total for spent in spent_by(scene.hana)] == [10]


def test_the_sum_is_that_of_the_months_shown(scene):
    bought_by(scene.bob, months=3)
    table = tree(signed_in(scene.bob).get("/me/").text).find("table", class_="bars")
    rows = table.find("tbody").find_all("td", class_="r")
    assert total(rows) == first(table.find("tfoot").find("td", class_="r")) == 94


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_pages_take_as_many_queries_for_three_runs_as_for_one(scene):
    make_offer(scene.oil, make_store(), price=9)
    pages = ["/me/", f"/groups/{scene.group.pk}/", f"/runs/{scene.run.pk}/"]
    client = signed_in(scene.bob)
    few = {page: queries(client, page) for page in pages}
    for months in (1, 2):
        other = bought_by(scene.bob, months=months)
        Run.objects.filter(pk=other.run.pk).update(group=scene.group)
        ReferencePrice.objects.create(
            product=other.oil, currency="EUR", amount=10, quantity=1, shop="Corner", seen_on="2026-11-02"
        )
    assert {page: queries(client, page) for page in pages} == few
    assert max(few[page] for page in pages[:2]) <= 12
