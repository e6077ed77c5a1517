"""The drill: a backup counts only once it has been restored."""

from django.db import connection
from django.utils import timezone

from bulq.models import BackupRun

from . import databases, shelf, tools
from .errors import FAILURES
from .restore import check_counts, fetched, fill, refuse_newer


def drill(place, clock, key="latest"):
    """Restore a backup into a scratch database, check that it is complete and correct, and drop it.

    Returns the row of the backup, with the time of the drill and any error. Only one drill may run at a time.
    """
    key = shelf.find(place, key)
    run = BackupRun.objects.filter(key=key).first()
    try:
        manifest = shelf.manifest(place, key)
        run = run or _row_of(manifest)
        _try_out(manifest, place, clock)
        error = ""
    except FAILURES as problem:
        if run is None:
            raise
        error = str(problem)
    run.drilled_at, run.drill_error = timezone.now(), error
    run.save(update_fields=["drilled_at", "drill_error"])
    return run


def _try_out(manifest, place, clock):
    scratch = f"{connection.settings_dict['NAME'][:50]}_drill"
    tools.check_versions(clock)
    refuse_newer(manifest)
    with fetched(manifest, place, clock) as path:
        databases.drop(scratch)  # left by a drill that was killed
        databases.create(scratch)
        try:
            clock.say(f"Restoring {manifest.key} into {scratch}")
            fill(scratch, path, clock)
            check_counts(scratch, manifest)
            clock.say("Migrating and checking it")
            tools.manage("check_invariants", "--migrate", clock=clock, database=scratch)
        finally:
            databases.drop(scratch)


def _row_of(manifest):
    """Create the row, which is missing after a move to another machine."""
    return BackupRun.objects.create(
        **{name: getattr(manifest, name) for name in ("key", "size", "sha256", "counts")},
        **{"state": BackupRun.State.DONE, "ended_at": manifest.taken_at, "verified_at": manifest.taken_at},
    )
