"""The site as in production: gunicorn with four workers behind the real Caddy, and visitors from many addresses."""

import atexit
import contextlib
import http.client
import os
import subprocess
import sys
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from signal import SIGQUIT
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from uuid import uuid4

from dev import caddy
from dev.processes import Child, free_port
from dev.run import LIVE
from dev.services import throwaway_services

ROOT = Path(__file__).resolve().parents[2]
WEB = ("bulq.wsgi:application", "--workers", "4", "--preload", "--no-control-socket")
TOKEN = "a" * 32  # any value that cookie and form agree on


class Site:
    """`port` is Caddy's, `web` and `live` are those behind it; `children` are "web", "live0" ..., "caddy"."""

    def __init__(self, port, web, live, children, environment):
        self.port, self.web, self.live, self.children, self.environment = port, web, live, children, environment
        self.log = children["web"].log

    def ask(self, method, path, fields=None, *, source="127.0.0.1", headers=(), cookies="", direct=False):
        """Status, headers and text; `source` is any address of 127.0.0.0/8, `headers` a list of pairs."""
        body = urlencode({"csrfmiddlewaretoken": TOKEN, "once": str(uuid4())} | fields) if fields is not None else None
        port = self.web if direct else self.port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))) as link:
            link.putrequest(method, path)
            link.putheader("Cookie", f"csrftoken={TOKEN}; __Host-csrftoken={TOKEN}; {cookies}")
            if body is not None:
                link.putheader("Content-Type", "application/x-www-form-urlencoded")
                link.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                link.putheader(name, value)
            link.endheaders(body.encode() if body else None)
            with link.getresponse() as answer:
                return answer.status, answer.headers, answer.read().decode()

    def log_in(self, username, password, **options):
        """The cookie of a session."""
        status, headers, _text = self.ask("POST", "/login/", {"username": username, "password": password}, **options)
        assert status == 302, status
        return next(
            cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie") if cookie.startswith("sessionid=")
        )


@contextlib.contextmanager
def site_behind_caddy(*, live=0, **settings):
    """With the demo's data; `live` is the number of live processes, `settings` are variables of the environment."""
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(throwaway_services())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bulq-test-")))
        environment = {**os.environ, **started.urls, "SECRET_KEY": "for tests only", "RATELIMIT_ENABLE": "true"}
        environment |= {"BULQ_TRUSTED_PROXIES": "127.0.0.1", "HOME": str(folder), **settings}
        fill(environment)
        yield _start(stack, folder, environment, live)


@cache
def _dump():
    """Where the demo's data are kept after they were made once: to read them back takes a tenth of the work."""
    folder = TemporaryDirectory(prefix="bulq-test-")
    atexit.register(folder.cleanup)
    return Path(folder.name) / "demo.dump"


def fill(environment):
    """Migrate an empty database and load the demo's data."""
    database = environment["DATABASE_URL"]
    if _dump().exists():
        _run("pg_restore", "--dbname", database, "--exit-on-error", _dump(), environment=environment)
        return
    for command in ("migrate", "demo"):
        _run(sys.executable, "manage.py", command, "--skip-checks", environment=environment)
    _run("pg_dump", "--format", "custom", "--compress", "0", "--file", _dump(), database, environment=environment)


def _run(*command, environment):
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)


@contextlib.contextmanager
def again(site, **settings):
    """Another set of processes on the same data, with other settings."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bulq-test-")))
        yield _start(stack, folder, site.environment | {"HOME": str(folder), **settings}, live=0)


def _start(stack, folder, environment, live):
    site = next(filter(None, (_started(stack, folder, environment, live) for _try in range(3))), None)
    assert site, "the site did not start"
    return site


def _started(stack, folder, environment, live):
    """None if someone else took a port meanwhile."""
    port, web, *streams = (free_port() for _ in range(2 + live))
    commands = {"web": (*WEB, "--bind", f"127.0.0.1:{web}")}
    commands |= {f"live{n}": (*LIVE, "--bind", f"127.0.0.1:{port}") for n, port in enumerate(streams)}
    children = {}
    for name, command in commands.items():
        command = [sys.executable, "-m", "gunicorn", *command]
        options = {"log": folder / f"{name}.log", "stop_signal": SIGQUIT}  # does not wait for open streams
        children[name] = Child.start(name, command, env=environment, cwd=ROOT, **options)
        stack.callback(children[name].stop)
    children["caddy"] = stack.enter_context(caddy.running(folder, port, web=web, live=streams))
    site = Site(port, web, streams, children, environment)
    return site if _answers(site) else None


def _answers(site, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not any(child.ended for child in site.children.values()):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if site.ask("GET", "/health/live", source="127.9.9.9")[0] == 200 and all(map(_accepts, site.live)):
                return True
        time.sleep(0.1)
    return False


def _accepts(port):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request("GET", "/live/")
        return link.getresponse().status == 403
