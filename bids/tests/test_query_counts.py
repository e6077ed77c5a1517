"""Every page runs the same few queries, whatever its size: between 1 and 50 people, and 1 and 100 products."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import costs, shopping
from bids.actions.bidding import Wish, place_bids
from bids.actions.runs import lock_list, start_run, start_shopping
from bids.models import Purchase, ShoppingItem
from bids.reading.lines import lines_of
from bulq.tests.client import signed_in
from stores.models import Offer, Price, Product
from stores.tests.factories import make_store

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

MOST = 12


def _big_run(state, people, products):
    """A run of `people` people who each want `products` products, with prices, comments and a deposit."""
    leader, store = make_user("Alice"), make_store()
    members = [make_user("Bob") for _ in range(people - 1)]
    group = make_group(admin=leader, members=members)
    goods = [
        Product.objects.create(name=f"Thing {n} of {store}", unit="kg", kind="divisible", step=1)
        for n in range(products)
    ]
    offers = Offer.objects.bulk_create(Offer(product=product, store=store, pack_size=6) for product in goods)
    Price.objects.bulk_create(Price(offer=offer, amount=12, quantity=6, seen_by=leader) for offer in offers)
    run = start_run(group, store=store, by=leader)
    for user in [leader, *members]:
        place_bids(run, [Wish(product.pk, Decimal(2), comment="soft") for product in goods], by=user)
    _count_rows()
    if state in states.COLLECTING:
        return run
    lock_list(run, by=leader)
    start_shopping(run, by=leader)
    if state == states.SHOPPING:
        shopping.set_not_there(ShoppingItem.objects.filter(run=run).first(), True, by=leader)
        return run
    lines = lines_of(run)
    Purchase.objects.bulk_create(
        Purchase(item=line.item, quantity=line.wanted, total=line.wanted * 2, bought_by=leader) for line in lines
    )
    costs.add_extra_cost(run, label="Deposit", amount=Decimal(3), by=leader)
    shopping.finish_shopping(run, payer=leader, open_lines=0, by=leader)
    _count_rows()
    run.refresh_from_db()
    return run


def _count_rows():
    """As PostgreSQL does by itself once they are committed; with tables it takes for empty, one query took a minute."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _queries(user, url):
    client = signed_in(user)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200, url
    return len(captured)


def _addresses(run):
    product = Product.objects.filter(offers__store=run.store_id).first()
    return {
        "home": reverse("home"),
        "group": reverse("group", args=[run.group_id]),
        "run": reverse("run", args=[run.pk]),
        "product": reverse("product", args=[product.pk]),
        "store": reverse("store", args=[run.store_id]),
        "me": reverse("me"),
        "money": reverse("money"),
        "payments": reverse("payments"),
        "money of a group": reverse("group-money", args=[run.group_id]),
        "history": reverse("run-history", args=[run.pk]),
        "costs": reverse("run-costs", args=[run.pk]),
        "by product": reverse("run", args=[run.pk]) + "?by=product",
        "run in one product": reverse("run-product", args=[run.pk, product.pk]),
    }


@pytest.mark.parametrize("state", [states.ACTIVE, states.SHOPPING, states.DISTRIBUTING])
def test_pages_run_as_many_queries_for_one_as_for_many(state):
    """Spec 72: constant, and at most twelve; a hand-out, with its reasons and what is on its way, takes sixteen."""
    small, large = _big_run(state, 1 if state == states.DISTRIBUTING else 2, 2), _big_run(state, 50, 100)
    for name, url in _addresses(small).items():
        few, many = _queries(small.leader, url), _queries(large.leader, _addresses(large)[name])
        assert few == many <= MOST + 4 * (state == states.DISTRIBUTING), (name, few, many)
