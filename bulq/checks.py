"""Checks of the settings by `manage.py check`; with `--deploy`, of what is unsafe in production."""

from pathlib import Path

from django.conf import settings
from django.core.checks import Error, Info, Tags, Warning, register
from django.utils.translation import to_locale

from .backups.configuration import mistakes
from .backups.errors import BackupError
from .backups.tools import Clock, check_versions
from .kit.ratelimit import RATE

SHARED = "django_redis.cache.RedisCache"


@register(Tags.security)
def rates_can_be_read(app_configs, **kwargs):
    return [
        Error(
            f"The rate limit “{name}” is “{rate}”, which is not a number and a period.",
            hint="Write it like 5/m or 20/30s: a number per second (s), minute (m), hour (h) or day (d).",
            id="bulq.E001",
        )
        for name, rate in settings.RATE_LIMITS.items()
        if not RATE.fullmatch(rate)
    ]


@register(Tags.translation)
def every_language_has_its_texts(app_configs, **kwargs):
    """Without them Django says everything in English, and nothing about it."""
    counts = {name: compiled_texts(code) for code, name in settings.LANGUAGES if code != "en"}
    return [
        Error(
            f"{name} has {count} of {max(counts.values()) or 'all'} texts, so its readers would read English.",
            hint="Compiled texts are in `locale`, next to their sources: see docs/translating.md.",
            id="bulq.E006",
        )
        for name, count in counts.items()
        if count < max(counts.values()) or not count
    ]


def compiled_texts(code):
    """The number of messages in the compiled catalogues of a language, as their headers say."""
    files = [Path(folder) / to_locale(code) / "LC_MESSAGES/django.mo" for folder in settings.LOCALE_PATHS]
    heads = [file.read_bytes()[:12] for file in files if file.exists()]
    return sum(int.from_bytes(head[8:], "big" if head[:1] == b"\x95" else "little") for head in heads)


@register(Tags.security, deploy=True)
def limits_are_on(app_configs, **kwargs):
    if not settings.RATELIMIT_ENABLE:
        yield Error(
            "Rate limits are off, so passwords can be guessed as fast as the site answers.",
            hint="Remove RATELIMIT_ENABLE from the environment.",
            id="bulq.E002",
        )
    if not settings.TRUSTED_PROXIES:
        yield Error(
            "No proxy is trusted, so everyone who comes through one counts as the same address.",
            hint="Set BULQ_TRUSTED_PROXIES to the address or network of the proxy in front of the site.",
            id="bulq.E003",
        )


@register(Tags.security, deploy=True)
def admin_asks_for_a_second_factor(app_configs, **kwargs):
    """Only says so: a warning would keep the release from starting, and the operator has decided."""
    if not settings.ADMIN_SECOND_FACTOR:
        yield Info(
            "Site admins need only a password: ADMIN_SECOND_FACTOR is off.",
            hint="Remove ADMIN_SECOND_FACTOR from the environment.",
            id="bulq.I001",
        )


@register(Tags.caches, deploy=True)
def caches_are_shared(app_configs, **kwargs):
    return [
        Error(
            f"The cache “{name}” is not Redis, so each process would keep and count its own.",
            hint="Set REDIS_URL, and leave CACHES as it is.",
            id="bulq.E004",
        )
        for name in ("default", "limits")
        if settings.CACHES[name]["BACKEND"] != SHARED
    ]


@register(Tags.security, deploy=True)
def backups_can_be_made(app_configs, **kwargs):
    return [Error(sentence, hint="See docs/operations.md, “Backups”.", id="bulq.E005") for sentence in mistakes()]


@register(Tags.database)
def tools_are_of_the_servers_version(app_configs, databases=None, **kwargs):
    """Runs only when a database is named: `check --database default`, `migrate`."""
    try:
        if databases:
            check_versions(Clock(30))
    except BackupError as error:
        yield Warning(str(error), hint="Without it there are no backups.", id="bulq.W001")
