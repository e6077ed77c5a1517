"""D1, D5: people do things at the same moment, on real PostgreSQL. With the lock taken away, each goes wrong."""

import time
from functools import partial
from threading import Event as Signal

import pytest
from django.db import IntegrityError
from django.http import Http404

from accounts.actions.membership import end_membership
from accounts.models import Group
from accounts.tests.factories import make_group, make_user
from accounts.tests.racing import linger, race
from bids import states
from bids.actions import bidding, distribution, membership, runs, shopping
from bids.actions.bidding import Wish, place_bids, set_ready
from bids.models import Bid, Purchase, Run
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError
from stores.tests.factories import make_product, make_store

from .cast import D, stage
from .factories import item_of, make_run
from .together import in_transaction, refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# How many times a race that goes wrong only by chance is tried before it counts as right.
TRIES = 8


# --- Bids ------------------------------------------------------------------------------------------
def so_many_more(scene, user, more):
    """Read the stored quantity and add to it; try again if someone got there first."""
    for _try in range(100):
        now = scene.wanted(user, scene.oil)
        if not place_bids(scene.run, [Wish(scene.oil.pk, now + more, was=now)], by=user).refusals:
            return True
    return False


def eight_sessions(scene):
    """Each adds another power of two, so that every sum is unique; returns the stored and the expected quantity."""
    before = scene.wanted(scene.bob, scene.oil)
    assert all(race(*(partial(so_many_more, scene, scene.bob, 2**power) for power in range(8))))
    return scene.wanted(scene.bob, scene.oil), before + 255


def test_when_eight_sessions_add_to_one_bid_none_is_lost():
    """D1."""
    there, expected = eight_sessions(stage(states.ACTIVE))
    assert there == expected


def test_without_the_lock_some_of_them_are_lost(no_lock):
    """Negative control of D1."""
    scene = stage(states.ACTIVE)
    sums = (eight_sessions(scene) for _try in range(TRIES))
    assert any(there != expected for there, expected in sums), "nothing was lost"


def eight_people(product):
    people = [make_user("Fred") for _ in range(8)]
    run = make_run(members=people)
    return run, [partial(place_bids, run, [Wish(product.pk, D(2))], by=person) for person in people]


def test_when_eight_people_order_the_same_at_once_all_are_counted():
    """D1: and the run becomes active once."""
    run, wishes = eight_people(make_product())
    assert refused(race(*wishes)) == []
    assert Bid.objects.count() == 8
    assert run.events.filter(kind="run_moved").count() == 1
    assert problems() == []


def first_wish(run, user, product):
    return [partial(place_bids, run, [Wish(product.pk, D(2))], by=user)] * 2


def test_the_same_first_order_from_two_sessions_is_one_participation_and_one_bid():
    """D4, D5."""
    scene = stage(states.ACTIVE)
    assert refused(race(*first_wish(scene.run, scene.dora, scene.oil))) == []
    assert scene.part_of(scene.dora).bids.get().quantity == 2


def test_without_the_lock_the_second_of_them_breaks(no_lock, slowly):
    """Negative control: the unique constraint still holds, so there is a crash instead of an answer."""
    scene = stage(states.ACTIVE)
    slowly(bidding, "lock_units")
    assert any(isinstance(result, IntegrityError) for result in race(*first_wish(scene.run, scene.dora, scene.oil)))


def ready_against_wish(scene):
    """Ready means: with this order. An order stored after it has to clear it."""
    race(
        partial(place_bids, scene.run, [Wish(scene.oil.pk, scene.wanted(scene.bob, scene.oil) + 1)], by=scene.bob),
        partial(set_ready, scene.run, True, by=scene.bob),
    )
    last = scene.run.events.filter(kind__in=["ready", "ordered"]).latest("pk").kind
    return scene.part_of(scene.bob).is_ready == (last == "ready")


def test_ready_and_an_order_at_once_leave_the_later_one():
    """D1."""
    scene = stage(states.ACTIVE)
    assert all(ready_against_wish(scene) for _try in range(TRIES))


def test_without_the_lock_a_person_is_ready_with_an_order_they_changed_since(no_lock, monkeypatch):
    """Negative control."""
    scene = stage(states.ACTIVE)
    set_ready(scene.run, True, by=scene.bob)
    write = bidding._write_order
    monkeypatch.setattr(bidding, "_write_order", lambda *args, **kwargs: (time.sleep(0.1), write(*args, **kwargs)))
    assert not all(ready_against_wish(scene) for _try in range(TRIES))


# --- Sorting out, shopping -------------------------------------------------------------------------
def take_all(scene, product, *wishes):
    """All change `now` to `then` at once; returns what the line is off by afterwards."""
    jobs = [
        partial(distribution.sort_out, scene.run, product, D(then), was=D(now), by=user) for user, now, then in wishes
    ]
    results = race(*jobs)
    line = next(line for line in lines_of(scene.run) if line.product == product)
    return line.bought - line.wanted, results


def surplus():
    """Two oil are left over, and everyone wants both."""
    scene = stage(states.ADJUSTING, oil="10")
    return scene, scene.oil, [(scene.alice, 2, 4), (scene.bob, 4, 6), (scene.hana, 2, 4)]


def shortage():
    """Two oil are missing, and everyone gives up two."""
    scene = stage(states.ADJUSTING, oil="6")
    return scene, scene.oil, [(scene.alice, 2, 0), (scene.bob, 4, 2), (scene.hana, 2, 0)]


@pytest.mark.parametrize("case", [surplus, shortage])
def test_people_sorting_out_at_once_never_overshoot(case):
    """D1, spec 57."""
    scene, product, wishes = case()
    off, results = take_all(scene, product, *wishes)
    assert (off, len(refused(results))) == (0, 2)
    assert problems() == []


@pytest.mark.parametrize("case", [surplus, shortage])
def test_without_the_lock_they_do(case, no_lock, slowly):
    """Negative control."""
    scene, product, wishes = case()
    slowly(distribution, "lines_of")
    assert take_all(scene, product, *wishes)[0] != 0


def both_buy(scene):
    item = item_of(scene.run, scene.oil)
    return race(
        *(
            partial(shopping.buy, item, quantity=D(8), total=D(40), seen=item.version, by=by)
            for by in (scene.alice, scene.hana)
        )
    )


def test_when_two_shoppers_tick_the_same_line_the_second_is_asked():
    """D1, spec 54."""
    scene = stage(states.SHOPPING)
    [asked] = refused(both_buy(scene))
    assert isinstance(asked, shopping.AlreadyBought)
    assert Purchase.objects.count() == 1


def test_without_the_lock_both_have_bought_it(no_lock, slowly):
    """Negative control."""
    scene = stage(states.SHOPPING)
    slowly(shopping, "_check_sums")
    both_buy(scene)
    assert Purchase.objects.count() == 2


# --- The group -------------------------------------------------------------------------------------
def removal_against_first_wish(linger_in):
    scene = stage(states.ACTIVE)
    linger_in()
    results = race(
        partial(place_bids, scene.run, [Wish(scene.oil.pk, D(2))], by=scene.dora),
        partial(end_membership, scene.group.pk, scene.dora.pk, by=scene.adam),
    )
    return results, problems()


def test_someone_removed_while_placing_their_first_order_takes_no_part():
    """D5: the order is dropped with the person, or refused."""
    for _try in range(TRIES // 2):
        results, found = removal_against_first_wish(lambda: None)
        assert found == [], results
        assert not isinstance(results[1], Exception)


def test_without_the_lock_an_outsider_takes_part(no_lock, monkeypatch):
    """Negative control: the right was checked before the removal and used after it."""
    is_slow = []

    def slow_down():
        if not is_slow:
            monkeypatch.setattr(bidding, "lock_units", linger(bidding.lock_units, 0.4))
            is_slow.append(True)

    seen = (removal_against_first_wish(slow_down)[1] for _try in range(TRIES))
    assert any("without being in the group" in problem for found in seen for problem in found)


def test_someone_removed_while_starting_a_run_leads_none():
    """D5: the right is checked again once the group is locked."""
    scene = stage(states.PLANNING)
    removed = Signal()
    results = race(
        in_transaction(
            lambda: (removed.set(), time.sleep(0.3)),
            lambda scene: end_membership(scene.group.pk, scene.dora.pk, by=scene.adam),
            scene,
        ),
        lambda: (removed.wait(5), runs.start_run(scene.group, store=scene.run.store, by=scene.dora))[1],
    )
    assert isinstance(results[1], Http404)
    assert problems() == []


def archive_while_a_run_starts():
    """The outcome of archiving, and what is wrong afterwards."""
    scene = stage(states.COMPLETED)
    started = Signal()
    results = race(
        in_transaction(
            lambda: (started.set(), time.sleep(0.3)),
            lambda scene: runs.start_run(scene.group, store=scene.run.store, by=scene.alice),
            scene,
        ),
        lambda: (started.wait(5), membership.archive_group(scene.group, by=scene.adam))[1],
    )
    return results[1], problems()


def test_a_group_is_not_archived_while_a_run_starts_in_it():
    """D5."""
    outcome, wrong = archive_while_a_run_starts()
    assert isinstance(outcome, BulqError)
    assert "open runs" in str(outcome)
    assert wrong == []


def test_without_the_lock_a_run_is_open_in_an_archived_group(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(membership, "lock_group", lambda pk: Group.objects.get(pk=pk))
    _said, wrong = archive_while_a_run_starts()
    assert any("open in an archived group" in problem for problem in wrong)


def test_a_run_is_not_reopened_by_a_leader_who_is_leaving():
    """D5: a completed run is open again, so the group is locked first."""
    scene = stage(states.COMPLETED)
    left = Signal()
    results = race(
        in_transaction(
            lambda: (left.set(), time.sleep(0.3)),
            lambda scene: end_membership(scene.group.pk, scene.alice.pk, by=scene.alice),
            scene,
        ),
        lambda: (left.wait(5), distribution.reopen_hand_out(scene.run, by=scene.alice))[1],
    )
    assert isinstance(results[1], Http404)
    assert scene.state == states.COMPLETED
    assert problems() == []


def start_in_parallel(settings, monkeypatch):
    settings.OPEN_RUNS_PER_GROUP = 3
    alice = make_user("Alice")
    group = make_group(admin=alice)
    stores = [make_store() for _ in range(6)]
    monkeypatch.setattr(runs, "_check_room", linger(runs._check_room))
    results = race(*(partial(runs.start_run, group, store=store, by=alice) for store in stores))
    return results, Run.objects.open().count()


def test_runs_started_at_once_never_exceed_the_limit(settings, monkeypatch):
    """D1, spec 21."""
    results, count = start_in_parallel(settings, monkeypatch)
    assert (len(refused(results)), count) == (3, 3)


def test_without_the_lock_they_do_exceed_it(settings, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(runs, "lock_group", lambda pk: Group.objects.get(pk=pk))
    assert start_in_parallel(settings, monkeypatch)[1] > 3
