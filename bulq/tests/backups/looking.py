"""The output of commands, and the content of databases."""

from contextlib import contextmanager
from io import StringIO

from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, connections

from bulq.backups import databases
from bulq.backups.errors import BackupError


def output_of(*command, **options):
    """The lines that a management command prints."""
    output = StringIO()
    call_command(*command, stdout=output, **options)
    return output.getvalue().splitlines()


def manage_here(*arguments, clock, database):
    """`tools.manage` in this process, which meanwhile knows only the other database."""
    clock.left()
    with _knowing_only(database):
        try:
            call_command(*arguments, stdout=StringIO())
        except CommandError as problem:
            raise BackupError(f"manage.py {' '.join(arguments)} failed with exit code 1: {problem}") from problem


@contextmanager
def _knowing_only(database):
    usual = connections["default"]
    connections["default"] = usual.copy()
    connections["default"].settings_dict["NAME"] = database
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual
        ContentType.objects.clear_cache()


def database_url():
    """The URL of this test's database, for another process."""
    parts = connection.settings_dict
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


def count(database, table="stores_product"):
    with databases.connected(database) as server:
        return server.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def others():
    """Databases derived from this test's database."""
    with databases.connected(databases.MAINTENANCE) as server:
        pattern = f"{connection.settings_dict['NAME']}\\_%"
        names = server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern])
        return sorted(name for [name] in names)
