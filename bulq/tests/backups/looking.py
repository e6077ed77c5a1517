"""What commands say, and what is in databases."""

from io import StringIO

from django.core.management import call_command
from django.db import connection

from bulq.backups import databases


def said(*command, **options):
    """The lines that a management command prints."""
    output = StringIO()
    call_command(*command, stdout=output, **options)
    return output.getvalue().splitlines()


def database_url():
    """Of this test's database, for another process."""
    words = connection.settings_dict
    return f"postgres://{words['USER']}:{words['PASSWORD']}@{words['HOST']}:{words['PORT']}/{words['NAME']}"


def count(database, table="stores_product"):
    with databases.connected(database) as server:
        return server.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def others():
    """Databases that came out of the one of this test."""
    with databases.connected(databases.MAINTENANCE) as server:
        pattern = f"{connection.settings_dict['NAME']}\\_%"
        names = server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern])
        return sorted(name for [name] in names)
