"""Names of time zones, and the moments that clocks on the wall mean in them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.forms import GroupForm
from accounts.models import Group
from accounts.tests.factories import make_user
from bids.forms import ClosingFields
from bids.templatetags.closing import time_left
from bulq.kit.zones import format_moment, moments, parse_zone, proposed_zones, zone_label
from bulq.tests.client import signed_in

VIENNA = ZoneInfo("Europe/Vienna")
NAMES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/")))


# --- Names -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "name"),
    [("Europe/Vienna", "Europe/Vienna"), ("europe/vienna", "Europe/Vienna"), ("america/new york", "America/New_York"),
     (" UTC ", "UTC"), ("utc", "UTC")],
)  # fmt: skip
def test_a_zone_is_found_by_its_name(typed, name):
    assert parse_zone(typed) == name


@pytest.mark.parametrize(
    "typed",
    ["Europe", "\0", "../x", "/etc/passwd", "posix/Europe/Belgrade", "right/UTC", "localtime", "Factory", "posixrules",
     "Vienna!", "Europe/Vienna\0", "x" * 5000, "CEST", "tzdata.zi", "Europe/../Europe/Vienna", "zone.tab"],
)  # fmt: skip
def test_anything_else_is_a_sentence(typed):
    with pytest.raises(ValidationError, match="Choose a time zone from the list"):
        parse_zone(typed)


def test_what_is_proposed_is_accepted():
    assert {"UTC", "Europe/Vienna", "Asia/Kolkata"} <= set(proposed_zones())
    assert [parse_zone(name) for name in proposed_zones()] == proposed_zones()


def test_a_group_gets_the_zone_of_the_site_or_another(db, settings):
    settings.TIME_ZONE = "Europe/Vienna"
    client = signed_in(make_user("Alice"))
    page = client.get("/groups/new/").text
    assert 'value="Europe/Vienna"' in page
    assert '<option value="Asia/Kolkata">' in page
    for typed in ("", "asia/kolkata"):
        client.post("/groups/new/", {"name": f"Club {typed}", "currency": "EUR", "timezone": typed})
    assert set(Group.objects.values_list("timezone", flat=True)) == {"Europe/Vienna", "Asia/Kolkata"}
    refused = client.post("/groups/new/", {"name": "Club", "currency": "EUR", "timezone": "Europe"})
    assert refused.status_code == 422
    assert "Choose a time zone from the list" in refused.text
    assert Group(name="Old").zone.key == "Europe/Vienna"
    assert GroupForm({"name": "Club", "currency": "EUR"}).is_valid()


# --- Moments ---------------------------------------------------------------------------------------
def test_a_time_that_is_skipped_means_no_moment_and_a_doubled_one_two():
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)
    assert moments(spring, time(2, 30), VIENNA) == []
    assert moments(spring, time(3, 0), VIENNA) == [datetime(2027, 3, 28, 1, 0, tzinfo=UTC)]
    assert moments(autumn, time(2, 30), VIENNA) == [datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert moments(autumn, time(3, 0), VIENNA) == [datetime(2027, 10, 31, 2, 0, tzinfo=UTC)]
    # Half an hour on Lord Howe Island; a whole day was skipped on Samoa.
    assert len(moments(date(2027, 4, 4), time(1, 45), ZoneInfo("Australia/Lord_Howe"))) == 2
    assert len(moments(date(2027, 4, 4), time(1, 15), ZoneInfo("Australia/Lord_Howe"))) == 1
    assert moments(date(2011, 12, 30), time(12, 0), ZoneInfo("Pacific/Apia")) == []


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.sampled_from(NAMES))
def test_each_moment_reads_back_as_what_was_typed(typed, name):
    typed, zone = typed.replace(second=0, microsecond=0), ZoneInfo(name)
    found = moments(typed.date(), typed.time(), zone)
    assert len(found) <= 2
    assert found == sorted(set(found))
    assert all(moment.astimezone(zone).replace(tzinfo=None, fold=0) == typed for moment in found)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.sampled_from(NAMES))
def test_each_moment_can_be_typed(moment, name):
    moment, zone = moment.replace(second=0, microsecond=0, tzinfo=UTC), ZoneInfo(name)
    local = moment.astimezone(zone)
    assert moment in moments(local.date(), local.time(), zone)


# --- Words -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "label"),
    [("Europe/Vienna", "CEST (UTC+2)"), ("America/Sao_Paulo", "UTC-3"), ("Asia/Kolkata", "IST (UTC+5:30)"),
     ("Asia/Kathmandu", "UTC+5:45"), ("UTC", "UTC"), ("America/St_Johns", "NDT (UTC-2:30)")],
)  # fmt: skip
def test_a_zone_is_shown_by_its_letters_and_its_distance(name, label):
    assert zone_label(datetime(2027, 7, 1, 12, 0, tzinfo=ZoneInfo(name))) == label


def test_a_moment_is_shown_in_full():
    moment = datetime(2027, 11, 25, 17, 0, tzinfo=UTC)
    assert format_moment(moment, VIENNA) == "Thu 25 November 2027, 18:00 CET (UTC+1)"


@pytest.mark.parametrize(
    ("left", "text"),
    [({"days": 3, "hours": 5}, "in 3 days"), ({"hours": 47}, "in 47 h"), ({"hours": 5, "minutes": 59}, "in 5 h"),
     ({"hours": 2, "minutes": 40}, "in 2 h 40 min"), ({"hours": 1}, "in 1 h"), ({"minutes": 59}, "in 59 min"),
     ({"seconds": 5}, "in 1 min")],
)  # fmt: skip
def test_what_is_left(left, text):
    assert time_left(timedelta(**left)) == text


# --- The fields ------------------------------------------------------------------------------------
def typed(day, at, **more):
    form = ClosingFields({"closing_day": str(day), "closing_time": at} | more, zone=VIENNA)
    form.is_valid()
    return form


TODAY = datetime.now(VIENNA).date()
REFUSED = {
    "a day without a time": (TODAY, "", {}, "closing_time", "Enter the time as well"),
    "a time without a day": ("", "18:00", {}, "closing_day", "Enter the day as well"),
    "yesterday": (TODAY - timedelta(days=1), "18:00", {}, "closing_day", "has passed"),
    "in years": (TODAY + timedelta(days=400), "18:00", {}, "closing_day", "within the next year"),
    "the last day there is": ("9999-12-31", "23:59", {}, "closing_day", "within the next year"),
    "the first day there is": ("0001-01-01", "00:00", {}, "closing_day", "has passed"),
    "no day": ("tomorrow", "18:00", {}, "closing_day", "Enter a day"),
    "no time": (TODAY, "25:00", {}, "closing_time", "Enter a time"),
    "neither lock nor tell": (TODAY, "18:00", {"at_closing": "x"}, "at_closing", "Choose one of the two"),
    "neither first nor second": (TODAY, "18:00", {"which": "x"}, "which", "Choose one of the two"),
}


@pytest.mark.parametrize(("day", "at", "more", "field", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_at_its_field(day, at, more, field, sentence):
    form = typed(day, at, **more)
    assert form.errors.keys() == {field}
    assert sentence in form.errors[field][0]


def test_nothing_is_no_closing_time():
    form = typed("", "")
    assert form.is_valid()
    assert form.closing.at is None
