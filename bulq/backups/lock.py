"""Backups, drills and migrations of one database exclude each other, from whichever machine they are started."""

import contextlib
from contextlib import closing

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

LOCK = 0x62756C71  # “bulq”


@contextlib.contextmanager
def only_one(wait=None):
    """Whether nobody else is at it; with `wait` (as "10min") so long is waited for the others to end.

    PostgreSQL frees the lock when the process dies.
    """
    with closing(connection.copy()) as other, other.cursor() as cursor:
        try:
            yield _taken(cursor, wait)
        finally:
            # Closing alone frees it a moment later, and whoever comes next would be refused.
            cursor.execute("SELECT pg_advisory_unlock_all()")


def _taken(cursor, wait):
    if wait is None:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return cursor.fetchone()[0]
    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [wait])
    try:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True
