"""B1, B13: a database that is locked, or goes away, leads to a sentence and not to an endless wait."""

import threading
import time
from contextlib import closing

import pytest
from django.db import connection

from bulq.backups import dump as dumping
from bulq.backups.job import back_up
from bulq.models import BackupRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
LIMIT = 3


@pytest.fixture
def other(db):
    """A connection that waits for locks as long as it takes."""
    with closing(connection.copy()) as other:
        other.settings_dict["OPTIONS"] = {}
        other.connect()
        other.connection.autocommit = False
        yield other.connection


def failed_within(seconds, folder, temp):
    """The sentence of a backup that fails in time."""
    begun = time.monotonic()
    run = back_up()
    took = time.monotonic() - begun
    assert run.state == BackupRun.State.FAILED
    assert len(run.error.splitlines()) <= 3
    assert took < seconds * LIMIT
    assert not folder.exists()
    assert list(temp.iterdir()) == []
    return run.error


@pytest.fixture
def temp(tmp_path, monkeypatch):
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_locked_table_is_not_waited_for(folder, temp, other):
    """B13: counting gives up after three seconds, like everything of ours."""
    other.execute("LOCK TABLE stores_product IN ACCESS EXCLUSIVE MODE")
    assert "lock timeout" in failed_within(4, folder, temp)
    other.rollback()
    assert back_up().state == BackupRun.State.DONE


def test_a_locked_table_that_is_not_ours_ends_pg_dump(folder, temp, other, monkeypatch):
    """B13."""
    monkeypatch.setattr(dumping, "WAIT_FOR_LOCKS", "500ms")
    other.execute("CREATE TABLE strangers (n integer)")
    other.commit()
    try:
        other.execute("LOCK TABLE strangers IN ACCESS EXCLUSIVE MODE")
        sentence = failed_within(2, folder, temp)
        assert sentence.startswith("pg_dump failed with exit code 1: ")
        assert "strangers" in sentence
    finally:
        other.rollback()
        other.execute("DROP TABLE strangers")
        other.commit()


def test_a_process_waiting_for_our_lock_does_not_hold_up_pg_dump(folder, temp, other, monkeypatch):
    """B13: we read a table, someone queues to alter it, and pg_dump would queue behind them."""
    monkeypatch.setattr(dumping, "WAIT_FOR_LOCKS", "500ms")
    queued = threading.Thread(target=other.execute, args=["LOCK TABLE stores_product IN ACCESS EXCLUSIVE MODE"])
    migrations = dumping._migrations

    def let_someone_queue(server):
        queued.start()
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stores_product'::regclass"
        with connection.cursor() as cursor:
            for _ in range(1000):
                cursor.execute(query)
                if cursor.fetchone() == (1,):
                    break
                time.sleep(0.01)
        return migrations(server)

    monkeypatch.setattr(dumping, "_migrations", let_someone_queue)
    assert "pg_dump failed with exit code 1: " in failed_within(2, folder, temp)
    queued.join(10)
    other.rollback()


def test_a_closed_connection_is_a_failure(folder, temp, monkeypatch):
    """B1: while the rows are counted."""
    count = dumping._count

    def ended(server, table):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [server.info.backend_pid])
        return count(server, table)

    monkeypatch.setattr(dumping, "_count", ended)
    assert "terminating connection" in failed_within(2, folder, temp)


def test_a_hanging_program_is_killed_with_its_children(folder, temp, shim, settings):
    """B13: a shell that has started another program keeps our pipe open."""
    settings.BACKUP_TIME_LIMIT = 2
    shim("pg_dump", 'case "$1" in --version) exec "$real" --version;; *) sleep 63; true;; esac')
    assert "took longer than 2 seconds" in failed_within(3, folder, temp)
