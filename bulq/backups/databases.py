"""Other databases on the site's server: looking into, creating, renaming and dropping them."""

import contextlib

import psycopg
from django.db import connection
from psycopg import sql

from .errors import BackupError

# Every server has it, and nobody keeps anything in it.
MAINTENANCE = "postgres"
LONGEST_NAME = 63


@contextlib.contextmanager
def connected(name):
    """A psycopg connection to that database, each statement its own transaction."""
    params = {**connection.get_connection_params(), "dbname": name, "cursor_factory": psycopg.Cursor}
    try:
        server = psycopg.connect(**params, autocommit=True)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database {name} cannot be reached: {error}") from error
    with contextlib.closing(server):
        yield server


def exists(name):
    with connected(MAINTENANCE) as server:
        return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def is_empty(name):
    with connected(name) as server:
        tables = "SELECT 1 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LIMIT 1"
        return server.execute(tables).fetchone() is None


def create(name):
    _run("CREATE DATABASE {}", name)


def drop(name):
    """Drop a database, closing any connections to it."""
    _run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def rename(name, other):
    """`BackupError` while anyone is connected to it."""
    _run("ALTER DATABASE {} RENAME TO {}", name, other)


def _run(statement, *names):
    if long := [name for name in names if len(name.encode()) > LONGEST_NAME]:
        raise BackupError(f"“{long[0]}” is too long for the name of a database.")
    with connected(MAINTENANCE) as server:
        try:
            server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        except psycopg.Error as error:
            raise BackupError(
                f"PostgreSQL refused: {error.diag.message_primary}. {error.diag.message_detail or ''}"
            ) from error
