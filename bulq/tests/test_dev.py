"""`make run` and its servers: one sentence for what is missing, and nothing is left behind."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis

from dev import run
from dev.postgres import stop_leftover
from dev.processes import Child, command_line, free_port
from dev.services import local_folder, services

from .deadline import at_most
from .test_bootstrap import one_sentence

ROOT = Path(__file__).resolve().parents[2]
HOLD_SERVICES = """
import sys, time
from pathlib import Path
from dev import processes
from dev.services import services
if "orphan" in sys.argv:
    processes._dies_with_us = lambda stop_signal: None
with services(Path(sys.argv[1])) as started:
    print(started.urls["DATABASE_URL"], flush=True)
    time.sleep(600)
"""
RUN_WITHOUT_CADDY = """
from dev import caddy, run
caddy.PROGRAM = caddy.Path("/nowhere/caddy")
raise SystemExit(run.main())
"""


@pytest.fixture
def local():
    """A short-lived folder, open to the account the servers run as when we are root, as a checkout is."""
    folder = Path(tempfile.mkdtemp(prefix="bulq-dev-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)  # it may be a link to elsewhere
    shutil.rmtree(folder)


def server_pid(local):
    return int((local / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def runs(pid):
    """False for a process that has ended and waits for its parent to notice."""
    return command_line(pid) != ""


def descendants(pid):
    table = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
    pairs, found = [line.split() for line in table.splitlines()], [str(pid)]
    for parent in found:
        found += [child for of, child in pairs if of == parent]
    return found[1:]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def execute(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement)


# --- The servers -----------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_servers_keep_the_data_and_leave_no_process(local):
    with services(local) as started:
        assert started.database_made_now
        execute(started.urls["DATABASE_URL"], "CREATE TABLE kept AS SELECT 42 AS answer")
        assert redis.Redis.from_url(started.urls["REDIS_URL"]).ping()
        first = server_pid(local)
    assert not runs(first)

    with services(local) as started:
        assert not started.database_made_now
        assert execute(started.urls["DATABASE_URL"], "SELECT answer FROM kept").fetchone() == (42,)
        assert execute(started.urls["DATABASE_URL"], "SHOW fsync").fetchone() == ("on",)


@pytest.mark.slow
def test_nobody_gets_in_without_the_password(local):
    with services(local) as started:
        database, cache = started.urls["DATABASE_URL"], started.urls["REDIS_URL"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            execute(database.replace("@", "x@"), "SELECT 1")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(cache.replace("@", "x@")).ping()
    secret = local / "postgres.password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((local / "postgres").stat().st_mode) == 0o700


def test_servers_named_in_the_environment_are_not_started(local):
    given = {"DATABASE_URL": "postgres://elsewhere/bulq", "REDIS_URL": "redis://elsewhere"}
    with services(local, given=given) as started:
        assert started.urls == given
    assert list(local.iterdir()) == []


@pytest.mark.slow
def test_a_folder_closed_to_other_accounts_works(local):
    """As root: a checkout under /root. For everyone else an ordinary folder."""
    local.chmod(0o700)
    with services(local) as started:
        assert execute(started.urls["DATABASE_URL"], "SELECT 1").fetchone() == (1,)
    with services(local) as started:
        assert not started.database_made_now


@pytest.mark.slow
def test_a_deep_folder_works(local):
    deep = local.joinpath(*["a-folder-with-a-long-name"] * 6)
    deep.mkdir(parents=True)
    with services(deep) as started:
        assert execute(started.urls["DATABASE_URL"], "SELECT 1").fetchone() == (1,)


@contextlib.contextmanager
def held_by_another_process(local, *options):
    """Killed outright at the end, so that it cannot clean up."""
    command = [sys.executable, "-c", HOLD_SERVICES, str(local), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process, at_most(120, process):
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a death")
def test_servers_die_with_a_killed_parent(local):
    with held_by_another_process(local):
        pid = server_pid(local)
    wait_until(lambda: not runs(pid))


@pytest.mark.slow
def test_a_server_left_behind_is_stopped_by_the_next_start(local):
    with held_by_another_process(local, "orphan") as url:
        execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        left_behind = [server_pid(local), int((local / "valkey.pid").read_text().split()[0])]
    assert all(map(runs, left_behind))
    with services(local) as started:
        wait_until(lambda: not any(map(runs, left_behind)))
        assert execute(started.urls["DATABASE_URL"], "SELECT answer FROM kept").fetchone() == (42,)


def test_another_process_with_the_old_number_is_left_alone(local):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "postgres"]) as stranger:
        try:
            (local / "postmaster.pid").write_text(f"{stranger.pid}\n{local}\n")
            stop_leftover(local)
            assert stranger.poll() is None
            assert not (local / "postmaster.pid").exists()
        finally:
            stranger.kill()


# --- make run --------------------------------------------------------------------------------------
def run_environment(local, **more):
    blank = dict.fromkeys(["DATABASE_URL", "REDIS_URL", "SECRET_KEY"], "")  # not those of this test run
    return {**os.environ, **blank, "BULQ_LOCAL": str(local), **more}


def start_run(local, command=("-m", "dev.run"), **more):
    environment = run_environment(local, **more)
    options = {"capture_output": True, "text": True, "timeout": 60, "check": False}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, **options)


def test_a_taken_port_gets_one_sentence(local):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is taken" in one_sentence(start_run(local, PORT=str(port)))


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8 000"])
def test_an_invalid_port_gets_one_sentence(local, port):
    assert "PORT is a number" in one_sentence(start_run(local, PORT=port))


def test_a_second_run_on_the_same_folder_is_refused(local, monkeypatch):
    monkeypatch.setenv("BULQ_LOCAL", str(local))
    with local_folder():
        result = start_run(local, PORT=str(free_port()))
    assert f"already runs on {local.resolve()} (process {os.getpid()})" in one_sentence(result)


def test_a_missing_caddy_gets_one_sentence(local):
    elsewhere = {"DATABASE_URL": "postgres://elsewhere/bulq", "REDIS_URL": "redis://elsewhere"}
    result = start_run(local, ("-c", RUN_WITHOUT_CADDY), PORT=str(free_port()), **elsewhere)
    assert "/nowhere/caddy is missing" in one_sentence(result)


class Enough(Exception):
    """Ends watching for ever."""


def test_a_process_that_ends_by_itself_is_named_and_restarted(local, monkeypatch, capsys):
    """More and more slowly, so that a process that cannot run costs little."""
    ended = Child.start("the live process", [sys.executable, "-c", "print('here')"], log=local / "live.log")
    slept = []
    monkeypatch.setattr(run.time, "monotonic", lambda: sum(slept))

    def sleep(seconds):
        ended.process.wait()  # with a limit it would sleep, and call itself
        slept.append(seconds)
        if sum(slept) > 100:
            raise Enough

    monkeypatch.setattr(run.time, "sleep", sleep)
    with pytest.raises(Enough):
        run._watch(ended)
    # After 1, 2, 5, 10, 30, 30 seconds; the next time would be beyond the hundredth.
    assert (local / "live.log").read_text() == "here\n" * 7
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7
    assert re.fullmatch(r"The live process ended by itself; .*live\.log says why\. It is being restarted\.", lines[0])


@contextlib.contextmanager
def site_running(local, port, stop, **more):
    """`rest` is the output after the address."""
    options = {"cwd": ROOT, "env": run_environment(local, PORT=str(port), **more)}
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([sys.executable, "-m", "dev.run"], **options) as site, at_most(240, site):
        try:
            wait_for_address(site, port)
            yield site
        finally:
            site.send_signal(stop)
            site.rest = site.stdout.read()


def wait_for_address(site, port):
    output = []
    for line in site.stdout:
        output.append(line)
        if f"Bulq is at http://127.0.0.1:{port}/" in line:
            return
    raise AssertionError("".join(output))


def far_from_now():
    """So that no night ends while the test runs."""
    return f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"


def wait_for_backup(local):
    """The worker makes last night's backup as soon as it has started."""
    deadline = time.monotonic() + 60
    while not list((local / "backups").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert list((local / "backups").glob("*.json")), (local / "worker.log").read_text()


def wait_for_live(port):
    """The live process refuses a stream to a visitor, where the web server would not know the page."""
    wait_until(lambda: ask(port, "/live/")[0] == 403, seconds=60)


def ask(port, path):
    """Status and headers."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request("GET", path, headers={"Accept-Encoding": "gzip"})
        with link.getresponse() as answer:
            return answer.status, answer.headers


@pytest.mark.slow
def test_the_site_runs_stops_and_runs_again_with_its_data(local):
    """After Ctrl-C, and after a plain kill."""
    port = free_port()
    seen = []
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        with site_running(local, port, stop, DEBUG="true", BACKUP_AT=far_from_now()) as site:
            status, headers = ask(port, "/login/")
            assert (status, headers["Content-Encoding"]) == (200, "gzip")
            wait_for_live(port)
            wait_for_backup(local)
            started = descendants(site.pid)
        assert site.returncode == 0, site.rest
        assert not any(map(runs, started))
        seen.append([(local / "secret_key").read_text(), site.rest.removesuffix("\nStopped.\n").strip()])
    assert len(list((local / "backups").glob("*.json"))) == 1, "there is one a night"
    assert seen[0] == seen[1] == seen[2], "each start prints the same people and keeps the secret key"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a death")
def test_a_killed_run_leaves_nothing_behind(local):
    port = free_port()
    with site_running(local, port, signal.SIGKILL) as site:
        wait_for_live(port)
        started = descendants(site.pid)
    wait_until(lambda: not any(map(runs, started)))
