"""Days as people read them: with the weekday, and the year only when it is not this one. See also `bulq.formats`."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _


def format_day(day):
    """“Sat 28 November”, “Sat 28 November 2026” in another year. `day` is a date, or a time in the site's zone."""
    return _with_weekday("D", day)


def format_day_long(day):
    """“Saturday 28 November”, for a heading."""
    return _with_weekday("l", day)


def _with_weekday(weekday, day):
    day = timezone.localtime(day) if hasattr(day, "hour") else day
    is_this_year = day.year == timezone.localdate().year
    params = {
        "weekday": date_format(day, weekday),
        "day": date_format(day, "MONTH_DAY_FORMAT" if is_this_year else "DATE_FORMAT"),
    }
    return _("%(weekday)s %(day)s") % params
