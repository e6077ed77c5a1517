"""D3, D5: two moves of one run at the same moment, waiting for a lock, and the order in which locks are taken."""

import time
from functools import partial
from threading import Event as Signal

import pytest
from django.db import connection, connections, transaction

from accounts.actions.membership import end_membership
from accounts.models import Group
from accounts.tests.racing import race
from bids import states
from bids.actions import bidding, costs, distribution, lead, runs, shopping
from bids.actions.bidding import Wish, place_bids
from bids.models import Allocation, Participation, Purchase, Run, ShoppingItem
from bids.reading.division import Division
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError, Busy
from bulq.kit.locks import locked
from stores.tests.factories import make_product

from .cast import D, stage
from .factories import item_of, order, purchase
from .together import in_transaction, refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# How often something that goes wrong by chance is tried before it counts as right.
TRIES = 8


# --- Rival moves -----------------------------------------------------------------------------------
def finish(one):
    return shopping.finish_shopping(one.run, payer=one.alice, open_lines=2, by=one.alice)


def force(one):
    return distribution.force_hand_out(one.run, seen=Division(one.run, lines_of(one.run)).fingerprint(), by=one.alice)


def led(action):
    return lambda one: action(one.run, by=one.alice)


def complete(one):
    return distribution.complete(one.run, waiting=3, by=one.alice)


def pick_up(one):
    rows = Allocation.objects.filter(item__run=one.run, bid__participation__user=one.bob)
    return distribution.set_picked_up(one.run, rows, True, by=one.hana)


def buy(one):
    item = item_of(one.run, one.oil)
    return shopping.buy(item, quantity=D(1), total=D(5), seen=item.version, by=one.hana)


def wish(one):
    return place_bids(one.run, [Wish(one.oil.pk, D(9))], by=one.bob)


def sort(one):
    return distribution.sort_out(one.run, one.gouda, D("2.5"), was=D(3), by=one.bob)


def cost(one):
    return costs.add_extra_cost(one.run, label="Fuel", amount=D(3), by=one.hana)


CALL_OFF, BACK, LOCK = led(runs.call_off), led(distribution.back_to_shopping), led(runs.lock_list)
RIVALS = [
    (states.ACTIVE, wish, LOCK),
    (states.ACTIVE, LOCK, LOCK),
    (states.CONFIRMED, led(runs.unlock_list), led(runs.start_shopping)),
    (states.CONFIRMED, led(runs.start_shopping), led(runs.start_shopping)),
    (states.SHOPPING, buy, led(runs.stop_shopping)),
    (states.SHOPPING, finish, led(runs.stop_shopping)),
    (states.SHOPPING, buy, finish),
    (states.SHOPPING, finish, finish),
    (states.SHOPPING, CALL_OFF, finish),
    (states.ADJUSTING, force, CALL_OFF),
    (states.ADJUSTING, force, BACK),
    (states.ADJUSTING, sort, force),
    (states.ADJUSTING, cost, force),
    (states.ADJUSTING, force, force),
    (states.DISTRIBUTING, pick_up, BACK),
    (states.DISTRIBUTING, pick_up, complete),
    (states.DISTRIBUTING, complete, BACK),
    (states.COMPLETED, led(distribution.reopen_hand_out), led(distribution.reopen_hand_out)),
]
# What may follow when these have come first.
FOLLOWS = {(wish, LOCK), (pick_up, complete), (force, BACK), (force, cost), (cost, force), (buy, finish), (sort, force)}


def _tell_and_stay(written):
    written.set()
    time.sleep(0.2)


def _follow(written, behind, one):
    written.wait(5)
    return behind(one)


@pytest.mark.parametrize(("state", "first", "second"), RIVALS)
def test_of_two_rivals_the_first_is_done_and_the_second_sees_it(state, first, second):
    """D5: the second comes while the first has written and not yet committed, in both orders."""
    for ahead, behind in ((first, second), (second, first)):
        one = stage(state)
        written, results = Signal(), []
        pause, wait_and_go = partial(_tell_and_stay, written), partial(_follow, written, behind, one)
        results = race(in_transaction(pause, ahead, one), wait_and_go)
        assert not isinstance(results[0], Exception), results
        losers = refused(results)
        assert len(losers) == 1 or (ahead, behind) in FOLLOWS, results
        assert problems() == []


def lock_against_wish():
    one = stage(states.ACTIVE)
    outcome, _locked = race(partial(wish, one), partial(led(runs.lock_list), one))
    locked_at = one.run.events.get(data__to=states.CONFIRMED).pk
    late = one.run.events.filter(kind="ordered", pk__gt=locked_at).exists()
    return isinstance(outcome, BulqError), one.wanted(one.bob, one.oil) == 9, late


def test_a_wish_against_the_lock_is_counted_before_or_refused_and_never_half():
    """D5."""
    for _try in range(TRIES):
        was_refused, is_there, late = lock_against_wish()
        assert was_refused != is_there
        assert not late
    assert problems() == []


def test_without_the_lock_a_wish_gets_in_after_it(no_lock, slowly):
    """Negative control."""
    slowly(bidding, "lock_units")
    assert any(late for _refused, _there, late in (lock_against_wish() for _try in range(TRIES)))


def test_without_the_lock_two_rivals_both_win(no_lock, slowly):
    """Negative control: called off and bought for."""
    slowly(runs, "check_state")
    assert any(called_off_and_bought_for() for _try in range(TRIES))


def called_off_and_bought_for():
    one = stage(states.SHOPPING)
    purchase(one.run, one.oil, 8, "40")
    one.fresh()
    rivals = (
        partial(led(runs.call_off), one),
        partial(shopping.finish_shopping, one.run, payer=one.alice, open_lines=1, by=one.alice),
    )
    return not [result for result in race(*rivals) if isinstance(result, BulqError)]


# --- Waiting ---------------------------------------------------------------------------------------
def held(rows, job):
    """What `job` comes to while another connection holds `rows` for ten seconds, and how long that takes."""
    release = Signal()
    holding = Signal()

    def hold():
        with transaction.atomic():
            list(rows.select_for_update())
            holding.set()
            release.wait(10)

    def wait():
        holding.wait(5)
        started = time.monotonic()
        try:
            return job()
        finally:
            waited.append(time.monotonic() - started)
            release.set()

    waited = []
    results = race(hold, wait)
    return results[1], waited[0]


LOCKED_OUT = [
    (Run, wish),
    (Run, led(runs.call_off)),
    (Run, lambda one: end_membership(one.group.pk, one.bob.pk, by=one.bob)),
    (Group, lambda one: runs.start_run(one.group, store=one.run.store, by=one.bob)),
    (Group, lambda one: end_membership(one.group.pk, one.bob.pk, by=one.bob)),
]


@pytest.mark.parametrize(("model", "action"), LOCKED_OUT)
def test_who_waits_for_a_lock_that_is_held_ten_seconds_is_told_after_three(model, action):
    """D3: with a sentence, and nothing is changed."""
    one = stage(states.ACTIVE)
    version, members = one.run.version, one.group.memberships.count()
    result, waited = held(model.objects.all(), partial(action, one))
    assert isinstance(result, Busy), result
    assert result.message == "Someone else is saving this right now. Try again."
    assert 2.5 < waited < 9
    assert (one.fresh().version, one.group.memberships.count()) == (version, members)
    assert problems() == []


def test_a_line_that_somebody_holds_is_waited_for_as_well():
    """D3: here 0.2 s, so that the test does not wait."""
    one = stage(states.SHOPPING)
    item = item_of(one.run, one.oil)

    def impatient():
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return shopping.buy(item, quantity=D(8), total=D(40), seen=item.version, by=one.alice)

    assert isinstance(held(ShoppingItem.objects.all(), impatient)[0], Busy)
    assert not Purchase.objects.exists()


# --- The order of locks ----------------------------------------------------------------------------
def locks_of(action):
    """Tables in the order in which an action locks rows of them."""
    taken = []

    def watch(execute, sql, params, many, context):
        if "FOR UPDATE" in sql or "FOR NO KEY UPDATE" in sql:
            taken.append(sql.split('FROM "')[1].split('"')[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        action()
    return taken


ORDER = ["accounts_group", "bids_run", "stores_store", "stores_product", "bids_shoppingitem", "bids_participation"]
LOCKING = [
    (states.PLANNING, lambda one: runs.start_run(one.group, store=one.run.store, by=one.bob)),
    (states.ACTIVE, wish),
    (states.ACTIVE, lambda one: order(one.run, one.dora, make_product(), 1)),
    (states.ACTIVE, lambda one: end_membership(one.group.pk, one.alice.pk, by=one.alice)),
    (states.SHOPPING, buy),
    (states.SHOPPING, finish),
    (states.ADJUSTING, force),
    (states.DISTRIBUTING, pick_up),
    (states.DISTRIBUTING, lambda one: costs.set_paid(one.run, one.bob, True, owed=D(47), by=one.alice)),
    (states.COMPLETED, led(distribution.reopen_hand_out)),
    (states.DISTRIBUTING, BACK),
    (states.ACTIVE, lambda one: lead.offer_lead(one.run, one.bob, by=one.alice)),
]


@pytest.mark.parametrize(("state", "action"), LOCKING)
def test_locks_are_taken_in_one_order(state, action):
    """D1: group, run, lines; so that no two actions wait for each other."""
    one = stage(state)
    taken = [ORDER.index(table) for table in locks_of(partial(action, one))]
    assert taken, "nothing was locked"
    assert taken == sorted(taken)


def test_two_actions_in_different_orders_would_block_each_other():
    """Negative control of the order: PostgreSQL ends one of them."""
    one = stage(states.ACTIVE)
    both = [Signal(), Signal()]

    def lock(first, second, mine, other):
        with transaction.atomic():
            locked(first.objects.all(), pk=one.run.group_id if first is Group else one.run.pk)
            mine.set()
            other.wait(5)
            locked(second.objects.all(), pk=one.run.group_id if second is Group else one.run.pk)

    results = race(partial(lock, Group, Run, *both), partial(lock, Run, Group, *reversed(both)))
    assert len([result for result in results if isinstance(result, Busy)]) == 1
    assert Participation.objects.exists()
