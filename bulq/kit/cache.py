"""Lists that are read often and changed rarely, cached in Redis under a key that identifies the state of the data.

The key holds a random token that changes in the same transaction as the data. So nothing is ever deleted: entries of
an older token are no longer read, and expire.
"""

import random
import threading
from collections import Counter

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection

from . import snapshot
from .breaker import Breaker, RedisAway

breaker = Breaker("the catalogue cache")
# Threads of one process that miss the same list at once take turns: the first computes it. Processes do not wait for
# each other.
TURNS = [threading.Lock() for _ in range(64)]
# How often this process found a cached list ("hit"), had to compute it ("miss"), or Redis was away ("fallback").
counts = Counter()


def remembered(key, token, *, state, compute, restore):
    """The result of `restore(compute())`, without computing if someone has done so for the same token.

    `token` is what `state()` returned before anything else was read. `compute()` returns a value that JSON can store.
    Values that cannot be restored count as missing.
    """
    name = f"{key}:{token}"
    try:
        if (found := _found(name, restore)) is not None:
            return found
        if _may_write():
            return restore(_computed(name, token, state, compute))
        with TURNS[hash(name) % len(TURNS)]:
            if (found := _found(name, restore)) is not None:
                return found
            return restore(_computed(name, token, state, compute))
    except RedisAway:
        counts["fallback"] += 1
        return restore(compute())


def _found(name, restore):
    if (found := _restored(name, restore)) is not None:
        counts["hit"] += 1
    return found


def _restored(name, restore):
    try:
        kept = breaker.ask(lambda: cache.get(name))
        return None if kept is None else restore(kept)
    except (TypeError, ValueError, LookupError, ArithmeticError, ValidationError):
        return None  # garbage


def _computed(name, token, state, compute):
    counts["miss"] += 1
    value = compute()
    if _may_write():
        return value  # before a commit nobody else may see anything of it
    try:
        if state() == token:  # else the data changed while we read
            seconds = settings.CACHE_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - so that not all end at once
            breaker.ask(lambda: cache.set(name, value, seconds))
    except RedisAway:
        counts["fallback"] += 1
    return value


def _may_write():
    """In a snapshot, token and data are of the same moment, and everything read there is committed."""
    return connection.in_atomic_block and not snapshot.is_open()
