"""B8, B13: if killed between any two steps, a backup exists completely or not at all, and the next one succeeds."""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from bulq.backups.job import back_up
from bulq.backups.lock import only_one
from bulq.models import BackupRun
from bulq.tests.deadline import at_most

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DONE, FAILED = BackupRun.State.DONE, BackupRun.State.FAILED
ROOT = Path(__file__).resolve().parents[3]
# In order, with whether there is a backup then.
MOMENTS = {
    "before the dump": False,
    "after the dump": False,
    "after verifying": False,
    "while storing": False,
    "after storing": False,
    "after reading back": False,
    "after the manifest": True,
    "after pruning": True,
    "after the end": True,
}
NAMES = (
    "BACKUP_ALERT_EMAILS",
    "BACKUP_FOLDER",
    *(f"BACKUP_S3_{name}" for name in ("BUCKET", "ENDPOINT", "REGION", "ACCESS_KEY", "SECRET_KEY")),
)


def database_url():
    parts = connection.settings_dict
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


@pytest.fixture(scope="module")
def victim(django_db_setup, django_db_blocker):
    """The process whose children die."""
    with subprocess.Popen(
        [sys.executable, "-m", "bulq.tests.backups.victim"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "bulq.settings", "DATABASE_URL": database_url()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        with at_most(60, process):
            process.stdin.close()
            process.wait()


@pytest.fixture
def temp(tmp_path, monkeypatch):
    """The temporary folder, for the victim and for us."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def kill(victim, temp, settings):
    """`kill("after the dump")` has a backup made by another process, killed at that moment; returns its exit code."""

    def ask(moment, *, largest_file=None):
        options = {name: getattr(settings, name) for name in NAMES}
        order = {"moment": moment, "temp": str(temp), "largest_file": largest_file, **options}
        victim.stdin.write(json.dumps(order) + "\n")
        victim.stdin.flush()
        with at_most(120, victim):
            code = int(victim.stdout.readline())
        wait_for_the_lock()
        return code

    return ask


def wait_for_the_lock():
    """PostgreSQL takes a moment to notice that the process died."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with only_one() as is_mine:
            if is_mine:
                return
        time.sleep(0.02)
    raise AssertionError("Nobody freed the lock.")


def whole_backups(there):
    """The number of manifests, once each is shown to match its dump."""
    notes = [file.key for file in there.list() if file.key.endswith(".json")]
    for note in notes:
        manifest = json.loads(b"".join(there.chunks(note)))
        content = b"".join(there.chunks(note.replace(".json", ".dump")))
        assert (len(content), hashlib.sha256(content).hexdigest()) == (manifest["size"], manifest["sha256"])
    return len(notes)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment(db, there, kill, moment):
    """B8."""
    assert kill(moment) == -signal.SIGKILL
    killed = BackupRun.objects.get()
    assert killed.state == (DONE if moment == "after the end" else BackupRun.State.RUNNING)
    assert whole_backups(there) == MOMENTS[moment]
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    assert whole_backups(there) == MOMENTS[moment] + 1
    killed.refresh_from_db()
    if moment != "after the end":
        assert (killed.state, killed.error) == (FAILED, "It was killed before it finished.")


def test_without_a_kill_it_succeeds(db, there, kill, temp):
    """Negative control: the same without a kill."""
    assert kill("never") == 0
    assert BackupRun.objects.get().state == DONE
    assert whole_backups(there) == 1
    assert list(temp.iterdir()) == []


@pytest.mark.parametrize("moment", ["after the dump", "after storing"])
def test_temporary_files_of_a_killed_backup_are_removed_by_the_next(db, folder, kill, temp, moment):
    """B8, B13: they are as large as the database, and contain all of it."""
    kill(moment)
    assert len(list(temp.glob("bulq-backup-*/database.dump"))) == 1
    foreign, living = temp / "bulq-backup-of-somebody", temp / "bulq-backup-of-another-site"
    foreign.write_text("mine")
    living.mkdir()
    held = os.open(living, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        assert back_up().state == DONE
        assert sorted(temp.iterdir()) == [living, foreign]
    finally:
        os.close(held)


def test_a_half_copy_in_the_backup_folder_is_removed_after_a_day(db, folder, kill):
    """B8: half a copy, under a name that is not a backup's."""
    kill("while storing")
    [half] = folder.iterdir()
    assert half.name.startswith(".bulq-")
    back_up()
    assert half.exists()
    os.utime(half, (time.time() - 25 * 3600,) * 2)
    back_up()
    assert not half.exists()
    assert len(list(folder.iterdir())) == 4


def test_a_program_dies_with_a_killed_backup(db, folder, shim, tmp_path):
    """B13: pg_dump does not go on when nobody wants its dump any more."""
    shim(
        "pg_dump",
        f'case "$1" in --version) exec "$real" --version;; *) echo $$ >{tmp_path}/pid; exec sleep 62;; esac',
    )
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "BACKUP_FOLDER": str(folder),
        "TMPDIR": str(tmp_path),
        "BACKUP_ALERT_EMAILS": "operator@bulq.test",
    }
    with subprocess.Popen([sys.executable, "manage.py", "backup"], cwd=ROOT, env=environment) as process:
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n") and state_of(pid.read_text().strip()))
        process.kill()
    wait_until(lambda: not state_of(pid.read_text().strip()))
    wait_for_the_lock()
    assert not folder.exists()


def state_of(pid):
    """R, S, D; or nothing once it has ended, whether or not its parent has noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0].replace("Z", "")
    except OSError:
        return ""


def wait_until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- B13: the disk -----------------------------------------------------------------------------------
def test_a_full_disk_is_a_failure(db, folder, kill, temp):
    """B13: here a limit on the process, which the kernel enforces with a signal."""
    assert kill("never", largest_file=20_000) == 1
    run = BackupRun.objects.get()
    assert run.state == FAILED
    assert run.error.startswith("pg_dump ")
    assert len(run.error.splitlines()) == 1
    assert not folder.exists()
    assert list(temp.iterdir()) == []
    assert back_up().state == DONE
