"""`manage.py backup` and `manage.py backups`: one plain line, and a meaningful exit code."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError

from bulq.backups import shelf
from bulq.backups.errors import PlaceError
from bulq.backups.lock import only_one
from bulq.backups.places import FolderPlace
from bulq.models import BackupRun

from .looking import database_url, output_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]


def test_a_backup_says_what_it_made(something, there):
    [line] = output_of("backup")
    run = BackupRun.objects.get()
    assert line == f"{run.key}: {run.size} bytes, {sum(run.counts.values())} rows, verified."


def test_a_failure_is_one_sentence_and_an_exit_code(something, folder, shim):
    shim("pg_dump", "exit 7")
    with pytest.raises(CommandError, match=r"^The backup failed\. pg_dump failed with exit code 7") as failed:
        output_of("backup")
    assert failed.value.returncode == 1


def test_a_skipped_backup_has_its_own_exit_code(something, folder):
    with only_one(), pytest.raises(CommandError, match="Another backup is being made") as skipped:
        output_of("backup")
    assert skipped.value.returncode == 2


@pytest.mark.parametrize("command", ["backup", "backups"])
def test_without_a_place_it_says_what_to_set(something, command):
    with pytest.raises(CommandError, match="set BACKUP_S3_BUCKET or BACKUP_FOLDER"):
        output_of(command)


def test_backups_are_listed_and_pruning_has_a_dry_run(something, there, settings):
    """B11: `--dry-run` deletes nothing."""
    settings.BACKUP_KEEP = {"daily": 9}
    BackupRun.objects.all().delete()
    keys = []
    for _ in range(5):
        output_of("backup")
        BackupRun.objects.update(size=10**9)  # the next is suspiciously small, so nothing is pruned
        keys.append(BackupRun.objects.order_by("-pk").first().key)
    *lines, last = output_of("backups")
    assert {line.split()[0] for line in lines} == set(keys)
    assert last == "Backups: 5."
    assert output_of("backups", "--prune", "--dry-run")[-1] == "Files to delete: 4."
    assert len(shelf.keys(there)) == 5
    assert output_of("backups", "--prune")[-1] == "Files deleted: 4."
    assert shelf.keys(there)[::-1] == keys[-3:]


def test_files_that_cannot_be_deleted_are_an_error(something, folder, settings, monkeypatch):
    """B11: and the others are still deleted."""
    settings.BACKUP_KEEP = {}
    for _ in range(5):
        output_of("backup")
        BackupRun.objects.update(size=10**9)
    stubborn, delete = sorted(folder.glob("*.json"))[0].name, FolderPlace.delete

    def refuse(self, key):
        if key == stubborn:
            raise PlaceError(f"Deleting {key} failed: not allowed")
        delete(self, key)

    monkeypatch.setattr(FolderPlace, "delete", refuse)
    with pytest.raises(CommandError, match=f"could not be deleted: Deleting {stubborn}"):
        output_of("backups", "--prune")
    assert len(list(folder.glob("*.json"))) == 4


def test_when_stopped_it_leaves_nothing_behind(something, folder, shim, tmp_path):
    """B13: SIGTERM in the middle of the dump. pg_dump ends too."""
    shim("pg_dump", 'case "$1" in --version) exec "$real" --version;; *) exec sleep 61;; esac')
    environment = {**os.environ, "DATABASE_URL": database_url(), "BACKUP_FOLDER": str(folder), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "manage.py", "backup"], cwd=ROOT, env=environment)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("bulq-backup-*/database.dump")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert list(tmp_path.glob("bulq-backup-*")) == []
    assert BackupRun.objects.get().state == BackupRun.State.FAILED
    assert "sleep 61" not in list(_running())


def _running():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text().replace("\0", " ").strip()
