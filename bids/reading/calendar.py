"""The runs of a person's groups as entries of a calendar: days and closing times, nothing of anyone's order."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from bids import states
from bids.models.closing import CalendarEntry
from bids.models.runs import Run

DAY, CLOSING = CalendarEntry.Kind
# How long what is over stays, so that calendars that ask rarely learn of it.
KEPT = timedelta(days=30)


@dataclass
class Entry:
    """`start` is a date, or a time in UTC. `sequence` counts its changes, the last of which was at `changed_at`."""

    run_id: int
    kind: str
    title: str
    start: date | datetime
    is_cancelled: bool
    sequence: int
    changed_at: datetime

    @property
    def uid(self):
        """Never changes, or calendars would show the entry twice."""
        return f"run-{self.run_id}-{self.kind}@bulq"


def entries_for(user, now):
    """Entries of open runs, and of those called off in the last 30 days, in the groups that the person is in now."""
    shown = Q(state__in=states.OPEN) | Q(state=states.CANCELLED, state_at__gte=now - KEPT)
    recent = Q(day__gte=(now - KEPT).date()) | Q(closes_at__gte=now - KEPT)
    runs = list(Run.objects.visible_to(user).filter(shown, recent).with_names().order_by("pk"))
    changes = {(row.run_id, row.kind): row for row in CalendarEntry.objects.filter(run__in=runs)}
    found = []
    for run in runs:
        if run.day and run.day >= (now - KEPT).date():
            found.append(_entry(run, DAY, run.day, changes, is_cancelled=run.state == states.CANCELLED))
        if run.closes_at and run.closes_at >= now - KEPT:
            found.append(_entry(run, CLOSING, run.closes_at, changes, is_cancelled=_is_closing_off(run)))
    return found


def _is_closing_off(run):
    """Whether the closing time no longer means anything: called off, or locked by hand before it."""
    return run.state == states.CANCELLED or (not run.is_collecting and run.closing_handled_at is None)


def _entry(run, kind, start, changes, *, is_cancelled):
    change = changes.get((run.pk, kind))
    sequence, changed_at = (change.sequence, change.changed_at) if change else (0, run.created_at)
    return Entry(run.pk, kind, _title(run, kind), start, is_cancelled, sequence, changed_at)


def _title(run, kind):
    """Without the day, whose words depend on the year: a title changes only where the entry is counted as changed."""
    store = run.store.name if run.number == 1 else f"{run.store.name} ({run.number})"
    params = {"store": store, "group": run.group.name}
    title = (_("%(store)s closes, %(group)s") if kind == CLOSING else _("%(store)s, %(group)s")) % params
    return _("Called off: %(title)s") % {"title": title} if run.state == states.CANCELLED else title
