"""The newest errors and refusals on the front page of the admin: bounded, without secrets, and never in the way."""

import pytest
from django.test import Client
from django_redis import get_redis_connection

from accounts.tests.factories import make_group, make_user
from bulq.tests.client import FormClient, signed_in
from bulq.tests.faults import breakable_redis
from bulq.watch import trouble

from .test_redis_faults import use

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def none():
    trouble.breaker.reset()
    get_redis_connection("default").delete(*map(trouble._key, trouble.LISTS))
    yield
    trouble.breaker.reset()


def found():
    return [(one.route, one.status, one.count) for one in trouble.newest()]


def test_refusals_are_counted_by_route_and_status():
    alice = signed_in(make_user("Alice"))
    for run in (1, 2):
        alice.get(f"/runs/{run}/?q=canary")
    alice.get("/nowhere/canary/")
    alice.get("/stores/")
    assert found() == [("runs/<int:run_id>/", 404, 2)]


def test_errors_come_first_and_the_newest_before_older_ones():
    for route, status in (("a/", 500), ("b/", 503), ("c/", 403), ("a/", 500), ("health/ready", 503), ("-", 404)):
        trouble.note(route, status)
    assert found() == [("a/", 500, 2), ("b/", 503, 1), ("c/", 403, 1)]


def test_the_lists_are_bounded_and_refusals_never_push_out_an_error():
    trouble.note("a/", 500)
    for _time in range(trouble.KEPT + 20):
        trouble.note("b/", 429)
    assert found() == [("a/", 500, 1), ("b/", 429, trouble.KEPT)]
    assert 0 < get_redis_connection("default").ttl(trouble._key("errors")) <= trouble.SECONDS


def test_nothing_of_the_address_the_form_or_the_person_is_kept():
    group = make_group(admin=make_user("Alice Canary"))
    FormClient().post(f"/join/{group.join_token}/?next=canary-next", {"name": "canary-name", "once": "x"})
    signed_in(make_user("Bob")).get("/groups/999999/?token=canary-token")
    kept = b"".join(line for lines in trouble._lines() for line in lines)
    assert b"404 groups/<int:group_id>/" in kept
    for secret in ("canary", group.join_token, "999999"):
        assert secret.encode().lower() not in kept.lower()


def test_the_front_page_shows_them_only_when_there_are_any():
    root = signed_in(make_user("Root", is_staff=True, is_superuser=True))
    assert 'id="trouble"' not in root.get("/admin/").text
    trouble.note("runs/<int:run_id>/", 403)
    trouble.note("runs/<int:run_id>/", 403)
    page = root.get("/admin/").text
    assert "runs/&lt;int:run_id&gt;/" in page
    assert "2 times" in page


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stop", "hang"])
def test_without_redis_requests_are_answered_and_the_front_page_says_so(fault, settings):
    root = signed_in(make_user("Root", is_staff=True, is_superuser=True))
    with breakable_redis() as server:
        use(settings, server.url)
        settings.RATELIMIT_ENABLE = False
        getattr(server, fault)()
        assert Client().get("/runs/1/").status_code == 302
        assert [root.get("/runs/1/").status_code for _time in range(20)] == [404] * 20
        assert trouble.newest() is None
        assert "They are kept in Redis, which does not answer." in root.get("/admin/").text
