"""Lists that many read and few change: kept in Redis under a key that says which state of the data they show.

Such a key holds a random token that changes in the same transaction as the data. So nothing is ever deleted: what
was kept for another token is not asked for any more, and its time runs out.
"""

import random
import time
from collections import Counter

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection

from . import snapshot
from .breaker import Breaker, RedisAway

# Whoever computes a list is given this long before others do it themselves.
PATIENCE = 3
PAUSE = 0.05
breaker = Breaker("the catalogue cache")
# How often a kept list was found ("hit"), had to be computed ("miss"), or Redis was away ("fallback"): this process.
counts = Counter()


def remembered(key, token, *, state, compute, restore):
    """What `restore(compute())` gives, without computing where somebody has done so for the same token.

    `token` is what `state()` told before anything else was read. `compute()` gives something that JSON can hold. Of
    many who miss at the same moment one computes and the others wait for it. What cannot be restored counts as missing.
    """
    name = f"{key}:{token}"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found, is_mine = _found(name, restore)
        except RedisAway:
            counts["fallback"] += 1
            return restore(compute())
        if found is not None:
            counts["hit"] += 1
            return found
        if is_mine or time.monotonic() > deadline:
            counts["miss"] += 1
            return restore(_computed(name, token, state, compute))
        time.sleep(PAUSE)


def _found(name, restore):
    """What is kept, or None; and then whether it is now on us to compute it."""
    if (found := _restored(name, restore)) is not None:
        return found, False
    # Inside a transaction that may write nothing is kept, so nobody has to wait for us.
    is_mine = _may_write() or breaker.ask(lambda: cache.add(_mark(name), 1, PATIENCE))
    # Whoever had the mark before us may have finished since we looked.
    return _restored(name, restore) if is_mine else None, is_mine


def _restored(name, restore):
    try:
        kept = breaker.ask(lambda: cache.get(name))
        return None if kept is None else restore(kept)
    except (TypeError, ValueError, LookupError, ArithmeticError, ValidationError):
        return None  # garbage


def _computed(name, token, state, compute):
    value = compute()
    if _may_write():
        return value  # before a commit nobody else may see anything of it
    try:
        if state() == token:  # else the data changed while we read
            seconds = settings.CACHE_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - so that not all end at once
            breaker.ask(lambda: cache.set(name, value, seconds))
        breaker.ask(lambda: cache.delete(_mark(name)))
    except RedisAway:
        counts["fallback"] += 1
    return value


def _may_write():
    """In a snapshot token and data are of one moment, and what is read there is committed."""
    return connection.in_atomic_block and not snapshot.is_open()


def _mark(name):
    return f"{name}:computing"
