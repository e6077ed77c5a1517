"""Spec 69: what goes with an amount, and with a product, when two products become one."""

import pytest

from accounts.tests.factories import make_user
from bids import states
from bids.actions import merging
from bids.actions.bidding import Terms, Wish, place_bids
from bids.models import Bid, ShoppingItem, TakenInstead
from bids.reading.invariants import problems
from stores.models import ReferencePrice
from stores.tests.factories import make_product

from .cast import D, stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    scene = stage(states.ACTIVE)
    scene.root = make_user("Root", is_staff=True, is_superuser=True)
    scene.other = make_product("Oyl")
    return scene


def wish(scene, product, quantity, limit=None, *, firm=False, instead="", user=None):
    terms = Terms(limit and D(limit), firm, instead)
    amount = None if quantity is None else D(quantity)
    outcome = place_bids(scene.run, [Wish(product.pk, amount, terms=terms)], by=user or scene.bob)
    assert not outcome.refusals


def merged(scene):
    assert merging.merge(scene.other, scene.oil, by=scene.root).is_whole
    assert problems() == []
    bid = Bid.objects.get(participation__user=scene.bob, product=scene.oil)
    return bid.quantity, bid.limit, bid.all_or_nothing, bid.instead


@pytest.mark.parametrize(
    ("first", "second", "united"),
    [
        ((4, 6), (3, 5), (7, 11)),
        ((4, None), (3, 5), (7, 9)),
        ((4, None), (3, None), (7, None)),
        ((4, 6), (None, None), (4, 6)),
    ],
)
def test_limits_add_up(scene, first, second, united):
    wish(scene, scene.oil, *first)
    wish(scene, scene.other, *second)
    assert merged(scene)[:2] == united


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_all_or_nothing_stays_only_if_both_said_so(scene, first, second):
    wish(scene, scene.oil, 4, firm=first)
    wish(scene, scene.other, 3, firm=second)
    assert merged(scene)[2] is (first and second)


def test_a_substitute_that_would_point_to_itself_goes(scene):
    """And whoever named the source, named the target."""
    wish(scene, scene.oil, 4, instead="Oyl")
    wish(scene, scene.gouda, 3, instead="Oyl")
    wish(scene, scene.other, 2, instead=scene.oil.name, user=scene.hana)
    assert merged(scene)[3] == ""
    assert Bid.objects.get(product=scene.gouda).substitute == scene.oil
    assert Bid.objects.get(product=scene.oil, participation__user=scene.hana).substitute is None


def test_the_targets_substitute_is_kept_and_else_the_other(scene):
    wish(scene, scene.oil, 4)
    wish(scene, scene.other, 3, instead="rape")
    assert merged(scene)[3] == "rape"


def test_what_was_taken_instead_in_a_past_run_does_not_stand_in_the_way(scene):
    wish(scene, scene.other, 3)
    scene.run.state = states.CANCELLED
    scene.run.save()
    item = ShoppingItem.objects.create(run=scene.run, product=scene.gouda)
    TakenInstead.objects.create(item=item, bid=Bid.objects.get(product=scene.other), quantity=1)
    merged(scene)


def test_of_two_reference_prices_in_one_currency_the_targets_stays():
    root = make_user("Root", is_staff=True, is_superuser=True)
    oil, oyl = make_product("Oil"), make_product("Oyl")
    for product, currency, amount in ((oil, "EUR", 5), (oyl, "EUR", 4), (oyl, "RSD", 600)):
        values = {"amount": amount, "quantity": 2, "seen_on": "2026-11-02", "shop": "Corner", "entered_by": root}
        ReferencePrice.objects.create(product=product, currency=currency, **values)
    plan = merging.merge(oyl, oil, by=root)
    assert plan.is_whole and problems() == []
    kept = ReferencePrice.objects.order_by("currency").values_list("product", "currency", "amount")
    assert list(kept) == [(oil.pk, "EUR", 5), (oil.pk, "RSD", 600)]
    assert "Both have a reference price. This one goes: €4.00 for 2 pieces at Corner." in plan.united
