"""Checks each component for /health/ready: whether this process can serve people."""

import threading
from functools import cache
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django_redis import get_redis_connection
from redis import RedisError, ResponseError

from bulq.kit.live import channel

from .health import last_seen

WITHIN = 1.2  # seconds for all parts together
OK, AWAY, HANGS, PENDING, NEVER = "ok", "away", "no answer", "migrations are pending", "never seen"
READ_ONLY = "refuses to write"


class Probe:
    """Checks one component in its own thread, which may hang; no second one is started until it returns."""

    def __init__(self, ask):
        self._ask, self._lock = ask, threading.Lock()
        self._done, self._answer = None, None

    def start(self):
        with self._lock:
            if self._done is None:
                self._done = threading.Event()
                threading.Thread(target=self._run, args=(self._done,), daemon=True).start()
            return self._done

    def _run(self, done):
        answer = None
        try:
            answer = self._ask()
        finally:
            with self._lock:
                self._answer, self._done = answer, None
                done.set()

    def answer(self, done, seconds):
        return self._answer if done.wait(seconds) else None


def _database():
    """The database, and from its rows worker and beat."""
    try:
        if _of_this_release() - MigrationRecorder(connection).applied_migrations().keys():
            return {"database": PENDING}
        return {"database": OK} | {name: _running(seen) for name, seen in last_seen().items()}
    except DatabaseError:
        return {"database": AWAY}
    finally:
        connections.close_all()


@cache
def _of_this_release():
    """Read once: anyone can call this, so it should not cost more than a page."""
    return MigrationLoader(None).disk_migrations.keys()


def _running(seen):
    if not seen:
        return NEVER
    at, is_late = seen
    return f"not seen since {at.isoformat(timespec='seconds')}" if is_late else OK


def _redis():
    """Redis, and whether any live process listens. A full Redis, or a replica, answers but stores nothing."""
    try:
        for use in ("default", "limits", "queue"):
            get_redis_connection(use).set(f"{settings.CACHE_PREFIX}:health", "written", ex=60)
        listeners = get_redis_connection("live").publish(channel("nobody"), "")
    except ResponseError:
        return {"redis": READ_ONLY}
    except (RedisError, OSError):
        return {"redis": AWAY}
    return {"redis": OK, "live": OK if listeners else AWAY}


PARTS = {"database": Probe(_database), "redis": Probe(_redis)}
NEEDED = {"database"}  # without Redis every page works, only more slowly


def parts():
    """The state of each component, within a second or two even if one hangs."""
    started = {name: probe.start() for name, probe in PARTS.items()}
    deadline = monotonic() + WITHIN
    states = {}
    for name, done in started.items():
        states |= PARTS[name].answer(done, max(0, deadline - monotonic())) or {name: HANGS}
    return states


def is_ready(states):
    return all(states[name] == OK for name in NEEDED)
