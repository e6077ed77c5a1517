"""D9: random traffic on the real site, while its workers are killed and PostgreSQL crashes and recovers."""

import http.client
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest

from bulq.demo.catalogue import GROUPS, PASSWORD
from dev.processes import free_port
from dev.run import GUNICORN
from dev.services import throwaway_services

from .behind_caddy import fill

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
MURDERS = 12
HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|q-\d+|was-\d+)"[^>]*?value="([^"]*)"')


class Visitor(threading.Thread):
    """Someone who logs in and keeps changing their order, whatever happens to the server."""

    def __init__(self, port, username, seed):
        super().__init__(daemon=True)
        self.port, self.username, self.chance = port, username, random.Random(seed)
        self.cookies, self.stored, self.stop = {}, 0, False

    def run(self):
        while not self.stop:
            try:
                if "sessionid" not in self.cookies:
                    self._post("/login/", {"username": self.username, "password": PASSWORD})
                else:
                    self._change_an_order()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # killed in the middle of it

    def _change_an_order(self):
        page = self._ask("GET", "/").decode()
        runs = re.findall(r'href="(/runs/\d+/)"', page)
        if not runs:
            return
        path = self.chance.choice(runs)
        shown = HIDDEN.findall(self._ask("GET", path).decode())
        lines = [name[2:] for name, _value in shown if name.startswith("q-")]
        if lines:
            line = self.chance.choice(lines)
            was = dict(shown).get(f"was-{line}", "")
            fields = {f"q-{line}": self.chance.randint(0, 9) * 10, f"was-{line}": was}
            self.stored += self._post(f"{path}order/", fields) in (200, 302)
        self._post(f"{path}ready/", {"ready": self.chance.randint(0, 1)})

    def _post(self, path, fields):
        self._ask("GET", "/login/" if path == "/login/" else "/me/")
        token = self.cookies.get("csrftoken", "")
        body = urlencode({"csrfmiddlewaretoken": token, "once": str(uuid4())} | fields)
        self._ask("POST", path, body)
        return self.status

    def _ask(self, method, path, body=None):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body, headers)
            with connection.getresponse() as response:
                self.status = response.status
                for cookie in response.headers.get_all("Set-Cookie", []):
                    name, _equals, value = cookie.partition(";")[0].partition("=")
                    self.cookies[name] = value
                return response.read()


def test_crashes_leave_every_run_consistent():
    usernames = sorted({username for _group, names in GROUPS for username in names.split()})
    with throwaway_services() as started:
        environment = {**os.environ, **started.urls, "SECRET_KEY": "for tests only"}
        fill(environment)
        port = free_port()
        site = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *GUNICORN, "--bind", f"127.0.0.1:{port}"], cwd=ROOT, env=environment
        )
        try:
            _traffic_and_murder(site, port, usernames[:4], started.urls["DATABASE_URL"])
        finally:
            site.terminate()
            site.wait(20)
        _check_invariants(environment)


def _traffic_and_murder(site, port, usernames, database):
    visitors = [Visitor(port, username, n) for n, username in enumerate(usernames)]
    for visitor in visitors:
        visitor.start()
    _wait_until(lambda: all(visitor.stored for visitor in visitors), "nobody could order anything")
    crashes = 0
    for _ in range(MURDERS):
        before = sum(visitor.stored for visitor in visitors)
        workers = Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()
        os.kill(int(workers[0]), signal.SIGKILL)
        crashes += _crash(database)
        _wait_until(lambda before=before: sum(visitor.stored for visitor in visitors) > before, "no recovery")
    for visitor in visitors:
        visitor.stop = True
    for visitor in visitors:
        visitor.join(60)
    assert crashes > MURDERS / 2, "PostgreSQL hardly crashed"


def _wait_until(happened, otherwise, seconds=60):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def _crash(database):
    """Kill a process of PostgreSQL: the others die with it, and it recovers from its log."""
    try:
        with psycopg.connect(database) as connection:
            pid = connection.info.backend_pid
            os.kill(pid, signal.SIGKILL)
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return 1
    return 0


def _check_invariants(environment):
    for attempt in range(5):
        done = subprocess.run(
            [sys.executable, "manage.py", "check_invariants"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode == 0 or "recovery" not in done.stderr:
            break
        time.sleep(1 + attempt)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
