"""B12, B14, B16, B21: Celery's own worker and beat on a real broker; and the button that requests a backup now."""

import contextlib
import os
import subprocess
import sys
import time
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import redis
from django.conf import settings as site
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import make_user
from accounts.tests.racing import race
from bulq import tasks
from bulq.backups import job
from bulq.celery import app
from bulq.clock import by_the_clock
from bulq.kit import later
from bulq.kit.breaker import Breaker
from bulq.models import BackupRun
from bulq.tests.client import signed_in
from dev.processes import free_port

from .looking import database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def environment(folder, settings):
    """For a worker on this test's database and broker."""
    queue = redis.Redis.from_url(site.CELERY_BROKER_URL)
    given = {"DATABASE_URL": database_url(), "REDIS_URL": site.CELERY_BROKER_URL, "BACKUP_FOLDER": str(folder)}
    yield {**os.environ, **given, "BACKUP_ALERT_EMAILS": "operator@bulq.test", "BACKUP_AT": settings.BACKUP_AT}
    for name in queue.scan_iter(f"{site.CACHE_PREFIX}:tasks:*"):
        queue.delete(name)
    queue.close()


@pytest.fixture
def worker(environment, tmp_path):
    @contextlib.contextmanager
    def running(*arguments):
        command = [sys.executable, "-m", "celery", "-A", "bulq", "worker", "--concurrency", "1", *arguments]
        with (tmp_path / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    return running


def beat(tmp_path):
    return "--beat", "--schedule", str(tmp_path / "schedule")


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


def done():
    return BackupRun.objects.filter(state=BackupRun.State.DONE).count()


def waiting():
    with redis.Redis.from_url(site.CELERY_BROKER_URL) as queue:
        return queue.llen(f"{site.CACHE_PREFIX}:tasks:celery")


def test_a_missed_night_is_made_up_once_and_a_duplicate_message_does_nothing(something, worker, tmp_path):
    """B12, B21: beat was down at that hour; afterwards it starts twice."""
    with worker(*beat(tmp_path)):
        until(done)
        until(lambda: BackupRun.objects.filter(drilled_at__isnull=False).exists())  # of last Sunday
    for _ in range(3):
        app.send_task("bulq.tasks.backup")
        app.send_task("bulq.tasks.drill")
    drilled_at = BackupRun.objects.get().drilled_at
    with worker(*beat(tmp_path)):
        until(lambda: not waiting())
    assert BackupRun.objects.get().drilled_at == drilled_at


def test_the_schedule_has_nightly_weekly_and_hourly_tasks(folder, settings):
    settings.BACKUP_AT = "03:00"
    times = {name: (schedule.hour, schedule.minute, schedule.day_of_week) for name, schedule in by_the_clock().items()}
    every_day, every_hour = set(range(7)), set(range(24))
    assert times["bulq.tasks.backup"] == ({3}, {0}, every_day)
    assert times["bulq.tasks.drill"] == ({4}, {0}, {0})
    assert times["bulq.tasks.watch"] == (every_hour, {30}, every_day)
    assert times["bulq.tasks.forget_sent_forms"] == (every_hour, {45}, every_day)
    assert app.conf.timezone == "UTC"


def test_one_of_two_beats_at_the_same_moment_makes_the_backup(something, folder):
    race(tasks.backup, tasks.backup, tasks.watch)
    assert done() == 1


def test_a_failed_night_is_tried_again_by_the_watch(something, folder, shim, monkeypatch):
    with monkeypatch.context() as here:
        here.setattr(job, "dump", lambda *_: (_ for _ in ()).throw(OSError("no space")))
        tasks.backup()
    assert [run.state for run in BackupRun.objects.all()] == ["failed"]
    tasks.watch()
    tasks.watch()
    assert [run.state for run in BackupRun.objects.order_by("pk")] == ["failed", "done"]


def test_last_nights_backup_does_not_count_for_this_night(something, folder):
    tasks.backup()
    BackupRun.objects.update(started_at=timezone.now() - timedelta(days=1))
    tasks.backup()
    assert done() == 2


# --- The button ------------------------------------------------------------------------------------
def press(user, **options):
    return signed_in(user).post(reverse("admin:bulq_backuprun_now"), follow=True, **options)


def test_an_admin_requests_a_backup_and_the_worker_makes_it(something, worker):
    tasks.backup()
    admin = make_user("Root", is_staff=True, is_superuser=True)
    assert "Back up now" in signed_in(admin).get(reverse("admin:bulq_backuprun_changelist")).content.decode()
    assert "Back up now" in signed_in(admin).get("/admin/").text
    # From the front page, which is shown again.
    page = press(admin, headers={"referer": "http://testserver/admin/"})
    assert page.request["PATH_INFO"] == "/admin/"
    assert "A backup has been requested" in page.text
    assert str(LogEntry.objects.get()) == "Added “a backup now”."
    with worker():
        until(lambda: done() == 2)


def test_the_same_request_delivered_twice_makes_one_backup(something, folder):
    """B12."""
    asked_at = timezone.now().isoformat()
    for _ in range(3):
        tasks.backup(asked_at)
    assert done() == 1


def test_without_a_broker_the_admin_is_told(something, folder, monkeypatch):
    monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr(app.conf, "broker_write_url", app.conf.broker_url)
    monkeypatch.setattr(later, "breaker", Breaker("this test"))
    # Connections are kept by address: drop those to the other broker.
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    page = press(make_user("Root", is_staff=True, is_superuser=True)).content.decode()
    assert "The worker can't be reached, so no backup was requested." in unescape(page)


def test_staff_who_can_only_view_cannot_request_a_backup(something, folder):
    staff = make_user("Sam", is_staff=True)
    assert press(staff).status_code == 403
    assert signed_in(make_user("Root", is_staff=True, is_superuser=True)).get(
        reverse("admin:bulq_backuprun_now")
    ).status_code == 405  # fmt: skip
    assert waiting() == 0


# --- Mistakes --------------------------------------------------------------------------------------
MISTAKES = {
    "BACKUP_FOLDER": ("", "There has to be exactly one place for backups"),
    "BACKUP_ALERT_EMAILS": ("", "Nobody would hear of a failure"),
    "BACKUP_AT": ("three", "BACKUP_AT is “three”"),
    "BACKUP_S3_ACCESS_KEY": ("only one", "belong together"),
    "BACKUP_S3_ENDPOINT": ("s3.example", "BACKUP_S3_ENDPOINT is not an address"),
    "BACKUP_KEEP_DAILY": ("-1", "BACKUP_KEEP_DAILY is -1"),
    "BACKUP_TIME_LIMIT": ("0", "BACKUP_TIME_LIMIT is 0"),
    "BACKUP_ALERT_WEBHOOK": ("hooks", "BACKUP_ALERT_WEBHOOK is not an address"),
    "BACKUP_HEARTBEAT_URL": ("ping", "BACKUP_HEARTBEAT_URL is not an address"),
}


def refused(environment, *arguments):
    answer = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode != 0
    return answer.stdout + answer.stderr


@pytest.mark.parametrize("part", ["worker", "beat"])
def test_worker_and_beat_refuse_to_start_and_name_every_mistake(environment, part, tmp_path):
    """B16."""
    wrong = {**environment, **{name: value for name, (value, _said) in MISTAKES.items()}}
    arguments = beat(tmp_path)[1:] if part == "beat" else ()
    output = refused(wrong, "-m", "celery", "-A", "bulq", part, *arguments)
    named = {name for name, (_value, sentence) in MISTAKES.items() if sentence in output}
    assert named == MISTAKES.keys() - {"BACKUP_ALERT_EMAILS"}  # there is a webhook, though a wrong one
    assert "Traceback" not in output


def test_the_deployment_check_names_them_too(environment):
    """B16."""
    output = refused({**environment, "BACKUP_FOLDER": "", "BACKUP_ALERT_EMAILS": ""}, "manage.py", "check", "--deploy")
    for sentence in ("There has to be exactly one place for backups", "Nobody would hear of a failure"):
        assert f"(bulq.E005) {sentence}" in output
