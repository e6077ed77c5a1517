"""D3, D5: two moves of a run at the same moment, waiting for a lock, and the order of locks."""

import time
from functools import partial
from threading import Event as Signal

import pytest
from django.db import connection, connections, transaction

from accounts.actions.membership import end_membership
from accounts.models import Group
from accounts.tests.racing import race
from bids import states
from bids.actions import bidding, costs, distribution, lead, receipts, runs, shopping
from bids.actions.bidding import Wish, place_bids
from bids.models import Allocation, Participation, Purchase, Run, ShoppingItem
from bids.reading.division import Division
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError, Busy
from bulq.kit.locks import locked
from bulq.tests.planned import written_out
from stores.tests.factories import make_product

from .cast import D, stage
from .factories import item_of, order, purchase
from .together import in_transaction, refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# How many times a race that goes wrong only by chance is tried before it counts as right.
TRIES = 8


# --- Rival moves -----------------------------------------------------------------------------------
def finish(scene):
    return shopping.finish_shopping(scene.run, payer=scene.alice, open_lines=2, by=scene.alice)


def force(scene):
    return distribution.force_hand_out(
        scene.run, seen=Division(scene.run, lines_of(scene.run)).fingerprint(), by=scene.alice
    )


def led(action):
    return lambda scene: action(scene.run, by=scene.alice)


def complete(scene):
    return distribution.complete(scene.run, waiting=3, by=scene.alice)


def pick_up(scene):
    rows = Allocation.objects.filter(item__run=scene.run, bid__participation__user=scene.bob)
    return distribution.set_picked_up(scene.run, rows, True, by=scene.hana)


def buy(scene):
    item = item_of(scene.run, scene.oil)
    return shopping.buy(item, quantity=D(1), total=D(5), seen=item.version, by=scene.hana)


def wish(scene):
    return place_bids(scene.run, [Wish(scene.oil.pk, D(9))], by=scene.bob)


def sort(scene):
    return distribution.sort_out(scene.run, scene.gouda, D("2.5"), was=D(3), by=scene.bob)


def cost(scene):
    return costs.add_extra_cost(scene.run, label="Fuel", amount=D(3), by=scene.hana)


def slip(scene):
    return receipts.add_receipt(scene.run, amount=D(60), by=scene.hana)


CALL_OFF, BACK, LOCK = led(runs.call_off), led(distribution.back_to_shopping), led(runs.lock_list)
RIVALS = [
    (states.ACTIVE, wish, LOCK),
    (states.ACTIVE, LOCK, LOCK),
    (states.CONFIRMED, led(runs.unlock_list), led(runs.start_shopping)),
    (states.CONFIRMED, led(runs.start_shopping), led(runs.start_shopping)),
    (states.SHOPPING, buy, led(shopping.stop_shopping)),
    (states.SHOPPING, finish, led(shopping.stop_shopping)),
    (states.SHOPPING, buy, finish),
    (states.SHOPPING, finish, finish),
    (states.SHOPPING, CALL_OFF, finish),
    (states.ADJUSTING, force, CALL_OFF),
    (states.ADJUSTING, force, BACK),
    (states.ADJUSTING, sort, force),
    (states.ADJUSTING, cost, force),
    (states.ADJUSTING, slip, force),
    (states.ADJUSTING, force, force),
    (states.DISTRIBUTING, pick_up, BACK),
    (states.DISTRIBUTING, pick_up, complete),
    (states.DISTRIBUTING, complete, BACK),
    (states.COMPLETED, led(distribution.reopen_hand_out), led(distribution.reopen_hand_out)),
]
# What may follow when these came first.
FOLLOWS = {(wish, LOCK), (pick_up, complete), (force, BACK), (force, cost), (cost, force), (buy, finish), (sort, force)}
FOLLOWS |= {(force, slip)}  # it is compared, but nothing waits for it any more


def _tell_and_stay(written):
    written.set()
    time.sleep(0.2)


def _follow(written, behind, scene):
    written.wait(5)
    return behind(scene)


@pytest.mark.parametrize(("state", "first", "second"), RIVALS)
def test_the_first_of_two_rivals_is_done_and_the_second_sees_it(state, first, second):
    """D5: the second comes when the first has written but not yet committed, in both orders."""
    for ahead, behind in ((first, second), (second, first)):
        scene = stage(state)
        written, results = Signal(), []
        pause, wait_and_go = partial(_tell_and_stay, written), partial(_follow, written, behind, scene)
        results = race(in_transaction(pause, ahead, scene), wait_and_go)
        assert not isinstance(results[0], Exception), results
        losers = refused(results)
        assert len(losers) == 1 or (ahead, behind) in FOLLOWS, results
        assert problems() == []


def lock_against_wish():
    scene = stage(states.ACTIVE)
    outcome, _locked = race(partial(wish, scene), partial(led(runs.lock_list), scene))
    locked_at = scene.run.events.get(data__to=states.CONFIRMED).pk
    late = scene.run.events.filter(kind="ordered", pk__gt=locked_at).exists()
    return isinstance(outcome, BulqError), scene.wanted(scene.bob, scene.oil) == 9, late


def test_an_order_racing_the_lock_is_either_counted_or_refused():
    """D5."""
    for _try in range(TRIES):
        was_refused, is_there, late = lock_against_wish()
        assert was_refused != is_there
        assert not late
    assert problems() == []


def test_without_the_row_lock_an_order_gets_in_after_the_list_is_locked(no_lock, slowly):
    """Negative control."""
    slowly(bidding, "lock_units")
    assert any(late for _refused, _there, late in (lock_against_wish() for _try in range(TRIES)))


def test_without_the_lock_two_rivals_both_win(no_lock, slowly):
    """Negative control: called off and bought for."""
    slowly(runs, "check_state")
    assert any(called_off_and_bought_for() for _try in range(TRIES))


def called_off_and_bought_for():
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 8, "40")
    scene.fresh()
    rivals = (
        partial(led(runs.call_off), scene),
        partial(shopping.finish_shopping, scene.run, payer=scene.alice, open_lines=1, by=scene.alice),
    )
    return not [result for result in race(*rivals) if isinstance(result, BulqError)]


# --- Waiting ---------------------------------------------------------------------------------------
def held(rows, job):
    """The outcome of `job` while another connection locks `rows` for ten seconds, and how long it takes."""
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
    (Run, lambda scene: end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)),
    (Group, lambda scene: runs.start_run(scene.group, store=scene.run.store, by=scene.bob)),
    (Group, lambda scene: end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)),
]


@pytest.mark.parametrize(("model", "action"), LOCKED_OUT)
def test_people_waiting_for_a_lock_get_a_sentence_after_three_seconds(model, action):
    """D3: with a sentence, and nothing is changed."""
    scene = stage(states.ACTIVE)
    kinds, members = scene.kinds(), scene.group.memberships.count()
    result, waited = held(model.objects.all(), partial(action, scene))
    assert isinstance(result, Busy), result
    assert result.message == "Someone else is saving this right now. Try again."
    assert 2.5 < waited < 9
    assert (scene.kinds(), scene.group.memberships.count()) == (kinds, members)
    assert problems() == []


def test_a_locked_line_is_waited_for_as_well():
    """D3: here 0.2 s, so that the test does not wait."""
    scene = stage(states.SHOPPING)
    item = item_of(scene.run, scene.oil)

    def impatient():
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return shopping.buy(item, quantity=D(8), total=D(40), seen=item.version, by=scene.alice)

    assert isinstance(held(ShoppingItem.objects.all(), impatient)[0], Busy)
    assert not Purchase.objects.exists()


# --- The order of locks ----------------------------------------------------------------------------
def locks_of(action):
    """Tables in the order in which an action locks their rows."""
    taken = []

    def watch(execute, sql, params, many, context):
        text = written_out(sql)
        if "FOR UPDATE" in text or "FOR NO KEY UPDATE" in text:
            taken.append(text.split('FROM "')[1].split('"')[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        action()
    return taken


ORDER = ["accounts_group", "bids_run", "stores_store", "stores_product", "bids_shoppingitem", "bids_participation"]
LOCKING = [
    (states.PLANNING, lambda scene: runs.start_run(scene.group, store=scene.run.store, by=scene.bob)),
    (states.ACTIVE, wish),
    (states.ACTIVE, lambda scene: order(scene.run, scene.dora, make_product(), 1)),
    (states.ACTIVE, lambda scene: end_membership(scene.group.pk, scene.alice.pk, by=scene.alice)),
    (states.SHOPPING, buy),
    (states.SHOPPING, finish),
    (states.ADJUSTING, force),
    (states.DISTRIBUTING, pick_up),
    (states.DISTRIBUTING, lambda scene: costs.set_paid(scene.run, scene.bob, True, owed=D(47), by=scene.alice)),
    (states.COMPLETED, led(distribution.reopen_hand_out)),
    (states.DISTRIBUTING, BACK),
    (states.ACTIVE, lambda scene: lead.offer_lead(scene.run, scene.bob, by=scene.alice)),
]


@pytest.mark.parametrize(("state", "action"), LOCKING)
def test_locks_are_taken_in_one_order(state, action):
    """D1: group, run, lines, so that no two actions wait for each other."""
    scene = stage(state)
    taken = [ORDER.index(table) for table in locks_of(partial(action, scene))]
    assert taken, "nothing was locked"
    assert taken == sorted(taken)


def test_two_actions_in_different_orders_would_block_each_other():
    """Negative control of the order: PostgreSQL ends one of them."""
    scene = stage(states.ACTIVE)
    both = [Signal(), Signal()]

    def lock(first, second, mine, other):
        with transaction.atomic():
            locked(first.objects.all(), pk=scene.run.group_id if first is Group else scene.run.pk)
            mine.set()
            other.wait(5)
            locked(second.objects.all(), pk=scene.run.group_id if second is Group else scene.run.pk)

    results = race(partial(lock, Group, Run, *both), partial(lock, Run, Group, *reversed(both)))
    assert len([result for result in results if isinstance(result, Busy)]) == 1
    assert Participation.objects.exists()
