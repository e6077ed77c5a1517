"""B1 to B9, B12: a backup is made completely, or it does not exist."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from threading import Event as Signal

import pytest
from django.db import connection

from accounts.tests.racing import race
from bulq.backups import dump as dumping
from bulq.backups import job, shelf
from bulq.backups import verify as verifying
from bulq.backups.dump import dump, model_tables
from bulq.backups.errors import BackupError, PlaceError
from bulq.backups.job import back_up
from bulq.backups.lock import only_one
from bulq.backups.tools import Clock
from bulq.models import BackupRun
from stores.models import Product
from stores.tests.factories import make_product

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DONE, FAILED, SKIPPED = BackupRun.State.DONE, BackupRun.State.FAILED, BackupRun.State.SKIPPED


def keys(there):
    return sorted(file.key for file in there.list())


def test_a_backup_is_a_dump_and_its_manifest(something, there):
    """B4, B7, B8: read back byte by byte, with the counts of its own snapshot."""
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    assert keys(there) == [f"{run.key}.dump", f"{run.key}.json"]
    content = b"".join(there.chunks(f"{run.key}.dump"))
    assert (len(content), hashlib.sha256(content).hexdigest()) == (run.size, run.sha256)
    assert shelf.keys(there) == [run.key]
    manifest = shelf.manifest(there, run.key)
    assert manifest.counts["stores_product"] == run.counts["stores_product"] == 30
    assert manifest.counts.keys() == model_tables()
    assert manifest.migrations[0] == "contenttypes.0001_initial"
    assert run.verified_at >= run.started_at


def restored_counts(path):
    """The rows in a dump, counted by restoring it into a database of its own."""
    parts = connection.settings_dict
    name = f"{parts['NAME']}_restored"
    environment = {**os.environ, "PGHOST": parts["HOST"], "PGPORT": str(parts["PORT"]), "PGUSER": parts["USER"]}
    environment["PGPASSWORD"] = parts["PASSWORD"]
    options = {"env": environment, "check": True, "timeout": 60}
    for command in (["dropdb", "--if-exists", name], ["createdb", name]):
        subprocess.run(command, **options)
    subprocess.run(["pg_restore", "--exit-on-error", "--no-owner", "-d", name, path], **options)
    query = "SELECT count(*) FROM stores_product"
    answer = subprocess.run(["psql", "-At", "-d", name, "-c", query], capture_output=True, **options)
    subprocess.run(["dropdb", name], **options)
    return int(answer.stdout)


def test_the_counts_are_those_of_the_snapshot_while_others_write(something, tmp_path, monkeypatch):
    """B4: products added while it counts and dumps are in neither."""
    counted = dumping._count

    def count_and_let_others_write(server, table):
        found = counted(server, table)
        make_product()
        return found

    monkeypatch.setattr(dumping, "_count", count_and_let_others_write)
    made = dump(tmp_path, Clock(60))
    assert made.counts["stores_product"] == 30
    assert Product.objects.count() > 30
    assert restored_counts(made.path) == 30


# --- B1, B2: failing stages ------------------------------------------------------------------------
def slow_dump(share):
    """A pg_dump that is killed when it has written that share of its file."""
    real = shutil.which("pg_dump")
    return f"""case "$1" in --version) exec {real} "$@";; esac
for word in "$@"; do case "$word" in --file=*) file=${{word#--file=}};; esac; done
{real} "$@" || exit 1
size=$(wc -c < "$file"); head -c $((size * {share} / 100)) "$file" > "$file.part"; mv "$file.part" "$file"
kill -9 $$"""


BROKEN = {
    "fails": 'case "$1" in --version) exec "$real" --version;; *) echo "no space" >&2; exit 1;; esac',
    "is killed": 'case "$1" in --version) exec "$real" --version;; *) kill -9 $$;; esac',
    "writes nothing": 'case "$1" in --version) exec "$real" --version;; *) exit 0;; esac',
    "is old": 'echo "pg_dump (PostgreSQL) 9.6.2"',
    "says no version": "echo hello",
}
SENTENCES = {
    "fails": "exit code 1: no space",
    "is killed": r"was killed \(SIGKILL\)",
    "writes nothing": "pg_restore failed",
    "is old": r"pg_dump is from PostgreSQL 9, the server is \d+: install client tools",
    "says no version": "does not say its version",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_failed_dump_publishes_nothing(something, there, shim, how):
    """B1, B6."""
    shim("pg_dump", BROKEN[how])
    run = back_up()
    assert run.state == FAILED
    assert re.search(SENTENCES[how], run.error), run.error
    assert keys(there) == []


@pytest.mark.parametrize("share", [10, 50, 90])
def test_a_dump_killed_halfway_publishes_nothing(something, there, shim, share):
    """B2."""
    shim("pg_dump", slow_dump(share))
    assert back_up().state == FAILED
    assert keys(there) == []


def test_a_database_that_cannot_be_reached_is_a_failure(something, folder, shim):
    """B1: pg_dump connects for itself."""
    real = shutil.which("pg_dump")
    shim("pg_dump", f'case "$1" in --version) exec {real} "$@";; esac\nPGPORT=1 exec {real} "$@"')
    run = back_up()
    assert run.state == FAILED
    assert "failed with exit code" in run.error
    assert not folder.exists()


def test_without_the_program_a_sentence_says_so(something, folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    run = back_up()
    assert (run.state, run.error) == (FAILED, "pg_dump is not installed, or not in PATH.")


def test_no_half_made_file_is_left_on_the_disk(something, there, shim, tmp_path, monkeypatch):
    """B13: after success and after failure."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    back_up()
    shim("pg_dump", BROKEN["fails"])
    back_up()
    assert [path for path in tmp_path.iterdir() if path.name.startswith("bulq-backup-")] == []


# --- B3, B4: verification --------------------------------------------------------------------------
@pytest.fixture
def made(something, tmp_path):
    return dump(tmp_path, Clock(60))


def test_a_dump_cut_off_anywhere_is_noticed(made):
    """B3: tried at twenty places."""
    content = made.path.read_bytes()
    for n in range(20):
        made.path.write_bytes(content[: len(content) * n // 20])
        with pytest.raises(BackupError):
            verifying.read_to_the_end(made.path, Clock(60))


def test_a_hundred_flipped_bits_are_noticed(made):
    """B3: every one by its hash; most of them even by reading."""
    content, chance = made.path.read_bytes(), Random(7)
    for _ in range(100):
        place_of_bit = chance.randrange(len(content) * 8)
        damaged = bytearray(content)
        damaged[place_of_bit // 8] ^= 1 << place_of_bit % 8
        made.path.write_bytes(bytes(damaged))
        with pytest.raises(BackupError, match="changed on the disk"):
            verifying.verify(made, Clock(60))


def test_without_reading_a_cut_dump_looks_whole(made):
    """Negative control of B3: the list of contents is still there."""
    made.path.write_bytes(made.path.read_bytes()[:-2000])
    assert model_tables() <= verifying.tables_in(made.path, Clock(60))


def test_a_database_that_is_not_ours_is_refused(something, tmp_path):
    """B4: a table is missing."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE stores_price RENAME TO elsewhere")
    try:
        with pytest.raises(BackupError, match="has no table stores_price"):
            dump(tmp_path, Clock(60))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO stores_price")


def test_a_dump_without_one_of_our_tables_is_refused(made, monkeypatch):
    """B4."""
    monkeypatch.setattr(verifying, "model_tables", lambda: model_tables() | {"bids_everything"})
    with pytest.raises(BackupError, match="lacks bids_everything"):
        verifying.verify(made, Clock(60))


# --- B5, B9, B11 -----------------------------------------------------------------------------------
def test_a_backup_half_as_large_as_the_last_is_kept_and_nothing_pruned(something, there, settings):
    """B5."""
    settings.BACKUP_KEEP = {}
    runs = [back_up() for _ in range(4)]
    assert len(shelf.keys(there)) == 3
    BackupRun.objects.update(size=runs[-1].size * 3)
    small = back_up()
    assert small.state == DONE
    assert "nothing was pruned" in small.error
    assert len(shelf.keys(there)) == 4


def test_a_key_is_written_once(something, there, tmp_path):
    """B9: and the stored content stays as it was."""
    run = back_up()
    other = tmp_path / "other"
    other.write_text("something else")
    with pytest.raises(PlaceError, match="Storing"):
        there.put(f"{run.key}.dump", other, sha256=hashlib.sha256(b"something else").hexdigest())
    assert there.size(f"{run.key}.dump") == run.size


def test_two_backups_of_one_second_have_different_keys(something, there, made):
    """B9."""
    first, second = shelf.publish(made, there, Clock(60)), shelf.publish(made, there, Clock(60))
    assert first.key != second.key
    assert first.key[:21] == second.key[:21]


def test_foreign_files_are_never_touched(something, there, tmp_path, settings):
    """B11: only keys of our exact pattern under our prefix."""
    settings.BACKUP_KEEP = {}
    note = tmp_path / "note"
    note.write_text("mine")
    names = ["note.txt", "bulq-20200101T030000Z.dump", "bulq-20200101T030000000000Z-0123456789abcdef.dump.old"]
    for name in names:
        there.put(name, note, sha256=hashlib.sha256(b"mine").hexdigest())
    for _ in range(5):
        back_up()
    assert [key for key in keys(there) if key in names] == sorted(names)
    assert len(shelf.keys(there)) == 3


def test_a_manifest_contains_no_secret(something, there):
    """B20."""
    run = back_up()
    text = b"".join(there.chunks(f"{run.key}.json")).decode()
    assert json.loads(text)["version"] == 1
    assert connection.settings_dict["PASSWORD"] not in text


# --- B12: one at a time ----------------------------------------------------------------------------
def test_the_second_of_two_at_once_is_skipped(something, there, monkeypatch):
    """B12."""
    begun, go_on = Signal(), Signal()
    real = job.dump

    def slowly(*arguments):
        begun.set()
        go_on.wait(20)
        return real(*arguments)

    monkeypatch.setattr(job, "dump", slowly)

    def second():
        begun.wait(20)
        run = back_up()
        go_on.set()
        return run

    first, other = race(back_up, second)
    assert (first.state, other.state) == (DONE, SKIPPED)
    assert len(shelf.keys(there)) == 1


def test_a_killed_backup_frees_the_lock_and_is_marked_as_failed(something, there):
    """B12."""
    BackupRun.objects.create()
    assert back_up().state == DONE
    killed = BackupRun.objects.order_by("pk").first()
    assert (killed.state, killed.error) == (FAILED, "It was killed before it finished.")
    with only_one() as is_mine:
        assert is_mine


def test_it_has_a_time_limit(something, there, settings, shim):
    """B13."""
    settings.BACKUP_TIME_LIMIT = 1
    shim("pg_dump", 'case "$1" in --version) exec "$real" --version;; *) exec sleep 60;; esac')
    run = back_up()
    assert run.state == FAILED
    assert run.error.endswith("ook longer than 1 seconds and was ended.")  # pg_dump, or the counting before it


def test_a_missing_place_is_a_failure(something, bucket, settings):
    """B1."""
    settings.BACKUP_S3_BUCKET = "somebody-elses"
    run = back_up()
    assert run.state == FAILED
    assert run.error.startswith("Storing bulq-")


def test_files_in_a_folder_are_private(something, folder):
    back_up()
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    assert oct(Path(folder).stat().st_mode & 0o777) == "0o700"
