"""B18: a backup counts only once it has been restored."""

import pytest
from django.core import mail
from django.core.management import CommandError
from django.db import connection

from bids import states
from bids.tests.cast import stage
from bulq.backups import drill as drilling
from bulq.backups import dump as dumping
from bulq.backups.job import back_up, drill_if_due, try_out
from bulq.backups.lock import only_one
from bulq.models import BackupRun

from .looking import others, output_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_good_backup_is_restored_checked_and_dropped(something, there, another_process):
    run = back_up()
    [line] = output_of("drill")
    assert line == f"{run.key}: restored, migrated and checked, {sum(run.counts.values())} rows."
    run.refresh_from_db()
    assert run.drilled_at > run.verified_at
    assert run.drill_error == ""
    assert others() == []
    assert output_of("backups")[0].endswith("verified  drilled")


def test_a_damaged_object_makes_the_drill_fail(something, folder):
    run = back_up()
    file = folder / f"{run.key}.dump"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(CommandError, match=f"{run.key} could not be restored. .*differs from what was written"):
        output_of("drill")
    run.refresh_from_db()
    assert "differs from what was written" in run.drill_error
    [alert] = mail.outbox
    assert "could not be restored as a drill" in alert.body
    assert "not restored in the drill" in output_of("backups")[0]
    assert others() == []


def fewer_rows(monkeypatch):
    count = dumping._count
    monkeypatch.setattr(dumping, "_count", lambda server, table: count(server, table) + (table == "stores_price"))


def wrong_sums(monkeypatch):
    stage(states.DISTRIBUTING)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bids_participation SET extra_share = 1")


def unknown_migration(monkeypatch):
    migrations = dumping._migrations
    monkeypatch.setattr(dumping, "_migrations", lambda server: [*migrations(server), "bids.0999_future"])


WRONG = {
    fewer_rows: "stores_price has 30 rows",
    wrong_sums: "check_invariants --migrate failed",
    unknown_migration: "comes from a later release",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_its_problems_are_named_and_the_scratch_database_is_dropped(something, folder, monkeypatch, wrong):
    wrong(monkeypatch)
    back_up()
    with pytest.raises(CommandError, match=WRONG[wrong]):
        output_of("drill")
    assert others() == []


def test_the_scratch_database_is_dropped_whatever_happens(something, folder, monkeypatch):
    back_up()
    monkeypatch.setattr(drilling, "check_counts", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        output_of("drill")
    assert others() == []


def test_leftovers_of_a_killed_drill_are_dropped_by_the_next(something, folder, monkeypatch):
    back_up()
    drop = drilling.databases.drop
    monkeypatch.setattr(drilling.databases, "drop", str)
    try_out()
    assert len(others()) == 1
    monkeypatch.setattr(drilling.databases, "drop", drop)
    assert try_out().drill_error == ""
    assert others() == []


def test_there_is_one_drill_a_week_and_none_without_a_backup(something, folder):
    drill_if_due()
    assert not BackupRun.objects.exists()
    back_up()
    drill_if_due()
    first = BackupRun.objects.get().drilled_at
    drill_if_due()
    assert BackupRun.objects.get().drilled_at == first


def test_a_drill_does_not_wait_for_a_backup(something, folder):
    back_up()
    with only_one(), pytest.raises(CommandError, match="a backup is being made") as skipped:
        output_of("drill")
    assert skipped.value.returncode == 2


def test_after_a_move_it_creates_the_missing_row(something, folder):
    run = back_up()
    BackupRun.objects.all().delete()
    output_of("drill")
    known = BackupRun.objects.get()
    assert (known.key, known.size, known.state) == (run.key, run.size, "done")
