"""Days and times as people of each language write them, by CLDR: with the weekday where a day is near.

What the admin's own columns say is in `bulq.formats`.
"""

import re
from functools import lru_cache

from babel import Locale
from babel.dates import format_date as format_by_pattern
from django.utils import timezone

from .money import current_locale

# International English has the day before the month; its own pattern of a day with its year has a comma more.
DATES_OF = {"en": "en_GB"}
FULL = {"en": "EEEE d MMMM y"}


def format_day(day):
    """“Sat 28 November”, “Sat 28 November 2026” in another year. `day` is a date, or a time in the site's zone."""
    return _with_weekday("EEE", day)


def format_day_long(day):
    """“Saturday 28 November”, for a heading."""
    return _with_weekday("EEEE", day)


def format_date(day):
    """“28 November 2026”."""
    return _formatted(_date(day), "long", current_locale())


def format_date_short(day):
    """“28 Nov 2026”, beside a picture or in a narrow column."""
    return _formatted(_date(day), "yMMMd", current_locale())


def format_month(day):
    """“November 2026”."""
    return _formatted(_date(day), "yMMMM", current_locale())


def format_time(time):
    """“18:00”."""
    time = timezone.localtime(time) if getattr(time, "tzinfo", None) else time
    return f"{time:%H:%M}"


def format_date_and_time(time):
    """“28 November 2026, 18:00”."""
    return f"{format_date(time)}, {format_time(time)}"


def _with_weekday(weekday, day):
    day = _date(day)
    skeleton = "MMMMEd" if day.year == timezone.localdate().year else "full"
    return _formatted(day, skeleton, current_locale(), weekday)


def _date(day):
    return timezone.localtime(day).date() if hasattr(day, "hour") else day


@lru_cache(maxsize=4096)  # a page repeats few days often
def _formatted(day, skeleton, language, weekday=""):
    locale = Locale.parse(DATES_OF.get(language, language))
    return format_by_pattern(day, _pattern(skeleton, locale, language, weekday), locale)


def _pattern(skeleton, locale, language, weekday):
    if skeleton == "long":
        return locale.date_formats["long"].pattern
    if skeleton == "full":
        return FULL.get(language, locale.date_formats["full"].pattern).replace("EEEE", weekday)
    if skeleton == "MMMMEd" and skeleton not in locale.datetime_skeletons:
        return _widened(locale.datetime_skeletons["MMMEd"].pattern.replace("MMM", "MMMM"), weekday)
    pattern = locale.datetime_skeletons[skeleton].pattern
    return _widened(pattern, weekday) if weekday else pattern


def _widened(pattern, weekday):
    """With the weekday as wide as is asked for."""
    return re.sub("[Ec]+", weekday, pattern)
