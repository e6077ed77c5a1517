"""When a backup and a drill are due. Times are UTC, so that no night is left out or doubled when clocks change."""

from datetime import datetime, time, timedelta

SUNDAY = 6


def last_night(now: datetime, at: time) -> datetime:
    """The latest moment, not after `now`, at which a backup was to be made."""
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def last_drill(now: datetime, at: time) -> datetime:
    """The latest moment, not after `now`, at which a drill was to be made: the backup of a Sunday."""
    night = last_night(now, at)
    return night - timedelta(days=(night.weekday() - SUNDAY) % 7)
