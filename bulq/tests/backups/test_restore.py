"""B17: one command restores what was backed up, or changes nothing."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from bids import states
from bids.tests.cast import stage
from bulq.backups import databases, restore, shelf, verify
from bulq.backups import dump as dumping
from bulq.backups.dump import dump
from bulq.backups.job import back_up
from bulq.backups.places import place
from bulq.backups.tools import Clock
from bulq.kit.breaker import RedisAway
from bulq.models import BackupRun
from bulq.tests.deadline import at_most
from stores.tests.factories import make_product

from .looking import count, database_url, others, output_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def full(target):
    """A database of that name with something in it."""
    databases.create(target)
    with databases.connected(target) as server:
        server.execute("CREATE TABLE mine AS SELECT 7 AS number")
    return target


def test_the_latest_backup_is_restored_completely(something, there, target):
    """And its own row, which says “running” in the snapshot, is completed."""
    back_up()
    run = back_up()
    make_product("Later")
    [line] = output_of("restore", "latest", into=target)
    assert line == f"{run.key} was restored into {target}: {sum(run.counts.values())} rows, sums correct."
    assert {table: count(target, table) for table in run.counts} == run.counts
    with databases.connected(target) as server:
        states = dict(server.execute("SELECT key, state FROM bulq_backuprun").fetchall())
    assert list(states.values()) == ["done", "done"]
    assert run.key in states


def test_a_named_backup_is_restored_into_an_empty_database(something, folder, target):
    run = back_up()
    make_product("Later")
    back_up()
    databases.create(target)
    output_of("restore", run.key, into=target)
    assert count(target) == 30


def test_runs_in_every_state_are_restored(folder, target):
    for state in states.RunState:
        stage(state)
    back_up()
    output_of("restore", "latest", into=target)
    assert count(target, "bids_run") == len(states.RunState)


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_backup_changes_nothing(something, folder, target, damage):
    run = back_up()
    file = folder / f"{run.key}.dump"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content if damage == "flipped" else content[:-1])
    with pytest.raises(CommandError, match=r"differs from what was written|stored bytes, not"):
        output_of("restore", "latest", into=target)
    assert not databases.exists(target)


def test_a_missing_backup_gets_a_sentence(something, folder, target):
    with pytest.raises(CommandError, match=r"^There is no backup\.$"):
        output_of("restore", "latest", into=target)
    run = back_up()
    with pytest.raises(CommandError, match=f"There is no backup yesterday. The newest is {run.key}."):
        output_of("restore", "yesterday", into=target)


def test_an_unreadable_manifest_does_not_block_other_backups(something, folder, target):
    old, new = back_up(), back_up()
    (folder / f"{new.key}.json").write_text("{")
    assert f"The manifest of {new.key} cannot be read" in output_of("backups")[0]
    with pytest.raises(CommandError, match=r"manifest of .* cannot be read"):
        output_of("restore", "latest", into=target)
    output_of("restore", old.key, into=target)
    assert count(target) == 30


# --- A database that holds something ---------------------------------------------------------------
def test_a_database_that_is_not_empty_is_left_alone(something, folder, full):
    back_up()
    for options in ({}, {"replace": "another"}):
        with pytest.raises(CommandError, match=r"is not empty, and was left as it is|is not the name of the database"):
            output_of("restore", "latest", into=full, **options)
    assert count(full, "mine") == 1
    assert others() == [full]


def test_typing_its_name_replaces_it_and_keeps_the_old_one(something, folder, full):
    back_up()
    *_lines, last = output_of("restore", "latest", into=full, replace=full)
    [before] = [name for name in others() if name != full]
    assert last == f"The old database is now called {before}. Drop it when you no longer need it."
    assert (count(full), count(before, "mine")) == (30, 1)


def test_a_database_in_use_is_not_replaced(something, folder, full):
    back_up()
    with databases.connected(full), pytest.raises(CommandError, match="is being accessed by other users"):
        output_of("restore", "latest", into=full, replace=full)
    assert others() == [full]
    assert count(full, "mine") == 1


@pytest.mark.parametrize("at_first", ["nothing", "empty", "full"])
def test_a_restore_that_fails_leaves_everything_as_it_was(something, folder, target, request, monkeypatch, at_first):
    """In the middle, and when the rows are there but wrong."""
    back_up()
    if at_first == "empty":
        databases.create(target)
    elif at_first == "full":
        request.getfixturevalue("full")
    monkeypatch.setattr(restore, "fill" if at_first == "empty" else "check_counts", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        output_of("restore", "latest", into=target, replace=target)
    assert others() == ([] if at_first == "nothing" else [target])
    if at_first == "full":
        assert count(target, "mine") == 1
    elif at_first == "empty":
        assert databases.is_empty(target)


def test_a_dump_is_loaded_completely_or_not_at_all(something, folder, target):
    """`--single-transaction`: one of its tables is in the way."""
    back_up()
    databases.create(target)
    with databases.connected(target) as server:
        server.execute("CREATE VIEW stores_store AS SELECT 1")  # no table, so it counts as empty
    with pytest.raises(CommandError, match="pg_restore failed with exit code 1"):
        output_of("restore", "latest", into=target)
    assert databases.is_empty(target)


# --- Releases --------------------------------------------------------------------------------------
def test_a_backup_of_a_later_release_is_refused(something, folder, target, monkeypatch):
    migrations = dumping._migrations
    monkeypatch.setattr(dumping, "_migrations", lambda server: [*migrations(server), "bids.0999_future"])
    back_up()
    with pytest.raises(CommandError, match=r"later release, with bids\.0999_future: install that release first"):
        output_of("restore", "latest", into=target)
    assert not databases.exists(target)


def test_a_backup_of_an_earlier_release_is_migrated(something, folder, target, tmp_path, monkeypatch, another_process):
    tables = dumping.model_tables() - {"bulq_told", "bulq_heartbeat"}
    call_command("migrate", "bulq", "0002", verbosity=0)
    try:
        for module in (dumping, verify):
            monkeypatch.setattr(module, "model_tables", lambda: tables)
        shelf.publish(dump(tmp_path, Clock(60)), place(), Clock(60))
    finally:
        call_command("migrate", verbosity=0)
    output_of("restore", "latest", into=target)
    assert count(target, "bulq_told") == 0
    assert count(target) == 30


# --- Afterwards ------------------------------------------------------------------------------------
def test_the_cached_lists_are_cleared(something, folder, target):
    back_up()
    cache.set("list", [1])
    output_of("restore", "latest", into=target)
    assert cache.get("list") is None


def test_without_redis_it_says_that_they_were_not_cleared(something, folder, target, monkeypatch, capsys):
    def away(_question, seconds):
        raise RedisAway

    back_up()
    monkeypatch.setattr(restore.breaker, "ask", away)
    output_of("restore", "latest", into=target)
    assert "Redis did not answer" in capsys.readouterr().err


def test_wrong_sums_are_reported_and_the_database_is_still_restored(folder, target):
    stage(states.DISTRIBUTING)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bids_participation SET extra_share = 1")
    run = back_up()
    assert run.state == BackupRun.State.DONE
    assert "Sums or states in the database are wrong" in run.error
    with pytest.raises(CommandError, match=r"It is restored, but: .*check_invariants --migrate failed") as wrong:
        output_of("restore", "latest", into=target)
    assert wrong.value.returncode == 2
    assert count(target, "bids_run") == 1


def test_at_a_terminal_it_shows_what_it_does_and_asks_for_the_name(something, folder, full):
    back_up()
    first = at_a_terminal("restore", "latest", "--into", full, typed="no\n", folder=folder)
    assert "is not the name of the database" in first
    second = at_a_terminal("restore", "latest", "--into", full, typed=f"{full}\n", folder=folder)
    for step in ("Fetching bulq-", f"into {full} ...", "Migrating and checking it ...", "is now called"):
        assert step in second, second


def at_a_terminal(*arguments, typed, folder):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), "BACKUP_FOLDER": str(folder)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    output = b""
    with at_most(120, process), contextlib.suppress(OSError):  # the other end was closed
        while chunk := os.read(ours, 4096):
            output += chunk
    os.close(ours)
    process.wait(60)
    return output.decode()
