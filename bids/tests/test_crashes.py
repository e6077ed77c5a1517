"""D9: no matter when a process is killed, every action is stored completely or not at all."""

import contextlib
import os
import signal
import traceback
from decimal import Decimal
from unittest import mock

import pytest
from django.db import connection, connections, transaction

from bids import states
from bids.actions import bidding, costs, distribution, merging, shopping
from bids.reading.division import Division
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from stores.models import Store
from stores.tests.factories import make_store

from .stages import stage
from .test_views import checksum

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def _order(scene):
    wishes = [bidding.Wish(scene.oil.pk, Decimal(5)), bidding.Wish(scene.spare.pk, Decimal(2), "blue")]
    bidding.place_bids(scene.run, wishes, by=scene.eve)


def _first_order(scene):
    bidding.place_bids(scene.run, [bidding.Wish(scene.oil.pk, Decimal(1))], by=scene.dora)


def _buy(scene):
    shopping.buy(scene.item, quantity=Decimal(5), total=Decimal(37), seen=0, by=scene.bob)


def _finish(scene):
    shopping.finish_shopping(scene.run, payer=scene.bob, open_lines=2, by=scene.alice)


def _force(scene):
    seen = Division(scene.run, lines_of(scene.run)).fingerprint()
    distribution.force_hand_out(scene.run, seen=seen, by=scene.alice)


def _correct(scene):
    costs.correct_total(scene.purchase, Decimal(36), was=Decimal(37), by=scene.alice)


def _back(scene):
    distribution.back_to_shopping(scene.run, by=scene.alice)


def _merge_products(scene):
    merging.merge(scene.oil, scene.tabs, by=scene.alice)


def _merge_stores(scene):
    merging.merge(scene.store, Store.objects.exclude(pk=scene.store.pk).get(), by=scene.alice)


def _merge_people(scene):
    merging.merge(scene.dora, scene.charlie, by=scene.alice)


DEEDS = [
    (states.ACTIVE, _order),
    (states.PLANNING, _first_order),
    (states.SHOPPING, _buy),
    (states.SHOPPING, _finish),
    (states.ADJUSTING, _force),
    (states.DISTRIBUTING, _correct),
    (states.DISTRIBUTING, _back),
    (states.ACTIVE, _merge_products),
    (states.DISTRIBUTING, _merge_stores),
    (states.ACTIVE, _merge_people),
]
MOST_WRITES = 100
SECONDS = 30


# Between two statements that write, a death leaves the same database wherever it comes: it is committed or not.
ONLY_READS = ("SELECT", "EXECUTE", "SAVEPOINT", "RELEASE", "SET")


def killed_at(write, deed, scene, tries=3):
    """Do the deed in a process of its own that dies just before its `write`-th statement that may write.

    True if it got that far.
    """
    child = os.fork()
    if child == 0:
        # If it hangs, the kernel ends it: a lock may have been held by a thread that the fork left behind.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        # The parent's connection must not be touched, and where a browser runs, Django would take an older one.
        connections["default"] = connections.create_connection("default")
        count = 0

        def die(execute, sql, *arguments):
            nonlocal count
            count += not sql.startswith(ONLY_READS)
            if count == write:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, *arguments)

        code = 1
        try:
            with connection.execute_wrapper(die):
                deed(scene)
            code = 0
        finally:  # never back to pytest, or the rest of the tests would run twice
            if code:
                traceback.print_exc()
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGALRM and tries > 1:
        return killed_at(write, deed, scene, tries - 1)
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.parametrize(("state", "deed"), DEEDS, ids=[deed.__name__[1:] for _state, deed in DEEDS])
def test_a_killed_action_leaves_nothing_behind(state, deed):
    scene = stage(state)
    make_store("Twin")
    before = checksum()
    write = 1
    while killed_at(write, deed, scene):
        assert checksum() == before, f"killed before write {write}"
        write += 1
        assert write < MOST_WRITES
    assert write > 2
    assert checksum() != before
    assert problems() == []


def test_without_a_transaction_half_of_it_would_be_left():
    """The negative control: the same deaths, with the actions' transactions switched off."""
    broken = False
    for write in range(1, MOST_WRITES):
        scene = stage(states.ADJUSTING)
        before = checksum()
        with mock.patch.object(transaction.Atomic, "__enter__"), mock.patch.object(transaction.Atomic, "__exit__"):
            killed = killed_at(write, _force_unlocked, scene)
        broken = broken or (checksum() != before and bool(problems()))
        if broken or not killed:
            break
    assert broken


def _force_unlocked(scene):
    """Rows cannot be locked outside a transaction, so the control does not lock."""
    unlocked = mock.patch("django.db.models.query.QuerySet.select_for_update", lambda rows, **_options: rows)
    with unlocked, contextlib.suppress(Exception):
        _force(scene)
