"""Spec 66: the live process tells open pages what has changed, as far as they may know."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.actions.membership import end_membership
from accounts.tests.factories import make_group, make_user
from bids.actions import runs
from bids.tests.cast import stage
from bids.tests.factories import order
from bulq.kit import live
from bulq.tests.client import signed_in
from bulq.tests.faults import breakable_redis
from bulq.tests.live import Listener, live_process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(scope="module")
def process(django_db_setup, tmp_path_factory):
    with live_process(tmp_path_factory.mktemp("live")) as (port, child):
        yield SimpleNamespace(port=port, child=child)


@pytest.fixture
def listen(process):
    """`listen("run=5", as_=user)`: that person's stream, or a refusal."""
    live.breaker.reset()
    listeners = []

    def listen(query="", as_=None, port=None, at=None, **options):
        at = f"&at={int(time.time()) + 5 if at is None else at}"  # as if nothing could have been missed
        listeners.append(Listener(port or process.port, query + at, session_of(as_), **options))
        return listeners[-1]

    yield listen
    for listener in listeners:
        listener.close()


def session_of(user):
    if user is None:
        return ""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


# --- Who may -----------------------------------------------------------------------------------------
def test_visitors_and_outsiders_are_refused(listen):
    scene, outsider = stage(), make_user("Olga")
    own = make_group(admin=outsider)
    assert listen(f"run={scene.run.pk}").status == 403
    assert listen().status == 403
    assert [listen(what, as_=outsider).status for what in (f"run={scene.run.pk}", f"group={scene.group.pk}")] == [
        404,
        404,
    ]
    assert [listen(what, as_=outsider).status for what in ("run=999999", "group=0")] == [404, 404]
    assert [listen(what, as_=outsider).status for what in (f"group={own.pk}", "groups=all", "")] == [200, 200, 200]


def test_logged_out_and_disabled_people_are_refused(listen, process):
    bob = make_user("Bob")
    client = signed_in(bob)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    Listener(process.port, session=session).close()
    client.post("/logout/")
    assert Listener(process.port, session=session).status == 403
    session = session_of(bob)
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    assert Listener(process.port, session=session).status == 403


@pytest.mark.parametrize("number", ["x", "", "-1", "1.5", "%D9%A3", "9" * 19, "1e3", "%00"])
def test_an_invalid_number_is_not_found(listen, number):
    bob = make_user("Bob")
    assert listen(f"run={number}", as_=bob).status == (404 if number else 200)
    assert listen(as_=bob, at=number).status == (404 if number else 200)


def test_it_serves_nothing_else(listen):
    bob = make_user("Bob")
    assert listen(as_=bob, method="POST").status == 405
    assert listen(as_=bob, path="/live/other/").status == 404
    assert listen(as_=bob, path="/").status == 404


def test_an_invalid_cookie_is_refused(process):
    assert Listener(process.port, session='x"; \\;=').status == 403


def test_its_answer_is_a_stream_that_nobody_caches(listen):
    headers = listen(as_=make_user("Bob")).answer.headers
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "no-store"


def test_the_number_of_streams_per_person_is_limited(listen):
    bob, ana = make_user("Bob"), make_user("Ana")
    mine = [listen(as_=bob) for _ in range(20)]
    assert {stream.status for stream in mine} == {200}
    assert listen(as_=bob).status == 429
    assert listen(as_=ana).status == 200
    mine[0].close()
    for _try in range(50):
        if listen(as_=bob).status == 200:
            return
        time.sleep(0.1)
    raise AssertionError("a stream that was closed is still counted")


# --- What they hear ----------------------------------------------------------------------------------
def test_people_hear_of_changes_to_what_is_on_their_page(listen):
    scene = stage()
    other = stage()
    pages = {
        "run": listen(f"run={scene.run.pk}", as_=scene.bob),
        "group": listen(f"group={scene.group.pk}", as_=scene.bob),
        "home": listen("groups=all", as_=scene.bob),
    }
    inbox, elsewhere = listen(as_=scene.bob), listen(f"run={other.run.pk}", as_=other.bob)
    order(scene.run, scene.hana, scene.oil, 6)
    assert {name: page.hears() for name, page in pages.items()} == dict.fromkeys(pages, "changed")
    assert inbox.hears(0.5) is None
    runs.lock_list(scene.run, by=scene.alice)
    assert inbox.hears() == "changed"
    assert elsewhere.hears(0.5) is None


def test_people_who_lose_their_membership_hear_nothing_more(listen):
    scene = stage()
    streams = [listen(what, as_=scene.bob) for what in (f"run={scene.run.pk}", f"group={scene.group.pk}", "groups=all")]
    stays = listen(f"run={scene.run.pk}", as_=scene.hana)
    end_membership(scene.group.pk, scene.bob.pk, by=scene.adam)
    assert [until_the_end(stream) for stream in streams] == ["end"] * 3
    assert stays.hears() == "changed"
    assert listen(f"run={scene.run.pk}", as_=scene.bob).status == 404


def until_the_end(stream):
    """They may hear of the removal itself."""
    while (event := stream.hears()) == "changed":
        pass
    return event


def test_changes_between_page_and_stream_are_announced_at_once(listen):
    scene = stage()
    time.sleep(2.1)  # the age of a page has whole seconds
    asked_at = int(time.time())
    order(scene.run, scene.bob, scene.oil, 6)
    time.sleep(2.1)
    assert listen(f"run={scene.run.pk}", as_=scene.hana, at=asked_at).hears() == "changed"
    assert listen(as_=scene.hana, at=asked_at).hears(0.5) is None
    assert listen(f"run={scene.run.pk}", as_=scene.hana, at=int(time.time())).hears(0.5) is None


def test_a_page_older_than_the_process_is_told_at_once(listen):
    assert listen(as_=make_user("Bob"), at=1).hears() == "changed"


def test_several_processes_share_one_redis(listen, tmp_path):
    scene = stage()
    with live_process(tmp_path) as (port, _child):
        streams = [listen(f"run={scene.run.pk}", as_=scene.hana, port=where) for where in (None, port)]
        order(scene.run, scene.bob, scene.oil, 6)
        assert [stream.hears() for stream in streams] == ["changed", "changed"]


# --- Parts that fail ---------------------------------------------------------------------------------
def test_streams_hold_no_connection_of_the_database(listen):
    """Spec 66: counted at the server while they are open and receiving messages."""
    scene = stage()
    streams = [
        listen(f"run={scene.run.pk}", as_=who) for who in (scene.bob, scene.hana, scene.alice) for _ in range(10)
    ]
    order(scene.run, scene.bob, scene.oil, 6)
    assert {stream.hears() for stream in streams} == {"changed"}
    for _try in range(50):  # PostgreSQL needs a moment to notice that one has gone
        if not connections_held():
            return
        time.sleep(0.1)
    assert connections_held() == 0


def connections_held():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'live'")
        return cursor.fetchone()[0]


def test_without_redis_there_are_no_streams_until_it_is_back(listen, tmp_path, settings):
    """A page must know that it missed something: messages are lost meanwhile, the fact that there were some is not."""
    scene, asked_at = stage(), int(time.time())
    with breakable_redis() as broken:
        settings.LIVE_REDIS_URL = broken.url
        with live_process(tmp_path) as (port, child):

            def ask():
                return listen(f"run={scene.run.pk}", as_=scene.hana, port=port, at=asked_at)

            stream = ask()
            broken.proxy.cut_after = 0
            broken.proxy.hang_up()
            assert until_the_end(stream) == "end"
            assert ask().status == 503
            broken.proxy.cut_after = None
            deadline = time.monotonic() + 40
            while (stream := ask()).status != 200 and time.monotonic() < deadline:
                time.sleep(0.5)
            assert stream.hears() == "changed"
            assert not child.ended
        log = (tmp_path / "live.log").read_text()
    assert log.count("Redis does not answer") == log.count("Redis is back") == 1, log


def test_a_session_of_the_previous_secret_key_is_left_alone(tmp_path, listen):
    """Django gives such a session a new key, which a stream could not tell the browser: it would be logged out."""
    bob = make_user("Bob")
    cookie = session_of(bob)
    with live_process(tmp_path, SECRET_KEY="newer", SECRET_KEY_FALLBACKS=settings.SECRET_KEY) as (port, _child):
        assert Listener(port, session=cookie).status == 200
    assert Session.objects.filter(pk=cookie).exists()


def test_a_missing_database_is_not_a_final_refusal(listen, tmp_path):
    scene = stage()
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}
    with live_process(tmp_path, **nowhere) as (port, _child):
        assert listen(f"run={scene.run.pk}", as_=scene.bob, port=port).status == 503


def test_stopping_it_ends_its_streams(tmp_path, listen):
    with live_process(tmp_path) as (port, child):
        stream = listen(as_=make_user("Bob"), port=port)
        os.kill(child.process.pid, signal.SIGTERM)
        assert stream.hears(15) == "end"
        child.process.wait(15)
