"""Spec 66: what is announced to open pages, and when (D7)."""

import pytest
from django.db import transaction
from django_redis import get_redis_connection

from accounts.actions.membership import end_membership
from bids import states
from bids.actions import bidding, runs
from bids.actions.bidding import Wish
from bids.tests.cast import D, stage
from bids.tests.factories import order
from bulq.kit import live
from bulq.kit.breaker import RedisAway
from bulq.tests.client import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    """Topics announced since the last call, with the message where it is not a plain change."""
    live.breaker.reset()
    ears = get_redis_connection("live").pubsub(ignore_subscribe_messages=True)
    ears.psubscribe(live.channel("*"))
    prefix = live.channel("")

    def listen():
        found = set()
        while message := ears.get_message(timeout=0.3):
            topic, data = message["channel"].decode().removeprefix(prefix), message["data"].decode()
            found.add(topic if data == live.CHANGED else (topic, data))
        return found

    listen()
    yield listen
    ears.close()


def test_a_change_is_announced_to_the_run_its_group_and_the_people_concerned(heard):
    scene = stage()
    heard()
    order(scene.run, scene.bob, scene.oil, 6)
    here = {f"run:{scene.run.pk}", f"group:{scene.group.pk}"}
    assert heard() == here
    bidding.place_bids(scene.run, [Wish(scene.oil.pk, D(7))], by=scene.alice, whose=scene.bob)
    assert heard() == here | {f"user:{scene.bob.pk}"}
    runs.lock_list(scene.run, by=scene.alice)
    assert heard() == here | {f"user:{scene.bob.pk}", f"user:{scene.hana.pk}"}


def test_nothing_is_announced_before_the_commit_or_after_a_rollback(heard):
    """D7."""
    scene = stage()
    heard()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        runs.lock_list(scene.run, by=scene.alice)
        assert heard() == set()
        raise ZeroDivisionError
    assert heard() == set()
    with transaction.atomic():
        runs.lock_list(scene.run, by=scene.alice)
        assert heard() == set()
    assert f"run:{scene.run.pk}" in heard()


def test_people_who_lose_their_membership_are_told_and_so_is_the_group(heard):
    scene = stage()
    heard()
    end_membership(scene.group.pk, scene.bob.pk, by=scene.adam)
    announced = heard()
    assert {
        (f"user:{scene.bob.pk}", f"left {scene.group.pk}"),
        f"group:{scene.group.pk}",
        f"run:{scene.run.pk}",
    } <= announced


def test_other_open_pages_of_a_person_hear_that_the_inbox_was_read(heard):
    scene = stage(states.DISTRIBUTING)
    heard()
    signed_in(scene.bob).post("/inbox/read/")
    assert heard() == {f"user:{scene.bob.pk}"}
    signed_in(scene.bob).post("/inbox/read/")
    assert heard() == set()


def test_without_redis_the_change_is_still_made(heard, monkeypatch):
    scene = stage()
    heard()

    def away(_question):
        raise RedisAway

    monkeypatch.setattr(live.breaker, "ask", away)
    runs.lock_list(scene.run, by=scene.alice)
    assert scene.state == states.CONFIRMED
    assert heard() == set()
