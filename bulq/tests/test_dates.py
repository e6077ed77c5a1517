"""Spec 104: days and times as CLDR has them in each language."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone
from django.utils.translation import override

from bulq.kit import dates

YEAR = "2026\u202fг."  # with a narrow space
DAY = date(2026, 11, 28)
WRITTEN = {
    "en": ("Sat 28 November", "Saturday 28 November", "28 November 2026", "28 Nov 2026", "November 2026"),
    "sr-latn": ("sub, 28. novembar", "subota, 28. novembar", "28. novembar 2026.", "28. nov 2026.", "novembar 2026."),
    "sr": ("суб, 28. новембар", "субота, 28. новембар", "28. новембар 2026.", "28. нов 2026.", "новембар 2026."),
    "ru": (
        "сб, 28 ноября",
        "суббота, 28 ноября",
        "28 ноября 2026\u202fг.",
        "28 нояб. 2026\u202fг.",
        "ноябрь 2026\u202fг.",
    ),
}
FORMATS = (dates.format_day, dates.format_day_long, dates.format_date, dates.format_date_short, dates.format_month)


@pytest.fixture
def today(monkeypatch):
    return lambda day: monkeypatch.setattr(timezone, "localdate", lambda: day)


@pytest.mark.parametrize("language", WRITTEN)
def test_days_of_this_year(language, today):
    today(date(2026, 6, 1))
    with override(language):
        assert tuple(write(DAY) for write in FORMATS) == WRITTEN[language]


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "Sat 28 November 2026"),
        ("sr-latn", "sub, 28. novembar 2026."),
        ("sr", "суб, 28. новембар 2026."),
        ("ru", "сб, 28 ноября 2026\u202fг."),
    ],
)
def test_a_day_of_another_year_says_which(language, written, today):
    today(date(2025, 6, 1))
    with override(language):
        assert dates.format_day(DAY) == written


def test_a_time_is_told_in_the_zone_of_the_site(settings):
    settings.TIME_ZONE = "Europe/Belgrade"
    late = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert dates.format_date_and_time(late) == "28 November 2026, 00:30"
