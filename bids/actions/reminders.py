"""Reminders before a run closes. The rows are written first; whoever wrote one sends it (`mail.mail_reminders`)."""

from datetime import UTC, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.models import User
from bids.access import lock_run_led
from bids.models import Event, Notification, Reminder, Run
from bids.reading.reminders import packs_to_fill, who_could_fill, whom_to_remind
from bulq.kit.errors import BulqError
from bulq.kit.later import hand_over
from bulq.kit.live import announce
from bulq.kit.zones import database_now

from .history import happened, record
from .notifications import create

# The kinds, with the hours before closing at which they are due, and how late one may still be sent.
SERIES = (
    (Reminder.Kind.DAY, 24, timedelta(hours=6)),
    (Reminder.Kind.HOURS, 3, timedelta(hours=1)),
)
RUNS_AT_ONCE = 100
BY_HAND_AGAIN = timedelta(days=1)


def remind_due(now):
    """Write reminders that are due. Returns how many people are reminded.

    Hours are counted in UTC, so that a night in which the clocks change moves no reminder. What is past by more than
    its window is skipped, and so is what was past when the closing time was set.
    """
    count, now = 0, now.astimezone(UTC)
    for kind, hours, window in SERIES:
        while (reminded := _remind_some(kind, hours, window, now)) is not None:
            count += reminded
    return count


def _due(hours, window, now):
    before = timedelta(hours=hours)
    runs = Run.objects.collecting().filter(closes_at__lte=now + before, closes_at__gt=now + before - window)
    runs = runs.filter(closing_set_at__lt=F("closes_at") - before)
    return runs.filter(Q(reminded_hours=None) | Q(reminded_hours__gt=hours))


@transaction.atomic
def _remind_some(kind, hours, window, now):
    """Remind of up to a hundred runs, in the same number of queries for any. None if none is due.

    Runs that someone is saving just now have their turn a minute later.
    """
    due = _due(hours, window, now).order_by("closes_at", "pk")
    runs = {run.pk: run for run in due.select_for_update(skip_locked=True, no_key=True)[:RUNS_AT_ONCE]}
    if not runs:
        return None
    Run.objects.filter(pk__in=runs).update(reminded_hours=hours)
    about = {pk: run.reminders_about for pk, run in runs.items()}
    to_fill = packs_to_fill(list(runs))
    claimed = _claim(kind, about, whom_to_remind(list(runs)), now)
    claimed += _claim(kind, about, who_could_fill(to_fill), now, is_about_packs=True)
    events = {(row.run_id, row.is_about_packs): _event(runs[row.run_id], row, to_fill) for row in claimed}
    Event.objects.bulk_create(events.values())
    kinds = ("closing_soon", "packs_to_fill")
    Notification.objects.unread().filter(event__run__in=runs, event__kind__in=kinds).delete()  # older ones
    create([Notification(user_id=row.user_id, event=events[row.run_id, row.is_about_packs]) for row in claimed])
    for run in {row.run_id for row in claimed}:
        announce(f"run:{run}")
    return len(claimed)


def _event(run, reminder, to_fill):
    data = {"closes_at": run.closes_at.isoformat()}
    if reminder.is_about_packs:
        return Event(run=run, kind="packs_to_fill", data=data | {"to_fill": list(to_fill[run.pk].values())})
    return Event(run=run, kind="closing_soon", data=data)


def _claim(kind, about, people, now, *, is_about_packs=False):
    """Write a row for each person, `{run id: people}`, unless they have one. Returns the rows that were written."""
    mailed = set(User.objects.mailed().filter(pk__in=set().union(*people.values())).values_list("pk", flat=True))
    Reminder.objects.bulk_create(
        [
            Reminder(
                run_id=run,
                user_id=user,
                kind=kind,
                about=about[run],
                at=now,
                is_mailed=user in mailed,
                is_about_packs=is_about_packs,
            )
            for run, users in people.items()
            for user in sorted(users)
        ],
        ignore_conflicts=True,
    )
    return list(Reminder.objects.filter(run__in=people, kind=kind, at=now, is_about_packs=is_about_packs))


@transaction.atomic
def remind_by_hand(run, *, by):
    """Remind people who are still choosing now, as the leader, once a day. Returns how many."""
    run, now = lock_run_led(run, by=by), database_now()
    if not run.is_collecting:
        raise BulqError(_("The list is locked, so there is nobody to remind."))
    if run.events.filter(kind="reminded", at__gt=now - BY_HAND_AGAIN).exists():
        raise BulqError(_("A reminder was sent within the last 24 hours. You can send one a day."))
    people = whom_to_remind([run.pk])[run.pk] - {by.pk}
    claimed = _claim(Reminder.Kind.BY_HAND, {run.pk: now}, {run.pk: people}, now)
    if not claimed:
        raise BulqError(_("Nobody needs a reminder: the others are done, or have turned reminders off."))
    record(run, happened("reminded"), by=by, concerns={row.user_id for row in claimed})
    hand_over("bids.tasks.remind")
    return len(claimed)
