"""When a backup and a drill are due. Times are UTC, so that clock changes skip or double no night."""

from datetime import datetime, time, timedelta

SUNDAY = 6


def last_night(now: datetime, at: time) -> datetime:
    """The latest time, up to `now`, at which a backup was due."""
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def last_drill(now: datetime, at: time) -> datetime:
    """The latest time, up to `now`, at which a drill was due: Sunday's backup time."""
    night = last_night(now, at)
    return night - timedelta(days=(night.weekday() - SUNDAY) % 7)
