"""B19: nobody waits behind a backup, and a migration and a backup never meet."""

import shutil
import time
from threading import Event as Signal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.tests.racing import race
from bulq.backups import job
from bulq.backups.job import back_up
from bulq.backups.lock import only_one
from bulq.management.commands import migrate
from bulq.models import BackupRun
from stores.models import Store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_migration_waits_for_the_dump_and_pages_wait_for_neither(something, folder, shim):
    real = shutil.which("pg_dump")
    shim("pg_dump", f'case "$1" in --version) exec {real} "$@";; esac\nsleep 2; exec {real} "$@"')
    ended, waits = {}, []

    def backing_up():
        run = back_up()
        ended["backup"] = time.monotonic()
        return run

    def migrating():
        _until(lambda: BackupRun.objects.exists())
        call_command("migrate", verbosity=0)
        ended["migration"] = time.monotonic()

    def reading():
        while len(ended) < 2:
            begin = time.monotonic()
            assert list(Store.objects.values_list("pk"))
            waits.append(time.monotonic() - begin)
            time.sleep(0.02)

    run, *_others = race(backing_up, migrating, reading)
    assert (run.state, run.error) == ("done", "")
    assert ended["migration"] > ended["backup"]
    assert max(waits) < 1


def test_without_the_lock_an_alter_table_makes_readers_wait(something, folder, monkeypatch):
    """Negative control: it waits for the dump, and readers of the table wait behind it."""
    dumping, go_on, waits = Signal(), Signal(), []

    def dump(*_words):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SELECT count(*) FROM stores_store")
            dumping.set()
            go_on.wait(10)
            cursor.execute("ROLLBACK")
        raise OSError("enough")

    def altering():
        dumping.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("ALTER TABLE stores_store ALTER COLUMN chain SET STATISTICS 100")
            cursor.execute("ALTER TABLE stores_store ALTER COLUMN chain DROP NOT NULL")
            cursor.execute("ALTER TABLE stores_store ALTER COLUMN chain SET NOT NULL")

    def reading():
        dumping.wait(10)
        time.sleep(0.5)  # behind it
        begin = time.monotonic()
        list(Store.objects.values_list("pk"))
        waits.append(time.monotonic() - begin)

    def ending():
        dumping.wait(10)
        time.sleep(2)
        go_on.set()

    monkeypatch.setattr(job, "dump", dump)
    race(back_up, altering, reading, ending)
    assert waits[0] > 1


def test_no_backup_is_made_during_a_migration(something, folder, monkeypatch):
    with only_one() as is_mine:
        assert is_mine
        run = back_up()
    assert (run.state, run.error) == (
        "skipped",
        "Another backup is being made, or the database is being migrated.",
    )


def test_a_migration_does_not_wait_for_ever_for_a_backup(something, monkeypatch):
    monkeypatch.setattr(migrate, "PATIENCE", "100ms")
    with only_one(), pytest.raises(CommandError, match="A backup or another migration has been running for 100ms"):
        call_command("migrate", verbosity=0)


def _until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
