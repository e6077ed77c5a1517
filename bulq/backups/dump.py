"""A dump of the database as of one moment, in a private file, with its row counts."""

import hashlib
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from . import tools
from .errors import BackupError

WAIT_FOR_LOCKS = "30s"


@dataclass(frozen=True)
class Dump:
    path: Path
    taken_at: datetime
    size: int
    sha256: str
    # Rows by table, counted in the snapshot that was dumped.
    counts: dict
    migrations: list


def dump(folder, clock):
    """Write a dump into `folder` (custom format), and count every table in the same snapshot."""
    tools.check_versions(clock)
    clock.say("Dumping the database")
    path = folder / "database.dump"
    path.touch(mode=0o600)
    with closing(connection.copy()) as other:  # a second one; the first writes our own rows
        other.connect()
        _check_disk(folder, other)
        server = other.connection
        server.autocommit = True
        with server.transaction():
            server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            taken_at = datetime.now(UTC)
            [snapshot] = server.execute("SELECT pg_export_snapshot()").fetchone()
            counts = {table: _count(server, table) for table in sorted(model_tables())}
            migrations = _migrations(server)
            tools.run(
                *("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"),
                *(f"--lock-wait-timeout={WAIT_FOR_LOCKS}", f"--file={path}"),
                clock=clock,
            )
    return Dump(path, taken_at, path.stat().st_size, sha256_of(path), counts, migrations)


def model_tables():
    """Every table the code relies on."""
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}
    return tables | {MigrationRecorder.Migration._meta.db_table}


def _count(server, table):
    try:
        [count] = server.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    except psycopg.errors.UndefinedTable as error:
        raise BackupError(f"The database has no table {table}: is it the right one, with all migrations?") from error
    return count


def _migrations(server):
    return [f"{app}.{name}" for app, name in server.execute("SELECT app, name FROM django_migrations ORDER BY id")]


def _check_disk(folder, other):
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        [needed] = cursor.fetchone()
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(f"{folder} has {free / 1e6:.0f} MB free, and the database takes {needed / 1e6:.0f} MB.")


def sha256_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
