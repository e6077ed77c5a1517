"""The newest errors and refusals, for the front page of the admin: in Redis, and lost with it.

Of each request only the route, the status and the time are kept: addresses may hold a secret.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django_redis import get_redis_connection

from bulq.kit.breaker import Breaker, RedisAway

KEPT = 200  # of errors, and of refusals
SECONDS = 7 * 24 * 3600
PATIENCE = 0.1  # seconds: the answer waits for it
UNKNOWN = "-"  # the route of an address that is none of ours
LISTS = ("errors", "refusals")
breaker = Breaker("the list of refusals and errors")


@dataclass(frozen=True)
class Trouble:
    """What happened `count` times on a route, the last time `at`."""

    route: str
    status: int
    at: datetime
    count: int

    @property
    def is_error(self):
        return self.status >= 500


def note(route, status):
    """Remember an error or a refusal; addresses that nobody has are not worth it."""
    if status < 400 or route == UNKNOWN or route.startswith("health/"):
        return
    with suppress(RedisAway):
        breaker.ask(lambda: _push(LISTS[status < 500], f"{int(time.time())} {status} {route}"), PATIENCE)


def newest():
    """Errors first, then refusals, the newest first; None without Redis."""
    try:
        return [trouble for lines in breaker.ask(_lines) for trouble in _counted(lines)]
    except RedisAway:
        return None


def _key(name):
    return f"{settings.CACHE_PREFIX}:trouble:{name}"


def _push(name, line):
    with get_redis_connection("default").pipeline(transaction=False) as pipe:
        pipe.lpush(_key(name), line).ltrim(_key(name), 0, KEPT - 1).expire(_key(name), SECONDS)
        pipe.execute()


def _lines():
    with get_redis_connection("default").pipeline(transaction=False) as pipe:
        for name in LISTS:
            pipe.lrange(_key(name), 0, -1)
        return pipe.execute()


def _counted(lines):
    found = {}
    for line in lines:
        at, status, route = line.decode().split(" ", 2)
        found.setdefault((route, int(status)), []).append(int(at))
    for (route, status), times in found.items():
        yield Trouble(route, status, datetime.fromtimestamp(max(times), UTC), len(times))
