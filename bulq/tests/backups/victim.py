"""Makes backups that are killed outright at a named moment: `python -m bulq.tests.backups.victim`.

Each line of JSON on standard input asks for one. It is made in a fork, which is quicker than starting Python anew, and
answered with its exit code, or the negative number of a signal.
"""

import contextlib
import functools
import http.client
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.management import CommandError, call_command

ENOUGH = 20_000  # bytes of a dump that were sent or copied


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def before(function):
    return functools.wraps(function)(die)


def after(function, *, ending=""):
    """Die once it has returned, if its first argument (after `self`) ends like that."""

    @functools.wraps(function)
    def dying(*arguments, **more):
        found = function(*arguments, **more)
        if not ending or arguments[1].endswith(ending):
            die()
        return found

    return dying


def copy_a_part(source, target, _length):
    target.write(source.read(ENOUGH))
    target.flush()
    die()


def send_a_part(send):
    sent = 0

    def dying(self, data):
        nonlocal sent
        send(self, data)
        sent += len(data)
        if sent > ENOUGH:
            die()

    return dying


def prepare(moment):
    """Arrange for the process to die at that moment."""
    from bulq.backups import job, places, shelf
    from bulq.models import BackupRun

    kinds = (places.BucketPlace, places.FolderPlace)
    deaths = {
        "before the dump": [(job, "dump", before)],
        "after the dump": [(job, "dump", after)],
        "after verifying": [(job, "verify", after)],
        "while storing": [
            (shutil, "copyfileobj", lambda _: copy_a_part),
            (http.client.HTTPConnection, "send", send_a_part),
        ],
        "after storing": [(kind, "put", functools.partial(after, ending=".dump")) for kind in kinds],
        "after reading back": [(shelf, "check_stored", after)],
        "after the manifest": [(kind, "put", functools.partial(after, ending=".json")) for kind in kinds],
        "after pruning": [(shelf, "prune", after)],
        "after the end": [(BackupRun, "end", after)],
        "never": [],
    }
    for where, name, death in deaths[moment]:
        setattr(where, name, death(getattr(where, name)))


def back_up(*, moment, temp, largest_file, **options):
    tempfile.tempdir = temp
    for name, value in options.items():
        setattr(settings, name, value)
    prepare(moment)
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            call_command("backup")
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.returncode
    return 0


def warm_up():
    """What every child would have to import and to read."""
    import botocore.session
    from storages.backends.s3 import S3Storage

    from bulq.backups import job  # noqa: F401

    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    S3Storage(bucket_name="none", region_name="us-east-1", access_key="x", secret_key="y").connection  # noqa: B018


def main():
    django.setup()
    warm_up()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = back_up(**json.loads(line))
            finally:
                os._exit(code)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
