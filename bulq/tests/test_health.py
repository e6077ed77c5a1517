"""O1: the health pages answer no matter what hangs."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from bulq.models import Heartbeat
from bulq.settings import CACHES
from bulq.tests.faults import breakable_redis
from bulq.views import is_away
from bulq.watch.readiness import READ_ONLY
from dev.processes import Child, free_port
from dev.services import throwaway_services

# No worker, no beat and no live process run beside these tests.
ALONE = {"database": "ok", "worker": "never seen", "beat": "never seen", "redis": "ok", "live": "away"}
ROOT = Path(__file__).resolve().parents[2]


def ready():
    answer = Client().get("/health/ready")
    return answer.status_code, dict(line.split(": ") for line in answer.text.splitlines())


def test_live_checks_nothing_else(settings):
    """Without the mark `django_db` a query is an error; Redis is missing too."""
    settings.CACHES = {name: alias | {"LOCATION": "redis://127.0.0.1:1/0"} for name, alias in settings.CACHES.items()}
    settings.RATELIMIT_ENABLE = True
    assert Client().get("/health/live").text == "ok\n"


@pytest.mark.django_db(transaction=True)
def test_ready_names_the_parts():
    assert ready() == (200, ALONE)
    Heartbeat.objects.create(name="worker", at=timezone.now())
    late = timezone.now() - timedelta(minutes=6)
    Heartbeat.objects.create(name="beat", at=late)
    seen = {"worker": "ok", "beat": f"not seen since {late.isoformat(timespec='seconds')}"}
    assert ready() == (200, ALONE | seen)


@pytest.mark.django_db(transaction=True)
def test_it_is_not_ready_before_migrations_are_done():
    last = MigrationRecorder.Migration.objects.filter(app="bids").latest("id")
    last.delete()
    try:
        assert ready() == (503, {"database": "migrations are pending", "redis": "ok", "live": "away"})
    finally:
        MigrationRecorder(connection).record_applied(last.app, last.name)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "status_of_redis"),
    [("stop", "away"), ("hang", "away"), ("refuse", "away"), ("fill_up", READ_ONLY), ("demote", READ_ONLY)],
)
def test_without_redis_it_is_ready_and_says_so(fault, status_of_redis, settings):
    with breakable_redis() as broken:
        getattr(broken, fault)()
        url = broken.url_with("wrong") if fault == "refuse" else broken.url
        settings.CACHES = {name: alias | {"LOCATION": url} for name, alias in CACHES.items()}
        status, parts = ready()
        assert (status, parts["database"], parts["redis"]) == (200, "ok", status_of_redis)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("use", ["default", "limits", "live", "queue"])
def test_every_redis_is_checked(use, settings):
    """Cache, limits and the worker's queue may be on different servers."""
    away = settings.CACHES[use] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = settings.CACHES | {use: away}
    assert ready()[1]["redis"] == "away"


@pytest.mark.slow
def test_it_is_not_ready_when_the_database_hangs_or_is_gone(tmp_path):
    """On a web server as in production; afterwards it is ready again by itself."""
    with throwaway_services() as started, contextlib.ExitStack() as stack:
        environment = {**os.environ, **started.urls, "SECRET_KEY": "for tests only"}
        migrate = [sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)
        with psycopg.connect(started.urls["DATABASE_URL"]) as link:
            server = int(link.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0].splitlines()[0])
        port = free_port()
        gunicorn = [sys.executable, "-m", "gunicorn", "bulq.wsgi", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
        child = Child.start("web", gunicorn, cwd=ROOT, env=environment, log=tmp_path / "web.log")
        stack.callback(child.stop)
        assert until_it_says(port, "database: ok") == 200
        os.kill(server, signal.SIGSTOP)
        try:
            asked = time.monotonic()
            answers = [ask(port) for _try in range(3)]
            assert {status for status, _text in answers} == {503}
            # A client may have been told by then that nothing answers.
            assert {text.partition("\n")[2] for _status, text in answers} == {"redis: ok\nlive: away\n"}
            assert answers[0][1].startswith("database: no answer")
            assert time.monotonic() - asked < 9  # 1.2 seconds each, on a busy machine
            assert ask(port, "/health/live") == (200, "ok\n")
        finally:
            os.kill(server, signal.SIGCONT)
        assert until_it_says(port, "database: ok") == 200
        assert ask(port, "/login/")[0] == 200
        os.kill(server, signal.SIGINT)
        assert until_it_says(port, "database: away") == 503
        for method, path in product(("GET", "POST"), ("/login/", "/", "/groups/", "/runs/1/", "/admin/", "/nowhere/")):
            status, headers, page = answer_to(method, path, port)
            assert (status, headers["Retry-After"]) == (503, "10"), (method, path, page)
            assert "<h1>Bulq will be back in a moment</h1>" in page
            assert headers["Cache-Control"] == "private, no-store"
            assert headers["X-Request-ID"]
            assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert ask(port, "/health/live") == (200, "ok\n")
        assert ask(port, "/health/backup") == (503, "unknown\n")


@pytest.mark.parametrize(
    ("state", "is_it"),
    [(None, True), ("08006", True), ("57P03", True), ("53300", True), ("57014", False), ("55P03", False)],
)
def test_a_refusal_by_the_database_does_not_mean_it_is_away(state, is_it):
    """A refusal with a reason is still our bug."""
    error = OperationalError("canary")
    error.__cause__ = psycopg.OperationalError("canary")
    error.__cause__.sqlstate = state
    assert is_away(error) == is_it
    assert not is_away(IntegrityError("canary"))
    assert not is_away(None)


def answer_to(method, path, port):
    """Status, headers and text for someone with a session, who sends a form or requests a page."""
    token = "a" * 32
    cookies = {"Cookie": f"csrftoken={token}; sessionid={'b' * 32}"}
    body = f"csrfmiddlewaretoken={token}&once={uuid4()}" if method == "POST" else None
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request(method, path, body, cookies | form)
        with link.getresponse() as answer:
            return answer.status, answer.headers, answer.read().decode()


def ask(port, path="/health/ready"):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request("GET", path)
        with link.getresponse() as answer:
            return answer.status, answer.read().decode()


def until_it_says(port, line, seconds=60):
    """Wait for the line; returns the status at that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, text = ask(port)
            if line in text.splitlines():
                return status
        time.sleep(0.1)
    raise AssertionError(f"it never said {line}")
