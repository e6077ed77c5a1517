"""B8, B11: what is deleted from a place and what stays, in large numbers, over time, and with a wrong clock."""

import hashlib
import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from bulq.backups import dump as dumping
from bulq.backups import shelf
from bulq.backups.job import back_up
from bulq.models import BackupRun

from .conftest import BUCKET

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DONE = BackupRun.State.DONE
ONE = "bulq-20240229T030000000000Z-0123456789abcdef"


def keys(there):
    return sorted(file.key for file in there.list())


@pytest.fixture
def put(there, tmp_path):
    """`put(name)` stores something small."""

    def put(name, text="{}"):
        file = tmp_path / "something"
        file.write_text(text)
        there.put(name, file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())

    return put


def named(time, number=0):
    return f"bulq-{time:{shelf.TIME}}-{number:016x}"


def moved(by):
    """A wrong clock."""

    class Moved:
        @staticmethod
        def now(_zone=UTC):
            return datetime.now(UTC) + by

    return Moved


# --- B8: orphans -----------------------------------------------------------------------------------
def test_a_dump_without_a_manifest_is_deleted_after_a_day(db, there, put, settings, monkeypatch):
    """B8: with the next backup that succeeds."""
    put(f"{ONE}.dump")
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    assert f"{ONE}.dump" in keys(there)
    if settings.BACKUP_S3_BUCKET:
        monkeypatch.setattr(shelf, "timezone", moved(timedelta(hours=24, minutes=1)))
    else:
        os.utime(there.folder / f"{ONE}.dump", (time.time() - 24 * 3600 - 60,) * 2)
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    assert len(keys(there)) == 4
    assert f"{ONE}.dump" not in keys(there)


def test_an_orphan_stays_as_long_as_no_backup_succeeds(db, folder, shim):
    """B8, B11."""
    folder.mkdir(mode=0o700)
    orphan = folder / f"{ONE}.dump"
    orphan.write_text("half of it")
    os.utime(orphan, (0, 0))
    shim("pg_dump", "exit 1")
    assert back_up().state == BackupRun.State.FAILED
    assert orphan.exists()


# --- B11: numbers and clocks -----------------------------------------------------------------------
@pytest.mark.parametrize("there", ["bucket"], indirect=True)
def test_more_than_a_thousand_files_are_all_seen(db, bucket, there, settings):
    """B11: an S3 lists a thousand at a time. 501 pairs, and one more."""
    settings.BACKUP_KEEP = {"daily": 400}
    s3 = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]  # without the network, which would take too long
    first = datetime(2020, 1, 1, 3, tzinfo=UTC)
    for n in range(501):
        at, key = first + timedelta(days=n), named(first + timedelta(days=n), n)
        note = {"key": key, "taken_at": at.isoformat(), "size": 2, "sha256": "", "counts": {}, "migrations": []}
        for name, value in (("dump", b"{}"), ("json", json.dumps({"version": 1, **note}).encode())):
            s3.put_object(BUCKET, f"bulq/{key}.{name}", value)
    s3.put_object(BUCKET, "bulq/note.txt", b"mine")
    assert len(keys(there)) == 1003
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    newest = [named(first + timedelta(days=n), n) for n in range(102, 501)]
    assert keys(there) == [f"{key}.{end}" for key in [*newest, run.key] for end in ("dump", "json")] + ["note.txt"]
    everything = [{"Key": f"bulq/{key}"} for key in keys(there)]
    bucket.delete_objects(Bucket=BUCKET, Delete={"Objects": everything})


@pytest.mark.parametrize("days", [400, -400])
def test_a_wrong_clock_does_not_empty_the_place(db, there, put, settings, monkeypatch, days):
    """B11: the newest three stay."""
    now = timezone.now()
    those = [named(now - timedelta(days=n), n) for n in range(6)]
    for key in those:
        put(f"{key}.dump")
        put(f"{key}.json")
    monkeypatch.setattr(shelf, "timezone", moved(timedelta(days=days)))
    shelf.prune(there, {})
    assert keys(there) == sorted(f"{key}.{end}" for key in those[:3] for end in ("dump", "json"))
    shelf.prune(there, {})
    assert len(keys(there)) == 6


@pytest.mark.parametrize("days", [400, -400])
def test_a_backup_made_while_the_clock_is_wrong_stays(db, folder, settings, monkeypatch, days):
    """B11: a backup just made and verified is not deleted, whatever the clock says."""
    settings.BACKUP_KEEP = {}
    folder.mkdir(mode=0o700)
    for n in range(4):
        key = named(timezone.now() - timedelta(days=n), n)
        for end in ("dump", "json"):
            (folder / f"{key}.{end}").write_text("{}")
    monkeypatch.setattr(dumping, "datetime", moved(timedelta(days=days)))
    monkeypatch.setattr(shelf, "timezone", moved(timedelta(days=days)))
    run = back_up()
    assert run.state == DONE
    assert (folder / f"{run.key}.dump").exists()
    assert len(list(folder.glob("*.json"))) >= 3
