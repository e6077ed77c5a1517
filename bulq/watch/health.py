"""Current problems of backups, worker and beat, read from the database alone: none of them has to be running."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import timezone

from bulq.models import BackupRun, Heartbeat

SILENT_AFTER = timedelta(hours=26)
UNTRIED_AFTER = timedelta(days=9)
STOPPED_AFTER = timedelta(minutes=5)
WORKERS = {"worker": "The worker", "beat": "Beat, which schedules the work,"}
State = BackupRun.State


@dataclass(frozen=True)
class Problem:
    kind: str  # reported once a day
    sentence: str


def problems():
    """One sentence for each problem that needs a person; empty when all is well."""
    return [*_failure(), *_silence(), *_untried(), *_stopped()]


def last_verified():
    return BackupRun.objects.filter(state=State.DONE).order_by("verified_at").last()


def is_silent():
    """Whether the last verified backup is too old. A new site gets as much time for its first one."""
    last = last_verified()
    return timezone.now() - (last.verified_at if last else _born_at()) > SILENT_AFTER


def last_seen():
    """When worker and beat last reported, and whether that is too long ago; None for one that never has."""
    rows = dict(Heartbeat.objects.values_list("name", "at"))
    now = timezone.now()
    return {name: (at := rows.get(name)) and (at, now - at > STOPPED_AFTER) for name in WORKERS}


def is_anything_missing():
    return any(seen and seen[1] for seen in last_seen().values())


def _failure():
    last = BackupRun.objects.filter(state__in=[State.DONE, State.FAILED]).order_by("ended_at").last()
    if last and last.state == State.FAILED:
        yield Problem("failed", f"The backup of {_utc(last.started_at)} failed. {last.error}")
    elif last and last.error:
        yield Problem("unclean", f"The backup of {_utc(last.started_at)} was made, but: {last.error}")


def _silence():
    if is_silent():
        last = last_verified()
        since = f"since {_utc(last.verified_at)}" if last else "yet"
        yield Problem("silent", f"There has been no verified backup {since}.")


def _untried():
    last = BackupRun.objects.filter(drilled_at__isnull=False).order_by("drilled_at").last()
    if last and last.drill_error:
        yield Problem("drill", f"{last.key} could not be restored as a drill. {last.drill_error}")
    elif timezone.now() - (last.drilled_at if last else _born_at()) > UNTRIED_AFTER:
        yield Problem("untried", "For more than nine days nobody has tried to restore a backup.")


def _stopped():
    for name, seen in last_seen().items():
        if seen and seen[1]:
            yield Problem(name, f"{WORKERS[name]} has not been running since {_utc(seen[0])}.")


def _born_at():
    """When the first migration of this site was run."""
    return MigrationRecorder.Migration.objects.aggregate(first=Min("applied"))["first"] or timezone.now()


def _utc(moment):
    return f"{moment:%Y-%m-%d %H:%M} UTC"
