"""A backup or a drill from start to finish: one at a time, recorded in a row, with alerts."""

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone

from bids.reading.invariants import problems
from bulq.models import BackupRun
from bulq.watch import alerts

from . import schedule, shelf
from .configuration import at, obstacles
from .drill import drill
from .dump import dump
from .errors import FAILURES, BackupError
from .folders import private_folder
from .lock import only_one
from .places import place
from .tools import Clock
from .verify import verify

SUSPICIOUSLY_SMALL = 0.5
State = BackupRun.State


# --- Backups ---------------------------------------------------------------------------------------
def back_up(since=None, say=str):
    """Make a backup and return its row. Failures that a person has to fix are in the row, not raised.

    With `since`, a verified backup started after it is returned instead of making one.
    """
    with only_one() as is_mine:
        if not is_mine:
            run = BackupRun.objects.create()
            run.end(State.SKIPPED, "Another backup is being made, or the database is being migrated.")
            return run
        if since and (made := BackupRun.objects.filter(state=State.DONE, started_at__gte=since).last()):
            return made
        # We hold the lock, so any run still “running” was killed.
        BackupRun.objects.filter(state=State.RUNNING).update(
            state=State.FAILED, ended_at=timezone.now(), error="It was killed before it finished."
        )
        run = BackupRun.objects.create()
        alerts.heartbeat("/start")
        try:
            _steps(run, say)
        except FAILURES as error:
            run.end(State.FAILED, str(error))
        except BaseException:
            run.end(State.FAILED, "It was stopped, or the program has a bug: see the log.")
            raise
        finally:
            alerts.heartbeat("" if run.state == State.DONE else "/fail")
            alerts.tell()
    return run


def back_up_if_due(since=None):
    """Make last night's backup, or one newer than `since`, unless it exists."""
    back_up(since or schedule.last_night(datetime.now(UTC), at()))


def _steps(run, say):
    if found := obstacles():
        raise BackupError(" ".join(found))
    before = BackupRun.objects.filter(state=State.DONE).order_by("-verified_at").first()
    clock, there = Clock(settings.BACKUP_TIME_LIMIT, say), place()
    with private_folder("bulq-backup-") as folder:
        made = dump(folder, clock)
        verify(made, clock)
        manifest = shelf.publish(made, there, clock)
    run.key, run.size, run.sha256, run.counts = manifest.key, manifest.size, manifest.sha256, manifest.counts
    run.verified_at = timezone.now()
    run.end(State.DONE, " ".join(_afterwards(manifest, before, there, say)))


def _afterwards(manifest, before, there, say):
    """Sentences about problems a person has to look at, although the backup is good."""
    if before and manifest.size < SUSPICIOUSLY_SMALL * before.size:
        yield f"It has {manifest.size} bytes, the one before {before.size}: nothing was pruned."
    else:
        say("Deleting what no rule keeps")
        try:
            shelf.prune(there, settings.BACKUP_KEEP, but=manifest.key)
        except BackupError as error:
            yield str(error)
    if wrong := problems():
        yield f"Sums or states in the database are wrong ({len(wrong)}): see manage.py check_invariants. {wrong[0]}"


# --- Drills ----------------------------------------------------------------------------------------
def try_out(key="latest", since=None, say=str):
    """Make a drill and return the backup's row; None if another process is busy, or one was made after `since`."""
    with only_one() as is_mine:
        if not is_mine or (since and BackupRun.objects.filter(drilled_at__gte=since).exists()):
            return None
        run = drill(place(), Clock(settings.BACKUP_TIME_LIMIT, say), key)
        alerts.tell()
    return run


def drill_if_due():
    """Make this week's drill, unless it has been made or there is no backup."""
    if BackupRun.objects.filter(state=State.DONE).exists():
        try_out(since=schedule.last_drill(datetime.now(UTC), at()))
