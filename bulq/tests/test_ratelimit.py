"""R1, R4 to R8, R10: how often someone may ask, on a real Redis."""

import time
from ipaddress import ip_network
from itertools import count

import pytest
from django.core.cache import caches
from django.core.checks import run_checks
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ResetRequest, User
from accounts.tests.factories import PASSWORD, make_user
from bids import states
from bids.tests.cast import stage
from bulq.kit import ratelimit
from bulq.tests.client import FormClient, signed_in

from .browser.samples import addresses, anything

pytestmark = pytest.mark.django_db
_numbers = count(1)
A_DAY = {"login": "5/d", "login_name": "5/d", "registration": "5/d", "bids": "20/d", "general": "100/d"}
A_DAY |= {"reset": "5/d", "reset_recipient": "3/d", "calendar": "60/d"}


def elsewhere():
    """An address that nobody else in the test run has."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture(autouse=True)
def limits(settings):
    """The numbers of production, in a window that does not end while the test runs."""
    caches["limits"].clear()
    settings.RATELIMIT_ENABLE = True
    settings.RATE_LIMITS = dict(A_DAY)
    return settings.RATE_LIMITS


def log_in(name="nobody", address=None, password="wrong", path="login", **headers):
    client = FormClient(REMOTE_ADDR=address or elsewhere())
    return client.post(reverse(path), {"username": name, "password": password}, **headers)


def statuses(times, ask):
    return [ask().status_code for _ in range(times)]


# --- What counts -----------------------------------------------------------------------------------
def test_five_logins_a_minute_from_one_address():
    """R1."""
    here = elsewhere()
    assert statuses(6, lambda: log_in(address=here)) == [422] * 5 + [429]
    assert log_in(address=elsewhere()).status_code == 422


def test_five_registrations_and_they_do_not_count_as_logins():
    """R1: separate counters."""
    client = FormClient(REMOTE_ADDR=elsewhere())
    assert statuses(6, lambda: client.post("/register/", {})) == [422] * 5 + [429]
    assert log_in(address=client.defaults["REMOTE_ADDR"]).status_code == 422


def test_reading_the_login_form_counts_like_any_other_page():
    """R1: the general limit, by address for visitors."""
    client = FormClient(REMOTE_ADDR=elsewhere())
    assert set(statuses(100, lambda: client.get("/login/"))) == {200}
    assert client.get("/login/").status_code == 429
    assert client.get("/nowhere/").status_code == 429
    assert client.post("/login/", {}).status_code == 422, "logging in has a counter of its own"


def test_twenty_saved_orders_a_minute():
    """R1: from any page, separate from everything else."""
    scene = stage(states.ACTIVE)
    client = signed_in(scene.bob)
    table, product = (
        reverse("run-order", args=[scene.run.pk]),
        reverse("run-product", args=[scene.run.pk, scene.oil.pk]),
    )
    line = {f"q-{scene.oil.pk}": "5", f"was-{scene.oil.pk}": "4"}
    saved = statuses(19, lambda: client.post(table, line))
    assert set(saved) == {302}
    assert client.post(product, {"quantity": "6", "was": "5"}).status_code == 302
    assert client.post(table, line).status_code == 429
    assert scene.wanted(scene.bob, scene.oil) == 6
    assert client.get(product).status_code == 200


@pytest.mark.slow
def test_logged_in_people_are_counted_by_person():
    """R7: thirty friends behind one address."""
    here = elsewhere()
    people = [signed_in(make_user(f"Friend {number}", username=f"friend{number}")) for number in range(30)]
    for client in people:
        assert statuses(4, lambda client=client: client.get("/runs/0/", REMOTE_ADDR=here)) == [404] * 4
    alone = people[0]
    assert statuses(97, lambda: alone.get("/runs/0/", REMOTE_ADDR=elsewhere()))[-2:] == [404, 429]


def test_after_the_wait_that_it_names_the_next_request_passes(limits):
    """R1."""
    limits["general"] = "1/2s"
    client = FormClient(REMOTE_ADDR=elsewhere())
    for _try in range(10):  # two in a row may fall into different windows
        if (answer := client.get("/login/")).status_code == 429:
            break
    wait = int(answer["Retry-After"])
    assert 1 <= wait <= 2
    time.sleep(wait)
    assert client.get("/login/").status_code == 200


def test_every_counter_expires():
    """R2: a key that never expires would lock someone out for good."""
    log_in()
    FormClient(REMOTE_ADDR=elsewhere()).get("/login/")
    keys = list(caches["limits"].iter_keys("*"))
    assert len(keys) == 3
    assert all(caches["limits"].ttl(key) for key in keys)


def test_password_reset_mails_are_counted_by_sender_and_by_recipient():
    """R1: whether or not anyone has that address, in any spelling; nobody is flooded with mails."""
    addresses = ("ana@example.org", "Ana@Example.org ", "ANA@EXAMPLE.ORG", "ana@example.org")
    asked = [FormClient(REMOTE_ADDR=elsewhere()).post("/password-reset/", {"email": email}) for email in addresses]
    assert [answer.status_code for answer in asked] == [302, 302, 302, 429]
    assert "minutes, then try again" in asked[-1].text
    here = FormClient(REMOTE_ADDR=elsewhere())
    posts = [here.post("/password-reset/", {"email": f"{number}@example.org"}) for number in range(6)]
    assert [answer.status_code for answer in posts] == [302] * 5 + [429]
    assert ResetRequest.objects.count() == 8
    assert log_in(address=here.defaults["REMOTE_ADDR"]).status_code == 422


# --- Who is counted --------------------------------------------------------------------------------
def test_a_name_is_counted_in_any_spelling(limits):
    """R6: and by address, so that only this address has to wait."""
    limits["login"] = "1000/d"
    make_user("Bob", username="bob")
    here = elsewhere()
    names = ["bob", "BOB", " bob ", "Bob", "ｂｏｂ"]
    assert [log_in(name, here).status_code for name in names] == [422] * 5
    assert log_in("bob", here).status_code == 429
    assert log_in("ana", here).status_code == 422


def test_nobody_can_lock_a_victim_out_from_elsewhere():
    """R6: a thousand tries from two hundred addresses; only the counting is done here."""
    User.objects.create_user("mara", PASSWORD, name="Mara")
    enemies = [RequestFactory(REMOTE_ADDR=elsewhere()) for _ in range(200)]
    tries = [enemy.post("/login/", {"username": "mara"}) for enemy in enemies for _ in range(6)]
    waits = [ratelimit.seconds_to_wait(request, ratelimit.limit_of(request)) > 0 for request in tries]
    assert waits == ([False] * 5 + [True]) * 200
    assert log_in("mara", password=PASSWORD).status_code == 302


HEADERS = [
    {"X-Forwarded-For": "{}"},
    {"X-Forwarded-For": "{}, {}"},
    {"X-Real-IP": "{}"},
    {"Forwarded": "for={}"},
    {"X-Client-IP": "{}", "CF-Connecting-IP": "{}", "True-Client-IP": "{}"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=["one", "two", "real ip", "forwarded", "others"])
def test_a_direct_visitor_stays_one_visitor_whatever_the_headers_say(headers):
    """R3: only a trusted proxy is believed."""
    here = elsewhere()

    def ask():
        return log_in(address=here, headers={name: text.format(*[elsewhere()] * 2) for name, text in headers.items()})

    assert statuses(6, ask) == [422] * 5 + [429]


def test_a_trusted_proxy_is_believed_about_the_last_address(settings):
    """R3: what a client put to the left of it does not count."""
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    here = elsewhere()

    def ask(client):
        return log_in(address="127.0.0.1", headers={"X-Forwarded-For": f"{elsewhere()}, {client}"})

    assert statuses(6, lambda: ask(here)) == [422] * 5 + [429]
    assert ask(elsewhere()).status_code == 422


@pytest.mark.slow
def test_a_busy_minute_of_twenty_people_stays_within_the_limits():
    """R9, spec 66: three visible tabs each that refresh every three seconds, and an order saved every three."""
    people = [make_user(f"Friend {number}") for number in range(20)]
    asked = ["/runs/1/"] * 60 + ["/runs/1/add/"] * 15
    for person in people:
        requests = [RequestFactory().get(path) for path in asked]
        requests += [RequestFactory().post("/runs/1/order/") for _ in range(20)]
        for request in requests:
            request.user = person
            assert ratelimit.seconds_to_wait(request, ratelimit.limit_of(request)) == 0


# --- The answer ------------------------------------------------------------------------------------
def test_the_answer_keeps_what_was_typed_and_says_how_long_to_wait(limits):
    """R5."""
    limits["login"] = "0/m"
    answer = log_in('Mara & "Jon"', password="secret words")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 61
    assert "no-store" in answer["Cache-Control"]
    assert f"Wait {answer['Retry-After']} second" in answer.text
    assert 'name="username" value="Mara &amp; &quot;Jon&quot;"' in answer.text
    assert 'name="password" type="password"' in answer.text
    assert "secret words" not in answer.text


def test_a_refused_page_can_be_requested_again(limits):
    limits["general"] = "0/m"
    answer = FormClient(REMOTE_ADDR=elsewhere()).get("/login/?next=/groups/")
    assert answer.status_code == 429
    assert 'href="/login/?next=/groups/"' in answer.text


def test_a_script_gets_a_banner(limits):
    """R5: the page stays as it is."""
    scene = stage(states.ACTIVE)
    limits["bids"] = "0/m"
    answer = signed_in(scene.bob).post(
        reverse("run-order", args=[scene.run.pk]), {f"q-{scene.oil.pk}": "5"}, headers={"HX-Request": "true"}
    )
    assert (answer.status_code, answer["HX-Retarget"]) == (429, "#messages")
    assert answer["Retry-After"]
    assert "<html" not in answer.text


@pytest.mark.parametrize("path", ["login", "register"])
def test_refusing_a_visitor_costs_no_query_and_no_hashing(limits, path, monkeypatch):
    """R5: also when they send a session cookie."""
    limits |= {"login": "0/m", "registration": "0/m"}
    client = signed_in(make_user("Bob"))
    monkeypatch.setattr("django.contrib.auth.authenticate", None)
    monkeypatch.setattr("django.contrib.auth.hashers.make_password", None)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.post(reverse(path), {"username": "bob", "password": PASSWORD}, REMOTE_ADDR=elsewhere())
    assert answer.status_code == 429
    assert queries.captured_queries == []


def test_refusing_a_logged_in_person_costs_two_queries(limits):
    """R5."""
    limits["general"] = "0/m"
    client = signed_in(make_user("Bob"))
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/").status_code == 429
    assert len(queries) == 2


# --- Everywhere ------------------------------------------------------------------------------------
def test_every_address_has_a_limit(limits):
    """R8: the admin, password reset and invitations included; the exceptions are one list."""
    limits |= dict.fromkeys(limits, "0/d")
    limited = [(name, converters) for name, converters in addresses() if name not in ratelimit.EXEMPT]
    walked = [reverse(name, kwargs=anything(converters)) for name, converters in limited]
    walked += ["/admin/", "/admin/login/", "/admin/accounts/user/", "/nowhere/"]
    assert len(walked) > 80
    for path in walked:
        client = FormClient(REMOTE_ADDR=elsewhere())
        assert (path, client.get(path).status_code, client.post(path, {}).status_code) == (path, 429, 429)
    assert {name for name, _converters in addresses()} >= ratelimit.EXEMPT


def test_the_admin_login_is_counted_like_the_other_one():
    """R8, R6: one counter for both login pages."""
    here = elsewhere()
    assert statuses(3, lambda: log_in(address=here)) == [422] * 3
    assert statuses(3, lambda: log_in(address=here, path="admin:login")) == [200, 200, 429]


def test_the_admin_has_its_own_login_that_leads_back_there():
    User.objects.create_superuser("root", PASSWORD, name="Root")
    client = FormClient(REMOTE_ADDR=elsewhere())
    sent = {"username": "root", "password": PASSWORD, "next": "/admin/"}
    answer = client.post(reverse("admin:login"), sent, once=False)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


# --- Settings --------------------------------------------------------------------------------------
def complaints():
    return {message.id for message in run_checks(include_deployment_checks=True) if message.id.startswith("bulq.")}


def test_unsafe_production_settings_are_errors(settings):
    """R10."""
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.BACKUP_FOLDER, settings.BACKUP_ALERT_EMAILS = "/srv/backups", ["operator@bulq.test"]
    settings.ADMIN_SECOND_FACTOR = True
    assert complaints() == set()
    settings.TRUSTED_PROXIES = []
    assert complaints() == {"bulq.E003"}
    settings.RATELIMIT_ENABLE = False
    assert complaints() == {"bulq.E002", "bulq.E003"}
    alone = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = {"default": alone, "limits": alone}
    assert complaints() == {"bulq.E002", "bulq.E003", "bulq.E004"}


@pytest.mark.parametrize("rate", ["5/w", "5", "", "/m", "5/0m", "-5/m", "5 / m"])
def test_an_unreadable_rate_is_an_error(settings, rate):
    """5/w would silently mean five a second."""
    settings.RATE_LIMITS = A_DAY | {"login": rate}
    assert "bulq.E001" in complaints()


def test_rates_are_read_as_the_library_reads_them():
    assert [ratelimit.parsed_rate(rate) for rate in ("5/m", "5/3s", "20/2h", "1/d")] == [
        (5, 60),
        (5, 3),
        (20, 7200),
        (1, 86400),
    ]
