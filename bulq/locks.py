"""How a row is locked: for three seconds at most, and then a person is told.

Whoever needs several rows locks them in one order: the group, the run, its lines by pk, a person last. With several
groups, each is followed by its own runs before the next, by pk of the group. Nobody who holds a person's row asks
for any other row afterwards.
"""

from django.db import OperationalError
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, LockNotAvailable

from .errors import Busy


def locked(rows, **lookup):
    """The one row of `rows` that `lookup` names, locked until the transaction ends.

    Only the row itself is locked, not what is selected along with it, and no other row that merely refers to it
    has to wait. Raises `DoesNotExist`, or `Busy` when somebody else holds the row for longer than the lock
    time-out of the connection. Call it within the action's own `atomic`, so that a refusal rolls back no more.

    What was read before, and what `rows` filters in other tables, may be older than the lock: check again.
    """
    try:
        return rows.select_for_update(of=("self",), no_key=True).get(**lookup)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise Busy(_("Someone else is saving this right now. Try again.")) from error
        raise
