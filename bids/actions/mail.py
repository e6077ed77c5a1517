"""Notifications by e-mail, for people who want them: urgent ones at once, the rest once a day."""

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.access import mail_off_url
from accounts.models import User
from bids import states
from bids.models import Notification
from bids.reading.history import news_of

# What someone has to answer, decide or fetch is not left for the daily e-mail.
URGENT_MOVES = (states.ADJUSTING, states.DISTRIBUTING, states.CANCELLED)
URGENT = (
    Q(event=None)
    | Q(event__kind__in=["run_started", "lead_offered"])
    | Q(event__kind="run_moved", event__data__to__in=URGENT_MOVES)
)
# So that turning e-mails on does not send old notifications.
OLDEST = timedelta(days=2)
log = logging.getLogger(__name__)


def mail_at_once():
    """Mail what is urgent. Returns how many mails were sent."""
    return _mail_each(Notification.objects.filter(URGENT))


def mail_digests():
    """Mail everything still unread. Returns how many mails were sent."""
    return _mail_each(Notification.objects.all())


def _mail_each(rows):
    waiting = rows.filter(read_at=None, mailed_at=None, at__gt=timezone.now() - OLDEST)
    people = User.objects.mailed().filter(pk__in=waiting.values("user")).order_by("pk")
    return sum(_mail(user, waiting.shown_to(user)) for user in people)


@transaction.atomic
def _mail(user, waiting):
    """Send one mail with all of them, except those that another worker has locked."""
    rows = waiting.with_words().order_by("at", "pk").select_for_update(of=("self",), skip_locked=True)
    notifications = list(rows)
    if not notifications:
        return False
    try:
        _message(user, notifications).send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("A mail to person %s was not sent and is tried again: %s", user.pk, type(error).__name__)
        return False
    Notification.objects.filter(pk__in=[notification.pk for notification in notifications]).update(
        mailed_at=timezone.now()
    )
    return True


def _message(user, notifications):
    news, count = news_of(notifications), len(notifications)
    subject = ngettext("%(sentence)s", "%(count)s updates from Bulq", count)
    params = {"sentence": " ".join(news[0].sentence.split()), "count": count}
    off = mail_off_url(user)
    context = {"user": user, "news": news, "site": settings.SITE_URL, "off": off}
    return EmailMessage(
        subject % params,
        render_to_string("bids/mail.txt", context),
        to=[user.email],
        headers={"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
