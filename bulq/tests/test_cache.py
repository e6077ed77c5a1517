"""C1, C5: values cached under a token, with many readers at once and while the data change; on a real Redis."""

import os
import signal
import time
from contextlib import nullcontext
from functools import partial

import pytest
from django.core.cache import cache as redis_cache

from accounts.tests.racing import race
from bulq.kit import cache

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def empty_cache():
    redis_cache.clear()
    cache.breaker.reset()


def test_a_list_that_changes_while_it_is_computed_is_not_cached():
    """C1: the value read belongs to neither token for certain."""
    tokens = iter(["old", "new", "new", "new"])
    found = cache.remembered(
        "k", next(tokens), state=lambda: next(tokens), compute=lambda: 1, restore=lambda value: value
    )
    assert found == 1
    assert cache.remembered("k", "old", state=lambda: "old", compute=lambda: 2, restore=lambda value: value) == 2


# --- C5: many at once ------------------------------------------------------------------------------
def test_when_two_hundred_miss_at_once_one_computes(settings):
    """C5. In one process here, so that the pool of connections has to be larger than a site's."""
    url = settings.CACHES["default"]["LOCATION"] + "?max_connections=300"
    settings.CACHES = settings.CACHES | {"default": settings.CACHES["default"] | {"LOCATION": url}}
    computed = []

    def compute():
        computed.append(1)
        time.sleep(0.5)
        return ["the list"]

    ask = partial(cache.remembered, "many", "t", state=lambda: "t", compute=compute, restore=lambda value: value)
    assert race(*[ask] * 200) == [["the list"]] * 200
    assert len(computed) == 1


def test_without_turns_many_compute(monkeypatch):
    """Negative control of C5."""
    computed = []
    monkeypatch.setattr(cache, "TURNS", [nullcontext()])

    def compute():
        computed.append(1)
        time.sleep(0.3)
        return ["the list"]

    ask = partial(cache.remembered, "many", "t", state=lambda: "t", compute=compute, restore=lambda value: value)
    race(*[ask] * 20)
    assert len(computed) > 1


def test_nobody_waits_for_a_process_that_died_while_computing():
    """C5."""
    child = os.fork()
    if child == 0:
        try:
            die = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
            cache.remembered("dying", "t", state=lambda: "t", compute=die, restore=lambda value: value)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    kept = redis_cache.client.get_client().keys("*dying*")
    assert kept == []
    assert cache.remembered("dying", "t", state=lambda: "t", compute=lambda: 5, restore=lambda value: value) == 5
