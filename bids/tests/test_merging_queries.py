"""How many queries a merge takes, and so its preview, does not depend on how much there is to move (spec 68)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import merging
from bids.models import Run
from bids.tests.factories import make_run
from stores.models import Offer, Price, ProductPair
from stores.tests.factories import make_product, make_store

from .factories import order

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


def offers(pairs, price=1):
    made = Offer.objects.bulk_create(Offer(product=product, store=store, note="here") for product, store in pairs)
    Price.objects.bulk_create(Price(offer=offer, amount=price, quantity=1) for offer in made)


def two_products(count, root):
    """Both wanted by one person in `count` runs, sold at `count` stores, and told apart from `count` others."""
    source, target = make_product(), make_product()
    stores = [make_store() for _number in range(count)]
    offers([(product, store) for product in (source, target) for store in stores])
    alice = make_user()
    for store in stores:
        run = make_run(leader=alice, store=store)
        for product in (source, target):
            order(run, alice, product, 2, comment=product.name)
    # Each open run has its own entry in its history, with its notifications.
    Run.objects.filter(leader=alice).update(state=states.CANCELLED)
    others = [make_product() for _number in range(count)]
    ProductPair.objects.bulk_create(
        ProductPair(first=source, second=other, likeness=1, told_apart_by=root, told_apart_at=source.created_at)
        for other in others
    )
    return source, target


def two_stores(count, _root):
    source, target = make_store(), make_store()
    offers([(make_product(), store) for store in (source, target) for _number in range(count)])
    both = [make_product() for _number in range(count)]
    offers([(product, store) for product in both for store in (source, target)])
    alice = make_user()
    group = make_group(admin=alice)
    for store in (source, target):
        for _number in range(count):
            make_run(leader=alice, group=group, store=store)
    return source, target


def two_people(count, _root):
    source, target, leader = make_user(), make_user(), make_user()
    groups = [make_group(admin=leader, members=[source, target]) for _number in range(count)]
    for group in groups:
        order(make_run(leader=leader, group=group), source, make_product(), 1)
    Membership.objects.filter(user=source).update(is_admin=True)
    return source, target


@pytest.mark.parametrize("make", [two_products, two_stores, two_people])
def test_a_preview_takes_as_many_queries_for_much_as_for_little(make, root):
    def asked(count):
        source, target = make(count, root)
        with CaptureQueriesContext(connection) as seen:
            assert merging.rehearse(source, target, by=root).is_whole
        return len(seen)

    few, many = asked(3), asked(12)
    assert many <= few
    assert few < 120
