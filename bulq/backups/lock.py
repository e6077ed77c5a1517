"""One lock for backups, drills and migrations of a database, whichever machine starts them."""

import contextlib
from contextlib import closing

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

LOCK = 0x62756C71  # “bulq”


@contextlib.contextmanager
def only_one(wait=None):
    """Yields whether the lock was free; with `wait` (such as "10min"), waits that long for it.

    PostgreSQL frees the lock when the process dies.
    """
    with closing(connection.copy()) as other, other.cursor() as cursor:
        try:
            yield _taken(cursor, wait)
        finally:
            # Closing alone releases it a moment later, and the next process would be refused.
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
