"""How a row is locked: for three seconds at most, and then a person is told.

Whoever needs several rows locks them in one order: the group, the run, its lines by pk, a person last.
With several groups, each is followed by its own runs before the next, by pk of the group. Whoever holds the
row of a person asks afterwards for nothing but runs of a group that they locked before, which nobody else can
be holding while waiting for the person.
"""

from contextlib import contextmanager

from django.db import OperationalError
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, LockNotAvailable

from .errors import Busy


def locked(rows, **lookup):
    """The one row of `rows` that `lookup` names, locked until the transaction ends.

    Only the row itself is locked, not what is selected along with it, and nobody waits who merely inserts
    a row that refers to it. Raises `DoesNotExist`, or `Busy` when someone else holds the row for longer than
    the lock time-out of the connection. Call it within the action's own `atomic`, so that a refusal undoes no
    more.

    What was read before, and what `rows` filters in other tables, may be older than the lock: check again.
    """
    with busy_when_locked():
        return rows.select_for_update(of=("self",), no_key=True).get(**lookup)


@contextmanager
def busy_when_locked():
    """Around a write that may have to wait for someone else's, on a unique key for one."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise Busy(_("Someone else is saving this right now. Try again.")) from error
        raise
