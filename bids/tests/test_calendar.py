"""P5, spec 85: the calendar of a person, as another program reads it."""

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from ical.calendar_stream import IcsCalendarStream

from accounts.actions.groups import change_group
from accounts.actions.membership import end_membership
from accounts.actions.people import close_account, renew_calendar
from accounts.models import User
from bids import states
from bids.actions import merging, runs
from bids.actions.bidding import Wish, place_bids
from bids.actions.clock import close_due
from bids.actions.closing import NO_CLOSING, ClosingTime, closing_version, move_closing
from bids.actions.runs import details_version, edit_run
from bids.models import Run
from bids.reading.calendar import Entry
from bids.views import calendar as view
from bulq.tests.client import FormClient, as_read, signed_in
from stores.models import Store
from stores.tests.factories import make_store

from .cast import D, stage
from .closing import close_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SATURDAY = date.today() + timedelta(days=9)


def address_of(person):
    return f"/calendar/{renew_calendar(by=person).calendar_token}.ics"


def events(address, **headers):
    """By kind, as the other library reads them."""
    answer = Client().get(address, headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = IcsCalendarStream.calendar_from_ics(answer.text).events
    assert len({event.uid for event in found}) == len(found)
    return {event.uid.split("-")[2].partition("@")[0]: event for event in found}


def scene_in(state):
    """A run with a day, and a closing time that was to come when it was set."""
    scene = stage(state)
    Run.objects.filter(pk=scene.run.pk).update(day=SATURDAY)
    close_in(scene.run, DAY)
    return scene


# --- What is in it ---------------------------------------------------------------------------------
@pytest.mark.parametrize("state", states.TRANSITIONS)
def test_in_every_state_of_a_run_another_library_reads_it(state):
    """P5: open runs and runs that were called off; not what is over."""
    scene = scene_in(state)
    found = events(address_of(scene.dora))
    if state == states.COMPLETED:
        assert found == {}
        return
    day, closing = found["day"], found["closing"]
    assert (day.uid, closing.uid) == (f"run-{scene.run.pk}-day@bulq", f"run-{scene.run.pk}-closing@bulq")
    assert (day.dtstart, day.dtend, day.transparency) == (SATURDAY, SATURDAY + DAY, "TRANSPARENT")
    assert closing.dtstart == scene.run.closes_at.replace(microsecond=0)
    assert closing.dtstart.utcoffset() == timedelta()
    called_off = state == states.CANCELLED
    title = f"{scene.run.store.name}, {scene.group.name}"
    assert day.summary == (f"Called off: {title}" if called_off else title)
    assert day.status == ("CANCELLED" if called_off else "CONFIRMED")
    assert closing.status == ("CONFIRMED" if state in states.COLLECTING else "CANCELLED")
    for event in (day, closing):
        assert event.dtstamp == event.last_modified
        assert str(event.url).endswith(f"/runs/{scene.run.pk}/")


def test_a_run_with_neither_is_not_in_it_and_each_can_be_alone():
    scene = stage()
    address = address_of(scene.bob)
    assert events(address) == {}
    Run.objects.filter(pk=scene.run.pk).update(day=SATURDAY)
    assert events(address).keys() == {"day"}
    Run.objects.filter(pk=scene.run.pk).update(day=None)
    close_in(scene.run, DAY)
    assert events(address).keys() == {"closing"}


def test_a_list_that_closed_by_itself_keeps_its_closing():
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.bob)
    close_due(timezone.now() + 2 * DAY)
    assert scene.state == states.CONFIRMED
    assert events(address)["closing"].status == "CONFIRMED"


def test_what_was_called_off_stays_for_thirty_days():
    scene = scene_in(states.CANCELLED)
    address = address_of(scene.bob)
    Run.objects.update(state_at=timezone.now() - 29 * DAY)
    assert events(address)["day"].status == "CANCELLED"
    Run.objects.update(state_at=timezone.now() - 31 * DAY)
    assert events(address) == {}


def test_what_is_long_past_is_left_out():
    scene = scene_in(states.DISTRIBUTING)
    Run.objects.update(day=timezone.localdate() - 31 * DAY)
    assert events(address_of(scene.bob)).keys() == {"closing"}


def test_the_file_itself():
    """What other programs insist on, though the library does not write it unasked."""
    scene = scene_in(states.ACTIVE)
    answer = Client().get(address_of(scene.bob))
    lines = answer.text.split("\r\n")
    assert {"REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H", "VERSION:2.0"} <= set(lines)
    assert f"DTSTART;VALUE=DATE:{SATURDAY:%Y%m%d}" in lines
    assert f"DTSTART:{scene.run.closes_at:%Y%m%dT%H%M%SZ}" in lines
    assert lines.count("SEQUENCE:1") == 2  # it has become active
    assert max(len(line.encode()) for line in lines) <= 75
    assert "private" in answer["Cache-Control"]


def test_nothing_of_anyones_order_is_in_it():
    scene = scene_in(states.ACTIVE)
    text = Client().get(address_of(scene.bob)).text
    for secret in (scene.oil.name, scene.gouda.name, "Alice", "Hana", scene.run.note or "note"):
        assert secret not in text


def test_control_characters_in_a_name_do_not_break_it():
    entry = Entry(1, "day", "a\x00b\x0bc\r\nd;e,f", SATURDAY, False, 0, timezone.now())
    [event] = IcsCalendarStream.calendar_from_ics(view._written([entry]).decode()).events
    assert event.summary == "abc\nd;e,f"


def test_in_a_doubled_hour_it_is_the_right_moment():
    scene = stage()
    at = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    move_closing(scene.run, ClosingTime(at), by=scene.alice, version=closing_version(scene.run))
    assert events(address_of(scene.bob))["closing"].dtstart == at


# --- Updates ---------------------------------------------------------------------------------------
def _move(scene, closing):
    run = scene.fresh()
    move_closing(run, closing, by=scene.alice, version=closing_version(run))


def _edit(scene, day):
    run = scene.fresh()
    edit_run(run, by=scene.alice, day=day, note="", version=details_version(run))


def _rename_store(scene):
    store = Store.objects.get(pk=scene.run.store_id)
    store.name = "Elsewhere"
    store.save()


CHANGES = {
    "another closing time": (lambda scene: _move(scene, ClosingTime(timezone.now() + 3 * DAY)), {"closing"}),
    "another day": (lambda scene: _edit(scene, SATURDAY + DAY), {"day", "closing"}),
    "locked": (lambda scene: runs.lock_list(scene.run, by=scene.alice), {"day", "closing"}),
    "called off": (lambda scene: runs.call_off(scene.run, by=scene.alice), {"day", "closing"}),
    "the group's name": (lambda scene: change_group(scene.group.pk, by=scene.adam, name="New"), {"day", "closing"}),
    "the store's name": (_rename_store, {"day", "closing"}),
    "another store": (
        lambda scene: merging.merge(scene.run.store, make_store("Target"), by=scene.adam),
        {"day", "closing"},
    ),
}


@pytest.mark.parametrize(("change", "changed"), CHANGES.values(), ids=CHANGES)
def test_a_change_keeps_the_uid_and_raises_the_sequence_once(change, changed):
    """P5."""
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.dora)
    before, etag = events(address), Client().get(address)["ETag"]
    change(scene)
    after = events(address)
    for kind in ("day", "closing"):
        assert after[kind].uid == before[kind].uid
        assert after[kind].sequence == before[kind].sequence + (kind in changed)
    assert after["closing"] != before["closing"]
    assert Client().get(address)["ETag"] != etag
    assert max(after[kind].last_modified for kind in changed) >= before["closing"].last_modified


def test_a_closing_time_that_comes_back_counts_on():
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.dora)
    before = events(address)["closing"].sequence
    _move(scene, NO_CLOSING)
    assert events(address).keys() == {"day"}
    _move(scene, ClosingTime(timezone.now() + 3 * DAY))
    assert events(address)["closing"].sequence == before + 2


def test_orders_change_nothing_and_the_answer_is_short():
    """P5: 304 as long as nothing has changed, and not a moment longer."""
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.dora)
    etag = Client().get(address)["ETag"]
    place_bids(scene.run, [Wish(scene.oil.pk, D(7))], by=scene.bob)
    answer = Client().get(address, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    runs.call_off(scene.run, by=scene.alice)
    assert events(address, if_none_match=etag)["day"].status == "CANCELLED"


# --- Whose it is -----------------------------------------------------------------------------------
def test_a_group_that_someone_has_left_is_gone_from_it():
    """P5."""
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.dora)
    assert len(events(address)) == 2
    end_membership(scene.group.pk, scene.dora.pk, by=scene.dora)
    assert events(address) == {}
    assert events(address_of(scene.charlie)) == {}


def test_a_renewed_address_is_dead_at_once_and_answers_like_any_other():
    """P5."""
    scene = scene_in(states.ACTIVE)
    old = address_of(scene.bob)
    new = address_of(scene.bob)
    assert len(events(new)) == 2
    unknown = [Client().get(url) for url in (old, "/calendar/unknown.ics", f"/calendar/{'x' * 43}.ics")]
    assert {(answer.status_code, as_read(answer)) for answer in unknown} == {(404, as_read(unknown[0]))}
    close_account(by=scene.bob)
    assert Client().get(new).status_code == 404


def test_it_is_made_shown_and_renewed_on_the_account_page():
    scene = stage()
    client = signed_in(scene.bob)
    assert "Make a calendar address" in client.get("/me/settings/").text
    assert client.post("/me/settings/calendar/").status_code == 302
    bob = User.objects.get(pk=scene.bob.pk)
    assert len(bob.calendar_token) == 43  # 256 bits
    assert f"/calendar/{bob.calendar_token}.ics" in client.get("/me/settings/").text
    client.post("/me/settings/calendar/")
    assert User.objects.get(pk=scene.bob.pk).calendar_token != bob.calendar_token


def test_it_has_a_limit_of_its_own(settings):
    settings.RATELIMIT_ENABLE, settings.RATE_LIMITS = True, settings.RATE_LIMITS | {"calendar": "2/d"}
    client = FormClient(REMOTE_ADDR="198.51.100.77")
    statuses = [client.get("/calendar/unknown.ics").status_code for _time in range(3)]
    assert statuses == [404, 404, 429]
    assert client.get("/login/").status_code == 200


def test_no_log_line_has_the_address(caplog):
    """P5: a canary."""
    caplog.set_level(logging.DEBUG)
    scene = scene_in(states.ACTIVE)
    address = address_of(scene.bob)
    token = User.objects.get(pk=scene.bob.pk).calendar_token
    for url in (address, address + "?x=1", address.removesuffix(".ics"), address + "/"):
        Client().get(url)
        Client().post(url)
    lines = [record.getMessage() for record in caplog.records]
    assert any("calendar/<str:token>.ics 200" in line for line in lines)
    assert not any(token in line for line in lines if not line.startswith(("(", "SELECT", "UPDATE")))
