"""S7: what web, live, worker and beat log while secrets of every kind go through them, and what Sentry receives."""

import contextlib
import gzip
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.signing import Signer

from bulq.demo.catalogue import PASSWORD
from dev.processes import Child, free_port

from .behind_caddy import ROOT, TOKEN, site_behind_caddy

pytestmark = pytest.mark.slow
SECRET_KEY = "canary-of-the-secret-key-xbJx2v8Qk1cWq0pZr7LmT3nYs5uVa9eDh4Gf6"
TYPED, MISTYPED = "canary-typed-password-71", "canary-password-in-the-wrong-field-72"
DEAD, UNREADABLE = "canary-dead-token-73", "canary-unreadable-74"
ESCAPES = 'x\r\n{"level": "INFO"}\x1b[31m\u2028'


# --- The story so far -------------------------------------------------------------------------------
class Sentry(ThreadingHTTPServer):
    """Keeps what it receives."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Told)
        self.received = []
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.dsn = f"http://canary-sentry-key-75@127.0.0.1:{self.server_port}/1"

    def events(self):
        """An envelope is lines of JSON: its header, then a header and a body for each item."""
        return [json.loads(body) for text in self.received for body in text.splitlines()[2::2]]


class _Told(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_packed = self.headers["Content-Encoding"] == "gzip"
        self.server.received.append((gzip.decompress(body) if is_packed else body).decode())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


class Story:
    """All requests and answers; at the end, all log files."""

    def __init__(self, site, folder):
        self.site, self.folder, self.asked = site, folder, []
        self.database = psycopg.connect(site.environment["DATABASE_URL"], autocommit=True)

    def ask(self, route, method, path, fields=None, *, person=None, **options):
        options.setdefault("source", "127.0.0.9")
        status, headers, _text = self.site.ask(method, path, fields, **options)
        entry = {"request": headers["X-Request-ID"], "method": method, "route": route, "status": status}
        self.asked.append(entry | {"person": person, "address": options["source"]})
        return status, headers

    def read_stream(self, query, cookie=""):
        """Read until the first line."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)) as link:
            link.request("GET", f"/live/?{query}", headers={"Cookie": cookie})
            with link.getresponse() as answer:
                answer.readline()
                return answer.status, answer.headers["X-Request-ID"]

    def value(self, query, *values):
        return self.database.execute(query, values).fetchone()[0]

    @contextlib.contextmanager
    def without(self, table):
        self.database.execute(f"ALTER TABLE {table} RENAME TO away")
        yield
        self.database.execute(f"ALTER TABLE away RENAME TO {table}")

    def until(self, text, name, seconds=60):
        """Wait until the log of that process contains `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.site.children[name].log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)

    def lines(self, name):
        return [json.loads(text) for text in self.written[name].splitlines()]

    def all_lines(self):
        return [line for name in self.written for line in self.lines(name)]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    (folder / "secret_key").write_text(SECRET_KEY)
    (folder / "hook").write_text("http://127.0.0.1:1/canary-hook-76")
    sentry = Sentry()
    settings = {"LOG_JSON": "true", "SECRET_KEY": "", "SECRET_KEY_FILE": str(folder / "secret_key")}
    settings |= {"BACKUP_FOLDER": str(folder / "backups"), "BACKUP_ALERT_WEBHOOK_FILE": str(folder / "hook")}
    settings |= {"EMAIL_URL": f"filemail:///{folder}/mails", "SENTRY_DSN": sentry.dsn}
    settings["PYTHONWARNINGS"] = "default,ignore::ResourceWarning"
    try:
        with site_behind_caddy(live=1, **settings) as site, contextlib.ExitStack() as stack:
            story = Story(site, folder)
            stack.callback(story.database.close)
            for name, command in commands(folder).items():
                command = [sys.executable, "-m", *command]
                child = Child.start(name, command, env=site.environment, cwd=ROOT, log=folder / f"{name}.log")
                stack.callback(child.stop)
                site.children[name] = child
            live_it(story)
            caddy = site.children.pop("caddy")
            for child in site.children.values():
                child.stop(seconds=60)
            caddy.stop()
            story.written = {name: child.log.read_text() for name, child in site.children.items()}
            story.door = caddy.log.read_text()
        story.sentry = sentry
        yield story
    finally:
        sentry.shutdown()
        sentry.server_close()


def commands(folder):
    """Worker and beat; one loads the site only after it has written its first lines."""
    celery = ("celery", "-A", "bulq", "-q")
    return {
        "worker": (*celery, "worker", "--concurrency", "1"),
        "beat": (*celery, "beat", "--schedule", folder / "schedule"),
        "late": ("gunicorn", "bulq.stream", "-k", "asgi", "--no-control-socket", "--bind", f"127.0.0.1:{free_port()}"),
    }


def live_it(story):
    token = story.value("SELECT join_token FROM accounts_group WHERE id = 1")
    mara = story.value("SELECT id FROM accounts_user WHERE username = 'mara'")
    rita = come_in(story, token)
    story.ask("login/", "POST", "/login/", {"username": "rita", "password": MISTYPED})
    story.ask("login/", "POST", "/login/", {"username": MISTYPED, "password": ""})
    story.ask("join/<slug:token>/", "GET", f"/join/{DEAD}/")
    story.ask("-", "GET", f"/no/such/{DEAD}/?token={DEAD}")
    story.ask("mail/off/<str:token>/", "GET", f"/mail/off/{DEAD}/")
    off = Signer(key=SECRET_KEY, salt="accounts.mail_off").sign(mara)
    story.ask("mail/off/<str:token>/", "GET", f"/mail/off/{off}/")
    stop = Signer(key=SECRET_KEY, salt="accounts.reminders_off").sign(mara)
    story.ask("reminders/off/<str:token>/", "GET", f"/reminders/off/{stop}/")
    calendar = "a-secret-calendar-of-43-characters-or-so-77"
    story.value("UPDATE accounts_user SET calendar_token = %s WHERE id = %s RETURNING id", calendar, mara)
    for secret in (calendar, DEAD):
        story.ask("calendar/<str:token>.ics", "GET", f"/calendar/{secret}.ics")
    reset = "password-reset/<uidb64>/<token>/"
    story.ask(reset, "GET", f"/password-reset/MQ/{DEAD}/")
    story.ask("password-reset/", "POST", "/password-reset/", {"email": "rita@bulq.test"})
    link = urlsplit(mailed(story, r"http\S+/password-reset/\S+"))
    assert story.ask(reset, "GET", link.path)[0] == 302
    session = story.site.log_in("mara", PASSWORD, source="127.0.0.8")
    story.canaries = {
        "invitation": token,
        "mail": off,
        "reminders": stop,
        "calendar": calendar,
        "new password": link.path.split("/")[3],
        "session": session[10:],
    }
    story.ask("groups/", "GET", "/groups/", cookies=session, person=mara)
    story.ask("runs/<int:run_id>/", "GET", "/runs/99999/", cookies=session, person=mara)
    story.ask("join/<slug:token>/", "POST", f"/join/{DEAD}/", {"csrfmiddlewaretoken": DEAD}, cookies=session)
    hand_something_over(story, rita, session, mara)
    inject(story)
    fail(story, token, session)
    story.streams = [story.read_stream("groups=all", session), story.read_stream(f"run=1&x={DEAD}")]
    story.until('"route": "live/", "status": 200', "live0")
    story.until("bulq.tasks.watch", "worker")
    story.until("ASGI server listening", "late")


def come_in(story, token):
    rita = {"name": "Rita", "username": "rita", "email": "rita@bulq.test", "join": token}
    typed = {"password": TYPED, "password_again": TYPED}
    status, headers = story.ask("register/", "POST", "/register/", rita | typed)
    assert status == 302, status
    cookie = next(
        cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie") if cookie.startswith("sessionid=")
    )
    rita = story.value("UPDATE accounts_user SET wants_mail = true WHERE username = 'rita' RETURNING id")
    story.asked[-1]["person"] = rita
    assert story.ask("join/<slug:token>/", "POST", f"/join/{token}/", {}, cookies=cookie, person=rita)[0] == 302
    return rita


def mailed(story, pattern, seconds=30):
    """What `pattern` finds in a mail sent by web or worker."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in (story.folder / "mails").glob("*"):
            if found := re.search(pattern, path.read_text()):
                return found[0]
        time.sleep(0.1)
    raise AssertionError(pattern)


def hand_something_over(story, rita, session, mara):
    store = story.value("SELECT min(id) FROM stores_store")
    path, route = "/groups/1/runs/new/", "groups/<int:group_id>/runs/new/"
    sent = {"store": store, "day": "2030-01-01", "note": ""}
    status, headers = story.ask(route, "POST", path, sent, cookies=session, person=mara)
    assert status == 302
    story.handed_over_by = headers["X-Request-ID"]
    story.canaries["mail of the worker"] = mailed(story, r"http\S+/mail/off/\S+").split("/")[-2]
    story.until('"task": "bids.tasks.mail_at_once"', "worker")


def inject(story):
    """Put control characters and the like wherever a visitor can write."""
    for n, path in enumerate(["%0d%0a%7B%7D", "%1b[31m%0a", "%e2%80%a8", "x%00y"]):
        story.ask("-", "GET", f"/no{n}/{path}?{path}", source="127.0.0.10")
    written = {
        "User-Agent": '%0a", {"x',
        "Referer": "http://x/%0a",
        "X-Request-ID": '"} {"a',
        "X-Forwarded-For": "%0a, {",
    }
    for name, text in written.items():
        headers = [(name, text)]
        story.ask("login/", "GET", "/login/", source="127.0.0.1", headers=headers, direct=True)
    for name in (ESCAPES, ESCAPES * 9):
        story.ask("login/", "POST", "/login/", {"username": name, "password": TYPED}, source="127.0.0.11")
    for port in (story.site.web, *story.site.live):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(f"GET /join/{UNREADABLE} {UNREADABLE} {UNREADABLE}\r\n{UNREADABLE}\r\n\r\n".encode())
            link.recv(1000)


def fail(story, token, session):
    """Make web and worker fail, because a table is gone."""
    with story.without("accounts_group"):
        story.broken = story.ask("join/<slug:token>/", "GET", f"/join/{token}/", cookies=session)
    with story.without("accounts_user"):
        sent = {"username": MISTYPED, "password": TYPED}
        story.ask("login/", "POST", "/login/", sent, source="127.0.0.12")
    with story.without("bids_notification"):
        task = "bids.tasks.forget_old_notifications"
        command = [sys.executable, "-m", "celery", "-A", "bulq", "-q", "call", task]
        story.called = subprocess.run(
            command, cwd=ROOT, env=story.site.environment, capture_output=True, check=True, timeout=120
        )
        story.until(f'"task": "{task}"', "worker")


def test_every_line_is_an_object_with_its_time_and_level(story):
    for name, text in story.written.items():
        assert text, name
        for line in text.splitlines():
            entry = json.loads(line)
            assert {"time", "level", "logger", "message", "request", "person"} <= entry.keys(), line


def test_no_secret_is_written_anywhere(story):
    secrets = {**story.canaries, "csrf": TOKEN, "key": SECRET_KEY, "typed": TYPED, "mistyped": MISTYPED, "dead": DEAD}
    secrets |= {"unreadable": UNREADABLE, "sentry": "canary-sentry-key-75", "hook": "canary-hook-76"}
    secrets["database"] = urlsplit(story.site.environment["DATABASE_URL"]).password
    assert all(len(secret) > 10 for secret in secrets.values())
    everywhere = story.written | {"sentry": "\n".join(story.sentry.received), "door": story.door}
    everywhere["decoded"] = "\n".join(f"{line}" for line in story.all_lines())
    found = {(name, where) for name, secret in secrets.items() for where, text in everywhere.items() if secret in text}
    assert not found


def test_each_request_has_one_line_with_its_result(story):
    entries = [line for name in ("web", "live0") for line in story.lines(name) if line["logger"] == "bulq.requests"]
    for asked in story.asked:
        [line] = [line for line in entries if line["request"] == asked["request"]]
        same = {name: line[name] for name in asked if asked[name] is not None}
        assert same == {name: value for name, value in asked.items() if value is not None}
        assert isinstance(line["ms"], int)
    assert len({line["request"] for line in entries}) == len(entries)
    assert not [line for line in entries if line["route"].startswith("health/")]


def test_each_stream_has_one_line_when_it_ends(story):
    assert [status for status, _request in story.streams] == [200, 403]
    for status, request in story.streams:
        [line] = [line for line in story.lines("live0") if line["request"] == request]
        assert (line["route"], line["status"], line["person"] is not None) == ("live/", status, status == 200)


def test_the_worker_logs_which_request_queued_a_task(story):
    entries = [line for line in story.lines("worker") if line["request"] == story.handed_over_by]
    assert [(line["logger"], line["task"], line["state"]) for line in entries] == [
        ("bulq.tasks", "bids.tasks.mail_at_once", "SUCCESS")
    ]
    assert entries[0]["ms"] >= 0
    assert [line for line in story.lines("web") if line["request"] == story.handed_over_by]


def test_each_failure_has_one_line_with_the_traceback(story):
    failed = [line for line in story.all_lines() if "exc_info" in line]
    assert [(line.get("route"), line.get("task"), line["level"]) for line in failed] == [
        ("join/<slug:token>/", None, "ERROR"),
        ("login/", None, "ERROR"),
        (None, "bids.tasks.forget_old_notifications", "ERROR"),
    ]
    status, headers = story.broken
    assert (status, failed[0]["status"], failed[0]["request"]) == (500, 500, headers["X-Request-ID"])
    for error, table in zip(failed, ("accounts_group", "accounts_user", "bids_notification"), strict=True):
        assert "Traceback" not in error["message"]
        assert error["exc_info"].endswith(f'django.db.utils.ProgrammingError: relation "{table}" does not exist')
        assert " in execute\n" in error["exc_info"]


def test_failures_are_sent_to_sentry(story):
    events = [event for event in story.sentry.events() if event["exception"]["values"]]
    failed = [line for line in story.all_lines() if "exc_info" in line]
    assert sorted(line["tags"]["request"] for line in events) == sorted(line["request"] for line in failed)
    assert {line["transaction"] for line in events} == {line.get("route") or line["task"] for line in failed}
    for event in events:
        assert not event.keys() & {"request", "user", "extra", "breadcrumbs", "contexts", "modules"}
        for error in event["exception"]["values"]:
            assert error["stacktrace"]["frames"]
            assert not any("vars" in frame for frame in error["stacktrace"]["frames"])
