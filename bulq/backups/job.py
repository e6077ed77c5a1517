"""A backup from beginning to end: one at a time, in order, and a row that tells what came of it."""

import contextlib
import tempfile
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from bulq.models import BackupRun

from . import shelf
from .dump import dump
from .errors import BackupError
from .places import PlaceError, place
from .tools import Clock
from .verify import verify

LOCK = 0x62756C71  # “bulq”
SUSPICIOUSLY_SMALL = 0.5
State = BackupRun.State


def back_up():
    """Make a backup, and return the row of it. Never raises for what a person has to mend: the row says it."""
    with only_one() as is_mine:
        if not is_mine:
            run = BackupRun.objects.create()
            run.end(State.SKIPPED, "Another backup is being made.")
            return run
        # Whoever held the lock before us has let go of it, so what still “runs” was killed.
        BackupRun.objects.filter(state=State.RUNNING).update(
            state=State.FAILED, ended_at=timezone.now(), error="It was killed before its end."
        )
        run = BackupRun.objects.create()
        try:
            _steps(run)
        except (BackupError, PlaceError, OSError, OperationalError) as error:
            run.end(State.FAILED, str(error))
        except BaseException:
            run.end(State.FAILED, "It was stopped, or there is a mistake in the program: see the log.")
            raise
    return run


def _steps(run):
    before = BackupRun.objects.filter(state=State.DONE).order_by("-verified_at").first()
    clock, there = Clock(settings.BACKUP_TIME_LIMIT), place()
    with tempfile.TemporaryDirectory(prefix="bulq-backup-") as folder:  # only this account may look into it
        made = dump(Path(folder), clock)
        verify(made, clock)
        manifest = shelf.publish(made, there, clock)
    run.key, run.size, run.sha256, run.counts = manifest.key, manifest.size, manifest.sha256, manifest.counts
    run.verified_at = timezone.now()
    if before and manifest.size < SUSPICIOUSLY_SMALL * before.size:
        run.end(State.DONE, f"It has {manifest.size} bytes, the one before {before.size}: nothing was pruned.")
        return
    try:
        shelf.prune(there, settings.BACKUP_KEEP)
    except (BackupError, PlaceError) as error:
        run.end(State.DONE, str(error))
        return
    run.end(State.DONE)


@contextlib.contextmanager
def only_one():
    """Whether this is the only backup now, anywhere. PostgreSQL frees the lock when the process dies."""
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        [is_mine] = cursor.fetchone()
        try:
            yield is_mine
        finally:
            # Closing alone frees it a moment later, and whoever comes next would be refused.
            cursor.execute("SELECT pg_advisory_unlock_all()")
