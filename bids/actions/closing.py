"""The closing time of a run: set, moved and taken away by its leader. What happens then: `clock`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from bids.access import lock_run_led
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.zones import database_now, format_moment

from .history import happened, record

COLUMNS = [
    *("closes_at", "locks_itself", "closing_set_at", "closing_handled_at"),
    *("reminders_about", "reminded_hours", "last_stretch_hours"),
]
# A closing moved by less belongs to the same series of reminders.
ANOTHER_SERIES = timedelta(days=1)


@dataclass(frozen=True)
class ClosingTime:
    """When a run closes (None: not by the clock), and whether it locks by itself then or its leader is told.

    The last stretch begins by itself so many hours before it, if any.
    """

    at: datetime | None = None
    locks_itself: bool = True
    stretch_hours: int | None = None


NO_CLOSING = ClosingTime()


def put_closing(run, closing):
    """Set the columns of a locked run, without saving them. A time that has passed is refused."""
    run.closes_at, run.locks_itself, run.closing_handled_at = closing.at, closing.locks_itself, None
    run.last_stretch_hours = closing.stretch_hours if closing.at else None
    if closing.at is None:
        run.closing_set_at = None
        return
    run.closing_set_at = database_now()
    if closing.at <= run.closing_set_at:
        raise BulqError(_("This time has passed. Choose a later one."), field="closing_time")
    if run.reminded_hours is None or abs(closing.at - run.reminders_about) >= ANOTHER_SERIES:
        run.reminders_about, run.reminded_hours = closing.at, None


@transaction.atomic
def move_closing(run, closing, *, by, version):
    """Set, move or take away the closing time while the run is collecting; `version` is the one the form showed.

    If it closes earlier than people had to expect, the whole group is told, except people who have left the run.
    """
    run = lock_run_led(run, by=by)
    if not run.is_collecting:
        raise BulqError(_("The list is locked. Unlock it to choose another closing time."))
    was = ClosingTime(run.closes_at, run.locks_itself, run.last_stretch_hours)
    if closing == was or closing.at is was.at is None:
        return run
    if version != closing_version(run):
        raise ChangedMeanwhile(
            _("This was changed to: %(closing)s. Save again to replace it with yours.") % {"closing": _in_words(run)}
        )
    put_closing(run, closing)
    run.save(update_fields=COLUMNS)
    is_earlier = closing.at is not None and (was.at is None or closing.at < was.at)
    record(run, closing_event(run), by=by, concerns=_expecting(run) if is_earlier else ())
    return run


def closing_version(run):
    """The closing time that a form showed, to detect that it has changed since."""
    return f"{run.closes_at.isoformat() if run.closes_at else ''}|{run.locks_itself}|{run.last_stretch_hours or ''}"


def closing_event(run):
    """The event, not yet saved, that a run has got this closing time."""
    if run.closes_at is None:
        return happened("closing_removed")
    return happened("closing_set", closes_at=run.closes_at.isoformat())


def _in_words(run):
    return format_moment(run.closes_at, run.group.zone) if run.closes_at else _("no closing time")


def _expecting(run):
    """Ids of the members of the group who have not left the run."""
    left = run.participations.filter(left_at__isnull=False).values("user")
    return set(Membership.objects.filter(group=run.group_id).exclude(user__in=left).values_list("user_id", flat=True))
