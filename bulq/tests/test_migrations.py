"""O3: each migration goes forward, back and forward again; it retries locks on tables in use, and blocks nobody."""

import contextlib
import time
from io import StringIO
from threading import Event as Signal

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from accounts.tests.racing import race
from bulq.backups import databases, tools
from bulq.management.commands import migrate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
OURS = {"bulq", "accounts", "stores", "bids"}
NEXT_TRY = "a table is in use; next try in 0.1 s."


@pytest.fixture
def empty(transactional_db):
    """A database without tables, to which every connection leads until the end."""
    with made("empty") as name, leading_to(name):
        connection.ensure_connection()
        MigrationRecorder(connection).ensure_schema()  # no migration creates or drops it
        yield name


@pytest.fixture(scope="module")
def pattern(django_db_setup, django_db_blocker):
    """A database with every migration applied, to which nobody is connected."""
    with django_db_blocker.unblock(), made("pattern") as name:
        with leading_to(name):
            call_command("migrate", verbosity=0)
        yield name


@pytest.fixture
def scratch(transactional_db, pattern):
    """A disposable copy of it, to which every connection leads until the end."""
    with made("scratch", like=pattern) as name, leading_to(name):
        yield name


@contextlib.contextmanager
def made(word, like="template1"):
    name = f"{connection.settings_dict['NAME'][:50]}_{word}"
    databases.drop(name)
    with databases.connected(databases.MAINTENANCE) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    yield name
    databases.drop(name)


@contextlib.contextmanager
def leading_to(name):
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


# Going back, what only speaks of what goes: notifications of payments, of which there is no journal any more.
GONE_BACK = {"bids.0011_marks_become_payments": "bids_notification"}


# --- Forward, back and forward ---------------------------------------------------------------------
def test_each_goes_forward_back_and_forward_again_with_the_demo_in_the_tables(empty):
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    path = [(migration.app_label, migration.name) for migration, _backwards in plan]
    ours = [done for done, (app, _name) in enumerate(path) if app in OURS]
    forwards = {0: schema(empty)}

    def look(action, migration=None, _fake=False):
        if action == "apply_success":
            done = path.index((migration.app_label, migration.name)) + 1
            if {done, done - 1} & set(ours):
                forwards[done] = schema(empty)

    executor.progress_callback = look
    executor.migrate(path)
    call_command("demo", stdout=StringIO())
    rows = counts()
    for done in reversed(ours):
        before, through, name = path[:done], path[: done + 1], ".".join(path[done])
        go(before)
        kept = counts()
        kept.pop(GONE_BACK.get(name), None)
        assert kept.items() <= rows.items(), f"{name} lost rows going back"
        assert differences(schema(empty), forwards[done]) == [], f"{name}: back"
        go(through)
        rows = counts()
        assert kept.items() <= rows.items(), f"{name} lost rows going forward"
        assert differences(schema(empty), forwards[done + 1]) == [], f"{name}: forward again"


def test_each_is_one_transaction():
    """So that one that ran into a lock has left nothing behind, and can be tried again."""
    migrations = MigrationLoader(None).disk_migrations
    assert {key for key, migration in migrations.items() if not migration.atomic} == set()


def go(part):
    """Migrate forward or back, until exactly this part of the path is applied."""
    executor = MigrationExecutor(connection)
    executor.migrate(list({**dict.fromkeys(executor.loader.migrated_apps), **dict(part)}.items()))
    assert set(executor.recorder.applied_migrations()) == set(part)


def schema(database):
    """The schema as pg_dump writes it; the key only keeps it from inventing one each time."""
    options = ("--schema-only", "--restrict-key=same")
    return tools.run("pg_dump", *options, clock=tools.Clock(60), database=database).splitlines()


def differences(first, other):
    return sorted(set(first) ^ set(other)) or [pair for pair in zip(first, other, strict=True) if pair[0] != pair[1]]


def counts():
    """Rows by table."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {MigrationRecorder.Migration._meta.db_table}
        found = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            [found[table]] = cursor.fetchone()
        return found


# --- Locks -----------------------------------------------------------------------------------------
# What is undone first, what locks its table, what people then do with it. A foreign key is added after everything else.
IN_USE = {
    "alter": ("stores", "0002", "stores_store", "ACCESS SHARE", "SELECT count(*) FROM stores_store"),
    "key": ("bids", "0001", "accounts_user", "ROW EXCLUSIVE", "UPDATE accounts_user SET name = '' WHERE false"),
}


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(migrate, "PAUSES", (0.1, 0.2, 0.4, 0.8, 1.6))


@pytest.mark.parametrize("case", IN_USE)
def test_people_are_served_before_a_waiting_migration(scratch, hurried, case):
    app, number, table, mode, wish = IN_USE[case]
    whole, terminal, over = schema(scratch), StringIO(), Signal()
    call_command("migrate", app, number, verbosity=0)

    def migrating():
        call_command("migrate", stdout=terminal)
        over.set()

    def others():
        with in_use(scratch, table, mode):
            for _ in range(2):
                until(is_waited_for, table)
                with connection.cursor() as cursor:
                    cursor.execute(wish)  # behind it in the queue; refused after three seconds
            assert not over.is_set()

    together(migrating, others)
    assert NEXT_TRY in terminal.getvalue()
    assert "a table is in use; next try in 0.2 s." in terminal.getvalue()
    assert differences(schema(scratch), whole) == []


def test_a_migration_that_never_gets_its_lock_gives_up_with_nothing_half_done(scratch, monkeypatch, capsys):
    monkeypatch.setattr(migrate, "PAUSES", (0.1,))
    whole = schema(scratch)
    call_command("migrate", "stores", "0002", verbosity=0)
    expected, recorded = schema(scratch), set(recorded_ones())
    call_command("migrate", "bids", "0001", verbosity=0)
    with in_use(scratch, "stores_store", "ACCESS SHARE"), pytest.raises(SystemExit) as end:
        migrate.Command().run_from_argv(["manage.py", "migrate", "--skip-checks"])
    assert end.value.code == 1
    done = [f"bids.{name}" for app, name in sorted(MigrationLoader(None).disk_migrations) if app == "bids"][1:]
    assert capsys.readouterr().err == (
        f"CommandError: A table was in use at each of 2 tries. Migrations done: {', '.join(done)}; "
        "none is half done. Try again at a quieter time.\n"
    )
    assert differences(schema(scratch), expected) == []
    assert set(recorded_ones()) == recorded

    call_command("migrate", verbosity=0)
    assert differences(schema(scratch), whole) == []


def test_a_migration_restores_the_lock_timeout():
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)


def test_the_second_of_two_at_once_waits(scratch, hurried):
    whole, terminals = schema(scratch), (StringIO(), StringIO())
    call_command("migrate", "stores", "0002", verbosity=0)

    def first_is_busy_and_second_waits():
        output = "".join(terminal.getvalue() for terminal in terminals)
        return NEXT_TRY in output and "Waiting for a backup, or another migration, to end." in output

    def others():
        with in_use(scratch, "stores_store", "ACCESS SHARE"):
            until(first_is_busy_and_second_waits)

    together(*(lambda stdout=terminal: call_command("migrate", stdout=stdout) for terminal in terminals), others)
    assert sorted("No migrations to apply." in terminal.getvalue() for terminal in terminals) == [False, True]
    assert len(recorded_ones()) == len(set(recorded_ones()))
    assert differences(schema(scratch), whole) == []


@contextlib.contextmanager
def in_use(database, table, mode):
    with databases.connected(database) as server, server.transaction():
        server.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'")  # or a waiting process hangs
        server.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield


def is_waited_for(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted", [table])
        return cursor.fetchone()[0]


def recorded_ones():
    return list(MigrationRecorder(connection).migration_qs.values_list("app", "name"))


def together(*jobs):
    for outcome in race(*jobs):
        if isinstance(outcome, Exception):
            raise outcome


def until(condition, *args):
    deadline = time.monotonic() + 20
    while not condition(*args):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
