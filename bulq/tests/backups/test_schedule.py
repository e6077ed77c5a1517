"""B21: every night once, by UTC."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulq.backups.schedule import last_drill, last_night

MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None))


@given(MOMENTS, TIMES)
def test_the_last_night_is_less_than_a_day_ago_and_at_the_set_time(now, at):
    night = last_night(now, at)
    assert timedelta(0) <= now - night < timedelta(days=1)
    assert night.time() == at


@given(MOMENTS, TIMES)
def test_the_last_drill_is_the_night_of_a_sunday_less_than_a_week_ago(now, at):
    drill = last_drill(now, at)
    assert timedelta(0) <= now - drill < timedelta(days=7)
    assert (drill.strftime("%A"), drill.time()) == ("Sunday", at)


@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])
@pytest.mark.parametrize("at", [time(0, 30), time(1, 30), time(2, 30), time(3)])
def test_there_is_one_night_a_day_even_when_clocks_change(day, at):
    """From noon to noon in Belgrade, where a day has 23 or 25 hours then."""
    noon = day.replace(hour=12, tzinfo=ZoneInfo("Europe/Belgrade"))
    nights = [last_night((noon + timedelta(days=n)).astimezone(UTC), at) for n in (-1, 0, 1)]
    assert [later - earlier for earlier, later in pairwise(nights)] == [timedelta(days=1)] * 2
