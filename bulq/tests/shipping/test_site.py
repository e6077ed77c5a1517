"""S1, S4, O2, O5: the whole site as Compose starts it, over HTTPS through Caddy."""

import contextlib
import http.client
import json
import re
import time
from http.cookies import SimpleCookie
from itertools import count

import psycopg
import pytest
from playwright.sync_api import expect

from bulq.demo.catalogue import PASSWORD

from .load import load
from .machine import DOMAIN, machine, until

pytestmark = pytest.mark.slow
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_numbers = count(1)


@pytest.fixture(scope="module")
def site():
    many = {"RATE_LIMIT_GENERAL": "100000/m", "RATE_LIMIT_BIDS": "100000/m", "GROUPS_PER_USER": "100000"}
    with machine(RATE_LIMIT_LOGIN_NAME="5/99d", **many) as site:
        released = site.release()
        assert released.returncode == 0, released.stdout + released.stderr
        site.up()
        refused = site.run("web", ["python", "manage.py", "demo"])
        assert "add --into bulq" in refused.stderr  # everyone knows the password of the demo people
        assert site.run("web", ["python", "manage.py", "demo", "--into", "another"]).returncode == 1
        assert site.run("web", ["python", "manage.py", "demo", "--into", "bulq"]).returncode == 0
        yield site


@pytest.fixture(scope="module")
def mara(site):
    return site.log_in("mara", PASSWORD)


@pytest.fixture(scope="module")
def run(site):
    """The address of a run in which Mara can still choose."""
    with psycopg.connect(site.environment("web")["DATABASE_URL"]) as link:
        question = """
            SELECT run.id FROM bids_run run JOIN bids_participation mine ON mine.run_id = run.id
            JOIN accounts_user person ON person.id = mine.user_id WHERE run.state = 'active' AND username = 'mara'
        """
        return f"/runs/{link.execute(question).fetchone()[0]}/"


def assert_safe(headers):
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "camera=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "Server" not in headers
    assert headers.get_all("X-Frame-Options") == ["DENY"]


# --- Headers, cookies, files -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/login/", 200), ("/", 302), ("/nowhere/", 404), ("/admin/", 302), ("/admin/login/", 200),
        ("/health/live", 200), ("/health/ready", 200), ("/health/backup", 200), ("/live/", 403),
        ("/static/css/app.css", 200), ("/static/nothing.css", 404), ("/nowhere", 404),
    ],
)  # fmt: skip
def test_every_answer_has_the_headers(site, path, status):
    answered, headers, _body = site.ask("GET", path)
    assert answered == status
    assert_safe(headers)


def test_refusals_and_limits_have_them_too(site):
    wrong, here = {"username": "nobody", "password": "wrong"}, f"127.2.1.{next(_numbers)}"
    answers = [site.ask("POST", "/login/", wrong, source=here) for _try in range(6)]
    assert [status for status, _headers, _body in answers] == [422] * 5 + [429]
    answers.append(site.ask("POST", "/login/", {"csrfmiddlewaretoken": "b" * 32}))
    assert answers[-1][0] == 403
    for _status, headers, _body in answers:
        assert_safe(headers)


def test_cookies_belong_to_this_host_and_https(site):
    _status, headers, _body = site.ask(
        "POST", "/login/", {"username": "mara", "password": PASSWORD}, source="127.2.2.1"
    )
    cookies = {}
    for cookie in headers.get_all("Set-Cookie"):
        cookies |= SimpleCookie(cookie)
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in cookies.values():
        assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")


def test_http_leads_to_https(site):
    answer = plainly(site.http, "/runs/1/?by=name")
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{DOMAIN}/runs/1/?by=name")


def test_only_the_proxy_is_believed_about_https(site):
    """The health of a process is served without HTTPS."""
    answers = {path: plainly(site.web, path, source="127.9.9.9") for path in ("/login/", "/health/live")}
    assert {path: answer.status for path, answer in answers.items()} == {"/login/": 301, "/health/live": 200}
    assert answers["/login/"].headers["Location"] == f"https://{DOMAIN}/login/"
    assert plainly(site.web, "/login/", source="127.0.0.1").status == 200


def plainly(port, path, source="127.0.0.1"):
    """The answer to an HTTP request that claims to be HTTPS."""
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    ) as link:
        link.request("GET", path, headers={"Host": DOMAIN, "X-Forwarded-Proto": "https"})
        with link.getresponse() as answer:
            answer.read()
            return answer


def test_files_are_cached_by_name_and_compressed(site):
    page = site.ask("GET", "/login/")[2].decode()
    style = re.search(r'href="(/static/css/app\.[0-9a-f]{12}\.css)"', page)[1]
    status, headers, body = site.ask("GET", style, headers={"Accept-Encoding": "gzip"})
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert (headers["Content-Encoding"], headers["Content-Type"]) == ("gzip", "text/css; charset=utf-8")
    assert 5_000 < len(body) < 30_000
    assert site.ask("GET", "/static/css/app.css")[1]["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_pages_are_compressed(site, mara, encoding):
    _status, headers, _body = site.ask("GET", "/", cookies=mara, headers={"Accept-Encoding": encoding})
    assert headers["Content-Encoding"] == encoding


def test_oversized_requests_are_refused_by_caddy(site):
    fields = {"username": "x" * 1_100_000}
    # A client that is still sending may find the connection closed before it reads the answer.
    status, headers, _body = until(lambda: site.ask("POST", "/login/", fields, source="127.2.3.1"))
    assert status == 413
    assert_safe(headers)


def test_an_unknown_host_gets_no_answer(site):
    status, headers, body = site.ask("GET", "/login/", headers={"Host": "evil.example"})
    assert (status, body) == (200, b"")  # Caddy knows no such site and answers nothing
    assert "Set-Cookie" not in headers


def test_visitors_have_an_address_of_their_own_kind(site):
    """R3: IPv6 and IPv4 visitors are counted separately, and the log has their address."""
    wrong, six = {"username": "nobody", "password": "wrong"}, "::1"
    answers = [site.ask("POST", "/login/", wrong, source=six)[0] for _try in range(6)]
    assert answers == [422] * 5 + [429]
    assert site.ask("POST", "/login/", wrong, source="127.2.6.1")[0] == 422
    assert [line["address"] for line in lines(site, "web") if line.get("status") == 429][-1] == six


def test_addresses_and_ids_claimed_by_a_visitor_are_dropped(site):
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Request-ID": "mine", "X-Forwarded-Proto": "http"}
    status, headers, _body = site.ask("GET", "/register/", headers=lies, source="127.2.4.1")
    assert status == 200
    request = headers["X-Request-ID"]
    line = until(lambda: next((line for line in lines(site, "web") if line.get("request") == request), None))
    assert (line["address"], line["route"]) == ("127.2.4.1", "register/")
    assert "6.6.6.6" not in site.log("web")
    assert request != "mine"


def lines(site, name):
    return [json.loads(line) for line in site.log(name).splitlines()]


# --- Streams ---------------------------------------------------------------------------------------
def test_a_change_comes_through_caddy_at_once(site, mara, run):
    number = re.search(r"\d+", run)[0]
    with site.connected() as link:
        link.request("GET", f"/live/?run={number}&at={int(time.time()) + 60}", headers={"Host": DOMAIN, "Cookie": mara})
        answer = link.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
        assert_safe(answer.headers)
        assert answer.readline() == b": hello\n"
        answer.readline()
        status, _headers, body = site.ask("POST", f"{run}ready/", {"ready": "1"}, cookies=mara)
        assert status == 302, body
        assert answer.readline() == b"data: changed\n"


@pytest.mark.browser
def test_a_browser_reports_no_errors(site, run, new_context):
    """S4: a violated policy would be an error in its console, and make this fail."""
    here = f"https://{DOMAIN}:{site.https}"
    context = new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{here}/login/?next=/admin/")
    # The browser connects by IPv6, from where nobody may log in for a minute after the test of addresses.
    name, _equals, value = site.log_in("admin", PASSWORD, source="127.2.6.2").partition("=")
    context.add_cookies([{"name": name, "value": value, "url": here, "secure": True}])
    for path in (
        "/admin/",
        "/admin/bids/run/",
        "/admin/stores/product/",
        "/admin/stores/offer/add/",
        "/health/ready",
        "/",
    ):
        assert page.goto(f"{here}{path}").status == 200
    expect(page.locator("#live")).to_contain_text("Live")


# --- Stops and starts ------------------------------------------------------------------------------
def ready(site):
    status, _headers, body = site.ask("GET", "/health/ready")
    return status, dict(line.split(": ", 1) for line in body.decode().splitlines())


def test_all_parts_are_running(site):
    assert ready(site) == (200, dict.fromkeys(("database", "redis", "live", "worker", "beat"), "ok"))


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_a_stopped_worker_or_beat_is_missed(site, name):
    """O5. The database is changed as if five minutes had passed."""
    site.stop(name)
    with psycopg.connect(site.environment("web")["DATABASE_URL"]) as link:
        link.execute("UPDATE bulq_heartbeat SET at = at - interval '6 minutes' WHERE name = %s", [name])
    try:
        status, parts = ready(site)
        assert status == 200  # people can be served
        assert parts.pop(name).startswith("not seen since 20")
        assert set(parts.values()) == {"ok"}
        assert not site.is_healthy(name)
    finally:
        site.start(name)
    site.until_healthy(name)
    assert ready(site)[1][name] == "ok"


def test_a_stopped_live_process_is_missed(site):
    site.stop("live")
    try:
        until(lambda: ready(site)[1]["live"] == "away")
    finally:
        site.start("live")
    site.until_healthy("live")
    until(lambda: ready(site)[1]["live"] == "ok")


def test_a_restart_under_load_loses_nothing(site, mara, run):
    """O2: while forms and pages come in all the time, the web process is restarted twice."""
    with load(site, run, mara) as people:
        for _time in range(2):
            site.restart("web")
            people.goes_on()


def test_people_are_told_while_the_web_process_is_away(site):
    """After waiting for it for half a minute."""
    site.stop("web")
    try:
        status, headers, body = site.ask("GET", "/login/")
        assert (status, headers["Retry-After"]) == (502, "10")
        assert b"Bulq will be back in a moment" in body
        assert_safe(headers)
    finally:
        site.start("web")
    site.until_healthy("web")
    assert site.ask("GET", "/login/")[0] == 200


# --- Refusals --------------------------------------------------------------------------------------
def test_an_incomplete_setup_refuses_to_start_and_names_everything_at_once():
    """S1."""
    with machine(SECRET_KEY="short", BACKUP_ALERT_EMAILS="", RATE_LIMIT_LOGIN="often") as site:
        released = site.release()
        assert released.returncode != 0
        assert "SECRET_KEY" in released.stderr
        assert site.children == {}


def test_it_can_be_tried_out_on_a_laptop():
    with machine(DOMAIN="localhost") as site:
        released = site.release()
        assert released.returncode == 0, released.stdout + released.stderr
        site.up()
        status, headers, page = site.ask("GET", "/login/")
        assert status == 200
        assert b"Log in" in page
        assert "__Host-csrftoken" in headers["Set-Cookie"]
