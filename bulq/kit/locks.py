"""Row locks: a wait of more than three seconds becomes a refusal.

Several rows are locked in one order: the group, the run, its lines by pk, a person last. With several groups, each
is followed by its own runs before the next, by pk of the group. After the row of a person, only runs of a group
already locked may be locked; nobody else can hold those while waiting for the person.
"""

from contextlib import closing, contextmanager

from django.db import IntegrityError, OperationalError, connection
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, ForeignKeyViolation, LockNotAvailable

from .errors import Busy, ChangedMeanwhile


def locked(rows, **lookup):
    """The one row of `rows` that `lookup` names, locked until the transaction ends.

    Only the row itself is locked, not what is selected along with it, and inserting a row that refers to it does
    not wait. Raises `DoesNotExist`, or `Busy` when someone else holds the row for longer than
    the lock time-out of the connection. Call it within the action's own `atomic`, so that a refusal undoes no
    more.

    Anything read earlier, or filtered by `rows` in other tables, may be older than the lock: check it again.
    """
    with busy_when_locked():
        return rows.select_for_update(of=("self",), no_key=True).get(**lookup)


@contextmanager
def busy_when_locked():
    """Turn a lock time-out or deadlock inside the block into `Busy`."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise Busy(_("Someone else is saving this right now. Try again.")) from error
        raise


@contextmanager
def changed_when_gone():
    """Turn a reference to a row that someone has just deleted, which the commit finds, into `ChangedMeanwhile`."""
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.__cause__, ForeignKeyViolation):
            raise ChangedMeanwhile(_("Something on this page has just been removed. Check the page again.")) from error
        raise


@contextmanager
def work_lock(number):
    """Yields whether nobody else is at the work of this number. PostgreSQL frees the lock when the process dies."""
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        try:
            yield cursor.fetchone()[0]
        finally:
            # Closing alone releases it a moment later, and the next process would be refused.
            cursor.execute("SELECT pg_advisory_unlock_all()")


def is_at_work(number):
    """Whether someone holds the `work_lock` of this number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND granted"
            " AND classid = 0 AND objsubid = 1 AND objid = %s)",
            [number],
        )
        return cursor.fetchone()[0]
