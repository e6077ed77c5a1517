"""Running external programs: found, given the database, and killed when their time is up."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from . import databases
from .errors import BackupError

PR_SET_PDEATHSIG = 1
LAST_LINES = 3


class Clock:
    """The time left for the whole job; also reports progress to someone at a terminal."""

    def __init__(self, seconds, say=str):
        """`say` is called with a sentence about each step."""
        self.seconds, self.ends_at = seconds, time.monotonic() + seconds
        self.say = say

    def left(self):
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise BackupError(f"It took longer than {self.seconds} seconds and was ended.")
        return left


def manage(*arguments, clock, database):
    """Run one of our own commands on another database of the same server, in a separate process."""
    command = (settings.BASE_DIR / "manage.py", *arguments)
    return run(sys.executable, *command, clock=clock, database=database, name=f"manage.py {' '.join(arguments)}")


def run(program, *arguments, clock, database=None, name=None):
    """The program's output. `BackupError` if it fails, is missing, or takes too long.

    `database` names another one than ours, and `name` is what the program is called in a sentence. The password goes
    through the environment: arguments can be read by everyone on the machine.
    """
    path, name = shutil.which(program), name or program
    if path is None:
        raise BackupError(f"{name} is not installed, or not in PATH.")
    process = subprocess.Popen(
        [path, *map(str, arguments)],
        env=_environment(database),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=_die_with_parent,
        process_group=0,
    )
    try:
        output, complaints = process.communicate(timeout=clock.left())
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children would keep our pipes open
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise BackupError(f"{name} took longer than {clock.seconds} seconds and was ended.") from error
        raise
    if process.returncode:
        raise BackupError(f"{name} {_how_it_ended(process.returncode)}: {_last(complaints)}")
    return output


def _environment(database):
    database_settings = connection.settings_dict
    named = {
        "DATABASE_URL": database and urlsplit(settings.DATABASE_URL)._replace(path=f"/{database}").geturl(),
        "PGHOST": database_settings["HOST"],
        "PGPORT": database_settings["PORT"],
        "PGUSER": database_settings["USER"],
        "PGPASSWORD": database_settings["PASSWORD"],
        "PGDATABASE": database or database_settings["NAME"],
        "PGCONNECT_TIMEOUT": "10",
    }
    return {**os.environ, **{name: str(value) for name, value in named.items() if value}}


def _how_it_ended(code):
    return f"was killed ({signal.Signals(-code).name})" if code < 0 else f"failed with exit code {code}"


def _last(complaints):
    return " ".join(complaints.strip().splitlines()[-LAST_LINES:]) or "it said nothing."


def _die_with_parent():
    """On Linux, let the kernel kill the program when this process is killed."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# --- Versions --------------------------------------------------------------------------------------
def check_versions(clock, database=None):
    """`BackupError` unless pg_dump and pg_restore are of the server's own major version.

    Older ones cannot read what the server keeps. What newer ones write may be refused by it, if only because of a
    setting that it does not know: then there would be backups, and none of them could be restored here. The server is
    asked in its `database`, where the site's own is not there yet.
    """
    servers = server_version(database)
    for program in ("pg_dump", "pg_restore"):
        if (ours := tool_version(program, clock)) != servers:
            raise BackupError(
                f"{program} is from PostgreSQL {ours}, the server is {servers}: install client tools {servers}."
            )


def tool_version(program, clock):
    output = run(program, "--version", clock=clock)
    found = re.search(r"\(PostgreSQL\) (\d+)", output)
    if found is None:
        raise BackupError(f"{program} does not say its version: {output.strip()}")
    return int(found[1])


def server_version(database=None):
    if database is None:
        connection.ensure_connection()
        return connection.pg_version // 10_000
    with databases.connected(database) as server:
        return server.info.server_version // 10_000
