"""Restoring a backup: fetched and checked first, restored completely or not at all, then migrated."""

import contextlib
import shutil

from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from psycopg import sql
from psycopg.types.json import Jsonb

from bulq.kit.breaker import RedisAway
from bulq.kit.cache import breaker

from . import databases, shelf, tools
from .errors import BackupError
from .folders import private_folder


def restore(key, place, clock, *, into, may_replace=False):
    """Restore a backup into the database `into`. `BackupError`: nothing was changed.

    Returns its manifest, the new name of the old database, and any problem with the restored one. A database that
    holds tables is only replaced if `may_replace`, and kept under another name.
    """
    tools.check_versions(clock, databases.MAINTENANCE)
    manifest = shelf.manifest(place, shelf.find(place, key))
    refuse_newer(manifest)
    with fetched(manifest, place, clock) as path, _target(into, may_replace=may_replace) as before:
        clock.say(f"Restoring {manifest.key} into {into}")
        fill(into, path, clock)
        check_counts(into, manifest)
        _end_its_own_run(into, manifest)
    clock.say("Migrating and checking it")
    try:
        tools.manage("check_invariants", "--migrate", clock=clock, database=into)
    except BackupError as error:
        return manifest, before, str(error)
    return manifest, before, ""


def refuse_newer(manifest):
    """`BackupError` for a backup of a later release: this code would not know what to do with its tables."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := [name for name in manifest.migrations if name not in known]:
        raise BackupError(f"{manifest.key} comes from a later release, with {unknown[-1]}: install that release first.")


@contextlib.contextmanager
def fetched(manifest, place, clock):
    """A private file with the dump, whose hash has been checked."""
    with private_folder("bulq-restore-") as folder:
        free = shutil.disk_usage(folder).free
        if free < manifest.size:
            raise BackupError(f"{folder} has {free} bytes free, and {manifest.key} has {manifest.size}.")
        clock.say(f"Fetching {manifest.key} ({manifest.size} bytes)")
        path = folder / "database.dump"
        with path.open("xb") as file:
            for chunk in shelf.whole(manifest, place, clock):
                file.write(chunk)
        yield path


def fill(database, path, clock):
    """Load all of a dump into an empty database, or nothing."""
    options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--no-comments")
    tools.run("pg_restore", *options, f"--dbname={database}", path, clock=clock, database=database)


def check_counts(database, manifest):
    """`BackupError` unless each table has the rows that were counted in the snapshot."""
    with databases.connected(database) as server:
        for table, expected in manifest.counts.items():
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            [count] = server.execute(query).fetchone()
            if count != expected:
                raise BackupError(f"{table} has {count} rows, and {manifest.key} was made of {expected}.")


def flush_cache():
    """Clear the cached catalogue lists. Returns whether Redis could be reached."""
    try:
        breaker.ask(lambda: cache.delete_pattern("*"), seconds=60)
    except RedisAway:
        return False
    return True


@contextlib.contextmanager
def _target(name, *, may_replace):
    """An empty database of that name. If the block fails, everything is put back."""
    before = None
    if not databases.exists(name):
        databases.create(name)
    elif databases.is_empty(name):
        yield None  # a restore is one transaction: if it fails, the database stays empty
        return
    elif may_replace:
        connection.close()  # our own connection would prevent renaming
        before = f"{name}_before_{timezone.now():%Y%m%d%H%M%S}"
        databases.rename(name, before)
        databases.create(name)
    else:
        raise BackupError(f"The database {name} is not empty, and was left as it is.")
    try:
        yield before
    except BaseException:
        databases.drop(name)
        if before:
            databases.rename(before, name)
        raise


def _end_its_own_run(database, manifest):
    """Complete the row of the backup, which is still “running” in its own dump."""
    with databases.connected(database) as server:
        server.execute(
            "UPDATE bulq_backuprun SET state = 'done', ended_at = %(now)s, verified_at = %(now)s, key = %(key)s,"
            " size = %(size)s, sha256 = %(sha256)s, counts = %(counts)s WHERE state = 'running'",
            {**vars(manifest), "counts": Jsonb(manifest.counts), "now": manifest.taken_at},
        )
