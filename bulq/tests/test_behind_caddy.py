"""R1 to R3 as visitors experience them: four workers behind the real Caddy."""

import contextlib
import sys
import time
from functools import partial
from itertools import count
from uuid import uuid4

import pytest

from accounts.tests.racing import race
from bulq.demo.catalogue import PASSWORD
from dev import caddy
from dev.processes import Child, free_port

from .behind_caddy import Site, again, site_behind_caddy

pytestmark = pytest.mark.slow
_numbers = count(1)
WRONG = {"username": "nobody", "password": "wrong"}
WINDOW = 5
RATES = {
    "RATE_LIMIT_LOGIN": f"5/{WINDOW}s",
    "RATE_LIMIT_LOGIN_NAME": "5/d",  # by name and address: for tests that need not wait for a window
    "RATE_LIMIT_REGISTRATION": f"5/{WINDOW}s",
    "RATE_LIMIT_BIDS": f"20/{WINDOW}s",
    "RATE_LIMIT_GENERAL": "100/20s",  # long enough for a hundred requests on a busy machine
}


@pytest.fixture(scope="module")
def site():
    with site_behind_caddy(**RATES) as site:
        yield site


def elsewhere():
    number = next(_numbers)
    return f"127.1.{number >> 8 & 255}.{number & 255}"


def at_the_beginning_of_a_window(ask):
    """Ask until refused, then wait as long as the answer says."""
    for _ in range(300):
        status, headers, _text = ask()
        if status == 429:
            time.sleep(int(headers["Retry-After"]))
            return
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("limit", "most", "method", "path", "fields"),
    [
        ("login", 5, "POST", "/login/", {}),
        ("registration", 5, "POST", "/register/", {"name": "x"}),
        ("general", 100, "GET", "/login/", None),
    ],
)
def test_requests_up_to_the_limit_pass_and_the_next_waits(site, limit, most, method, path, fields):
    """R1: request N passes, N+1 is told to wait, and after that it passes."""
    source = elsewhere()

    def ask():
        values = fields if fields is None else {"username": uuid4().hex} | fields
        return site.ask(method, path, values, source=source)

    at_the_beginning_of_a_window(ask)
    answers = race(*[ask] * (most + 1))
    statuses = sorted(status for status, _headers, _text in answers)
    assert statuses.count(429) == 1, statuses
    [refused] = [headers for status, headers, _text in answers if status == 429]
    assert refused["Cache-Control"] == "private, no-store"
    time.sleep(int(refused["Retry-After"]))
    assert ask()[0] != 429


def test_twenty_orders_pass_and_the_next_waits(site):
    """R1: counted per person, from any address."""
    session = site.log_in("mara", PASSWORD, source=elsewhere())
    ask = partial(site.ask, "POST", "/runs/1/order/", {}, cookies=session)
    at_the_beginning_of_a_window(partial(ask, source=elsewhere()))
    answers = race(*[partial(ask, source=elsewhere()) for _ in range(21)])
    assert [status for status, _headers, _text in answers].count(429) == 1


def test_exactly_five_of_forty_at_once_pass(site):
    """R2: one budget across all workers."""
    ask = partial(site.ask, "POST", "/login/", WRONG, source=elsewhere())
    statuses = [status for status, _headers, _text in race(*[ask] * 40)]
    assert (statuses.count(422), statuses.count(429)) == (5, 35)


def test_without_redis_each_worker_counts_for_itself(site):
    """R4; and the negative control of R2: more than five pass, and not all."""
    nowhere = {"RATE_LIMIT_LOGIN": "5/99d", "LIMITS_REDIS_URL": "redis://127.0.0.1:1/0"}
    with again(site, **nowhere) as other:
        ask = partial(other.ask, "POST", "/login/", WRONG, source=elsewhere())
        statuses = [status for status, _headers, _text in race(*[ask] * 40)]
    assert 5 < statuses.count(422) <= 20
    assert statuses.count(422) + statuses.count(429) == 40


ECHO = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(self.headers))
time.sleep(1)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def as_soon_as_caddy_listens(ask):
    for _ in range(100):
        with contextlib.suppress(ConnectionRefusedError):
            return ask()
        time.sleep(0.1)
    raise AssertionError("never")


def test_caddy_waits_for_a_starting_web_server_and_passes_on_the_address(tmp_path):
    port, web = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(caddy.running(tmp_path, port, web=web))
        server = Child.start("the web server", [sys.executable, "-c", ECHO, str(web)])
        stack.callback(server.stop)
        site = Site(port, web, [], {"caddy": door, "web": server}, {})
        ask = partial(site.ask, "GET", "/", source="127.9.9.9", headers=[("X-Real-IP", "203.0.113.9")])
        status, _headers, text = as_soon_as_caddy_listens(ask)
    assert status == 200
    assert ("X-Real-Ip: 127.9.9.9" in text, "203.0.113.9" in text) == (True, False)


FORGED = {
    "X-Forwarded-For": [("X-Forwarded-For", "{}")],
    "a list": [("X-Forwarded-For", "{}, 10.0.0.1")],
    "doubled": [("X-Forwarded-For", "{}"), ("X-Forwarded-For", "127.0.0.1")],
    "X-Real-IP": [("X-Real-IP", "{}")],
    "Forwarded": [("Forwarded", 'for="{}";proto=https')],
    "with underscores": [("X_Forwarded_For", "{}")],
}


@pytest.mark.parametrize("direct", [False, True], ids=["through Caddy", "directly"])
@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_forged_header_makes_nobody_someone_else(site, headers, direct):
    """R3: still five, whether Caddy or gunicorn itself is asked."""
    source = elsewhere()

    def ask():
        forged = [(name, text.format(elsewhere())) for name, text in headers]
        return site.ask("POST", "/login/", WRONG, source=source, headers=forged, direct=direct)

    assert [ask()[0] for _ in range(6)] == [422] * 5 + [429]


def test_the_log_says_the_same_address(site):
    """R3: used for limits and logs alike."""
    source = elsewhere()
    _status, headers, _text = site.ask("GET", "/login/", source=source, headers=[("X-Forwarded-For", "203.0.113.9")])
    [line] = [line for line in site.log.read_text().splitlines() if f"request={headers['X-Request-ID']}" in line]
    assert f" address={source}" in line


TOO_MUCH = {
    "a form": (413, "POST", "/login/", {"fields": {"username": "x" * 1_200_000}}),
    "many fields": (413, "POST", "/login/", {"fields": {f"field{number}": "" for number in range(1001)}}),
    "an address": (414, "GET", f"/products/?q={'x' * 5000}", {}),
    "a header": (431, "GET", "/login/", {"headers": [("X-Long", "x" * 9000)]}),
    "what is no form": (400, "POST", "/login/", {"headers": [("Content-Type", "text/plain; charset*=nonsense''x")]}),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_oversized_requests_are_answered_with_our_page(site, what):
    """No matter which of the three answers: Caddy, gunicorn or the site."""
    expected, method, path, more = TOO_MUCH[what]
    status, headers, text = site.ask(method, path, source=elsewhere(), **more)
    assert (status, 'class="topbar"' in text, "<h1>" in text) == (expected, True, True)
    assert "no-store" in headers["Cache-Control"]
    assert all(headers[name] for name in ("X-Frame-Options", "Content-Security-Policy", "X-Content-Type-Options"))


@pytest.mark.parametrize(
    "path", ["/", "/nowhere/", "/login", "/login/", "/health/live", "/live/", "/live/?run=x", "/static/nothing.css"]
)
def test_every_answer_is_private_and_cannot_be_framed(site, path):
    """No matter who made it; an existing file may be cached."""
    for method in ("GET", "HEAD", "POST", "BREW"):
        _status, headers, _text = site.ask(method, path, source=elsewhere())
        assert "no-store" in headers["Cache-Control"], (method, path)
        assert headers.get_all("X-Frame-Options") == ["DENY"], (method, path)
