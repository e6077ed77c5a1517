"""Verifies a dump: all of it can be read, and it contains every table the code relies on."""

import re

from . import tools
from .dump import model_tables, sha256_of
from .errors import BackupError

TABLE_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA \S+ (\S+) ", re.MULTILINE)


def verify(dump, clock):
    """`BackupError` unless the file is unchanged and can be read to its end (a list of contents is no proof)."""
    clock.say("Reading the dump to its end")
    if sha256_of(dump.path) != dump.sha256:
        raise BackupError("The dump changed on the disk after it was written.")
    read_to_the_end(dump.path, clock)
    missing = model_tables() - tables_in(dump.path, clock)
    if missing:
        raise BackupError(f"The dump lacks {', '.join(sorted(missing))}.")
    if not dump.counts.get("django_migrations"):
        raise BackupError("The dump is of a database without migrations.")


def read_to_the_end(path, clock):
    tools.run("pg_restore", "--exit-on-error", "--file=/dev/null", path, clock=clock)


def tables_in(path, clock):
    return set(TABLE_DATA.findall(tools.run("pg_restore", "--list", path, clock=clock)))
