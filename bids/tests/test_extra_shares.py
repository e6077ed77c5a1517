"""What each person pays of the extra costs, stored apart by the way it is split."""

from importlib import import_module

import pytest
from django.apps import apps

from bids import states
from bids.actions import costs, distribution
from bids.models import Allocation, ExtraShare, Split
from bids.reading.invariants import problems
from bids.reading.sums import owed_by_person

from .cast import D, leave_the_shop, stage
from .factories import purchase

pytestmark = pytest.mark.django_db
migration = import_module("bids.migrations.0012_extra_shares")


def extra(scene, amount, how=Split.VALUE, person=None):
    costs.add_extra_cost(scene.run, label="Crate", amount=D(amount), how=how, person=person, by=scene.alice)


def shares(scene):
    rows = ExtraShare.objects.filter(participation__run=scene.run).order_by("participation", "how")
    return [(row.participation.user.name[0], row.how, row.amount) for row in rows]


def mixed(state=states.DISTRIBUTING, currency="EUR"):
    scene = stage(state, currency=currency)
    for amount, how in ((7, Split.VALUE), (-2, Split.VALUE), (5, Split.EQUAL), (-1, Split.EQUAL)):
        extra(scene, amount, how)
    extra(scene, 3, Split.PERSON, scene.hana)
    extra(scene, 1, Split.PERSON, scene.hana)
    return scene


def test_the_parts_are_stored_by_the_way_they_are_split():
    scene = stage(states.DISTRIBUTING)
    extra(scene, "6.70")
    extra(scene, "3.00", Split.EQUAL)
    extra(scene, "3.30", Split.PERSON, scene.hana)
    extra(scene, "-1.30", Split.PERSON, scene.hana)
    assert shares(scene) == [
        ("A", "equal", 1), ("A", "value", 1),
        ("H", "equal", 1), ("H", "person", 2), ("H", "value", 1),
        ("B", "equal", 1), ("B", "value", D("4.70")),
    ]  # fmt: skip
    assert problems() == []


def test_where_nobody_receives_anything_the_payer_has_one_part():
    scene = stage(states.SHOPPING)
    extra(scene, 5, Split.PERSON, scene.hana)
    leave_the_shop(scene.run, payer=scene.bob)
    assert shares(scene) == [("B", "payer", 5)]
    assert problems() == []


def test_they_go_when_the_run_goes_back_to_the_shop():
    scene = mixed()
    distribution.back_to_shopping(scene.run, by=scene.alice)
    assert shares(scene) == []
    assert problems() == []


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@pytest.mark.parametrize(
    "ways", [("value",), ("equal",), ("value", "equal"), ("person",), ("value", "equal", "person")]
)
def test_the_migration_finds_the_same_parts_in_what_was_stored(currency, ways):
    """M3: of runs from before, forward; nobody's sum changes."""
    scene = stage(states.DISTRIBUTING, currency=currency)
    for number, how in enumerate(ways):
        extra(scene, 7 + number, how, scene.hana if how == "person" else None)
        extra(scene, -1, how, scene.hana if how == "person" else None)
    nothing = stage(states.SHOPPING)
    extra(nothing, 5)
    leave_the_shop(nothing.run)
    written, owed = (shares(scene), shares(nothing)), owed_by_person(scene.run)
    ExtraShare.objects.all().delete()
    migration.fill_parts(apps, None)
    assert (shares(scene), shares(nothing)) == written
    assert owed_by_person(scene.run) == owed
    assert problems() == []


def test_what_nobody_took_is_stored_with_whoever_got_it():
    """Two of ten are left over; the leader gets them by force."""
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 10, "50")
    purchase(scene.run, scene.gouda, "3.1", "27")  # weighing leaves nothing over
    leave_the_shop(scene.run)
    seen = distribution.Division(scene.run, distribution.lines_of(scene.run)).fingerprint()
    distribution.force_hand_out(scene.run, seen=seen, by=scene.alice)
    rows = Allocation.objects.filter(item__run=scene.run).exclude(left_over=0)
    assert [(row.bid.participation.user, row.quantity, row.left_over) for row in rows] == [(scene.alice, 4, 2)]
    assert problems() == []
