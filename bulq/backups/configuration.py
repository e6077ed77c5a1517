"""Checks of the backup settings: whether backups can be made, and whether someone is alerted when they fail."""

from datetime import time
from urllib.parse import urlsplit

from django.conf import settings


def mistakes() -> list[str]:
    """Everything wrong with them, at once; no sentence contains a secret."""
    return [*obstacles(), *_alerts()]


def obstacles() -> list[str]:
    """The mistakes that prevent a backup."""
    return [*_place(), *_numbers()]


def at() -> time:
    """The time of the nightly backup, in UTC."""
    return time.fromisoformat(settings.BACKUP_AT)


def _place():
    if bool(settings.BACKUP_S3_BUCKET) == bool(settings.BACKUP_FOLDER):
        yield "There has to be exactly one place for backups: set BACKUP_S3_BUCKET or BACKUP_FOLDER."
    if bool(settings.BACKUP_S3_ACCESS_KEY) != bool(settings.BACKUP_S3_SECRET_KEY):
        yield "BACKUP_S3_ACCESS_KEY and BACKUP_S3_SECRET_KEY belong together: set both, or neither."
    if settings.BACKUP_S3_ENDPOINT and not _is_address(settings.BACKUP_S3_ENDPOINT):
        yield "BACKUP_S3_ENDPOINT is not an address: write it like https://s3.example."


def _numbers():
    try:
        at()
    except ValueError:
        yield f"BACKUP_AT is “{settings.BACKUP_AT}”: write it like 03:00."
    for name, count in settings.BACKUP_KEEP.items():
        if count < 0:
            yield f"BACKUP_KEEP_{name.upper()} is {count}: it cannot be less than 0."
    for name in ("BACKUP_TIME_LIMIT", "BACKUP_S3_TIMEOUT"):
        if getattr(settings, name) < 1:
            yield f"{name} is {getattr(settings, name)}: it has to be a number of seconds."


def _alerts():
    if not settings.BACKUP_ALERT_EMAILS and not settings.BACKUP_ALERT_WEBHOOK:
        yield "Nobody would hear of a failure: set BACKUP_ALERT_EMAILS or BACKUP_ALERT_WEBHOOK."
    for name in ("BACKUP_ALERT_WEBHOOK", "BACKUP_HEARTBEAT_URL"):
        if getattr(settings, name) and not _is_address(getattr(settings, name)):
            yield f"{name} is not an address: write it like https://alerts.example/bulq."


def _is_address(text):
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
