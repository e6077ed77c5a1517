"""Time zones by their IANA names, and how a moment is read and written in one."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from .dates import format_day

# In the list of the machine, but not names of places: copies with other leap seconds, and files of this machine.
FOREIGN = ("posix/", "right/")
NO_ZONES = {"localtime", "posixrules", "Factory"}
# Older names and abbreviations, which are read but not proposed.
OLDER = ("Etc/", "SystemV/", "US/", "Canada/", "Brazil/", "Mexico/", "Chile/")


@cache
def _by_folded_name():
    names = {name for name in available_timezones() - NO_ZONES if not name.startswith(FOREIGN)}
    return {name.casefold(): name for name in names}


@cache
def proposed_zones():
    """The names that a field proposes, in order: regions with a place, and UTC."""
    names = _by_folded_name().values()
    return ["UTC", *sorted(name for name in names if "/" in name and not name.startswith(OLDER))]


def parse_zone(text):
    """The name of a zone as typed, in any case and with blanks; `ValidationError` if there is none."""
    name = _by_folded_name().get("_".join(text.split()).casefold())
    if name is None:
        raise ValidationError(_("Choose a time zone from the list, for example Europe/Vienna"), code="unknown_zone")
    return name


def moments(day, time, zone):
    """What clocks on the wall mean: no moment where they are put forward, two where they are put back, else one.

    In UTC, the earlier first. Times of one zone must not be compared: both moments of a doubled hour are equal there.
    """
    local = datetime.combine(day, time.replace(fold=0), zone)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    if first < second:
        return []
    return [(local.replace(fold=fold)).astimezone(UTC) for fold in ((0,) if first == second else (0, 1))]


def zone_label(local):
    """“CET (UTC+1)”; only “UTC+5:30” where the zone has no letters of its own. `local` is a time in its zone."""
    minutes = local.utcoffset() // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    offset = f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
    name = local.tzname()
    if name == "UTC":
        return name
    return f"{name} ({offset})" if name.isalpha() else offset


def format_moment(moment, zone):
    """“Thu 26 November, 18:00 CET (UTC+1)”."""
    local = moment.astimezone(zone)
    params = {"day": format_day(local.date()), "time": f"{local:%H:%M}", "zone": zone_label(local)}
    return _("%(day)s, %(time)s %(zone)s") % params


def zone_named(name):
    """The zone of a stored name."""
    return ZoneInfo(name)


def database_now():
    """The time by the database's clock, which all processes share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
