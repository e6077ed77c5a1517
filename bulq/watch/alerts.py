"""Alerts about problems in the background: per channel, daily while they last, once when they are over."""

import logging
import smtplib
from datetime import timedelta

import urllib3
from django.conf import settings
from django.core.mail import send_mail
from django.db import OperationalError, transaction
from django.utils import timezone

from bulq.models import Told

from .health import last_verified, problems

AGAIN_AFTER = timedelta(days=1)
SECONDS = 10
log = logging.getLogger("bulq.backups.alerts")


class NotDelivered(Exception):
    """The message contains no address: a webhook's address is a secret."""


def tell():
    """Report current problems on each channel that has not been told in the last day. Never fails."""
    found = problems()
    for channel in channels():
        _tell(channel, found)


def try_out():
    """Send a test message on each channel; returns a sentence for each, and whether all arrived."""
    subject = f"Bulq on {_site()}: a test alert"
    outcomes = {}
    for name, send in channels().items():
        try:
            send(subject, "If you can read this, you will also be told when a backup fails.")
            outcomes[name] = f"{name}: sent."
        except NotDelivered as error:
            outcomes[name] = f"{name}: not delivered. {error}"
    return list(outcomes.values()), bool(outcomes) and all(outcome.endswith(": sent.") for outcome in outcomes.values())


def heartbeat(end=""):
    """Call the dead man's switch: at the start, at the end, after a failure."""
    if settings.BACKUP_HEARTBEAT_URL:
        try:
            _call("GET", settings.BACKUP_HEARTBEAT_URL.rstrip("/") + end)
        except NotDelivered as error:
            log.warning("The heartbeat of the backups was not received: %s", error)


def channels():
    """The channels by name: each takes a subject and a text, and raises `NotDelivered`."""
    ways = {"e-mail": (_mail, settings.BACKUP_ALERT_EMAILS), "webhook": (_post, settings.BACKUP_ALERT_WEBHOOK)}
    return {name: send for name, (send, address) in ways.items() if address}


# --- Who was told what -----------------------------------------------------------------------------
def _tell(name, found):
    Told.objects.get_or_create(channel=name)
    try:
        with transaction.atomic():  # the locked row keeps two processes from telling it twice
            record = Told.objects.select_for_update(nowait=True).get(channel=name)
            if message := _news(record, found):
                channels()[name](*message)
                record.kinds, record.told_at = [problem.kind for problem in found], timezone.now()
                record.save()
    except NotDelivered as error:
        log.error("The alert was not delivered by %s: %s", name, error)
    except OperationalError as error:
        log.warning("The alert is being sent by another process: %s", error)


def _news(record, found):
    """Subject and text; None if that was told already."""
    if not found:
        return _recovered() if record.kinds else None
    is_new = {problem.kind for problem in found} - set(record.kinds)
    if is_new or timezone.now() - record.told_at >= AGAIN_AFTER:
        return _alert(found)
    return None


def _alert(found):
    last = last_verified()
    good = f"{last.key}, {last.size} bytes, verified {last.verified_at:%Y-%m-%d %H:%M} UTC" if last else "none"
    return (
        f"Bulq on {_site()} needs you",
        "\n".join([
            *(problem.sentence for problem in found),
            "",
            f"Last good backup: {good}.",
            "What to do: docs/operations.md, “When an alert arrives”. Look: manage.py backups. Try: manage.py backup.",
            "You will be reminded daily until this is fixed.",
        ]),
    )  # fmt: skip


def _recovered():
    last = last_verified()
    return (
        f"Bulq on {_site()} has recovered",
        f"Last good backup: {last.key}, {last.size} bytes, verified {last.verified_at:%Y-%m-%d %H:%M} UTC."
        if last
        else "Nothing is wrong any more.",
    )


def _site():
    return settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "an unnamed host"


# --- Ways ------------------------------------------------------------------------------------------
def _mail(subject, text):
    try:
        send_mail(subject, text, None, settings.BACKUP_ALERT_EMAILS)
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from error


def _post(subject, text):
    """Post JSON with one `text`, the format of chat services."""
    _call("POST", settings.BACKUP_ALERT_WEBHOOK, json={"text": f"{subject}\n\n{text}"})


def _call(method, address, **options):
    try:
        answer = urllib3.request(
            method, address, timeout=SECONDS, retries=False, redirect=False, preload_content=False, **options
        )
        answer.close()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NotDelivered(f"no answer ({type(error).__name__}).") from None
    if answer.status >= 300:
        raise NotDelivered(f"the answer was {answer.status}.")
