"""Notifications by e-mail, for people who want them: urgent ones at once, the rest once a day."""

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import mail_off_url, reminders_off_url
from accounts.models import Membership, User
from bids import states
from bids.models import Notification, Participation, Reminder
from bids.reading.history import amounts_to_fill, news_of
from bulq.kit.languages import speaking_to
from bulq.kit.zones import format_moment

# What someone has to answer, decide or fetch is not left for the daily e-mail.
URGENT_MOVES = (states.ADJUSTING, states.DISTRIBUTING, states.CANCELLED)
URGENT = (
    Q(event=None, entry=None)
    | Q(entry__kind__in=["said", "refused", "reminded"])
    | Q(event__kind__in=["run_started", "lead_offered", "closed_open", "closed_empty"])
    | Q(event__kind="run_moved", event__data__to__in=URGENT_MOVES)
)
# These have a mail of their own.
REMINDERS = Q(event__kind__in=["closing_soon", "packs_to_fill", "reminded"])
# A reminder whose mail may not have been sent is tried once more after a while, unless it is too old by then.
TRIES, TRIED_AGAIN_AFTER, OLDEST_REMINDER = 2, timedelta(minutes=10), timedelta(hours=6)
REMINDERS_AT_ONCE, BATCHES_A_TURN = 100, 5
# Of this one mail; anything else is the mail server's trouble with all of them.
REFUSED = smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError
# So that turning e-mails on does not send old notifications.
OLDEST = timedelta(days=2)
log = logging.getLogger(__name__)


def mail_at_once():
    """Mail what is urgent. Returns how many mails were sent."""
    return _mail_each(Notification.objects.filter(URGENT))


def mail_digests():
    """Mail everything still unread. Returns how many mails were sent."""
    return _mail_each(Notification.objects.filter(Q(event=None) | ~REMINDERS))


def _mail_each(rows):
    waiting = rows.filter(read_at=None, mailed_at=None, at__gt=timezone.now() - OLDEST)
    people = User.objects.mailed().filter(pk__in=waiting.values("user")).order_by("pk")
    return sum(_mail(user, waiting.shown_to(user)) for user in people)


@transaction.atomic
def _mail(user, waiting):
    """Send one mail with all of them, except those that another worker has locked."""
    rows = waiting.with_words().order_by("at", "pk").select_for_update(of=("self",), skip_locked=True)
    with speaking_to(user):
        notifications = list(rows)
        if not notifications:
            return False
        message = _message(user, notifications)
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("A mail to person %s was not sent and is tried again: %s", user.pk, type(error).__name__)
        return False
    Notification.objects.filter(pk__in=[notification.pk for notification in notifications]).update(
        mailed_at=timezone.now()
    )
    return True


def _message(user, notifications):
    news, count = news_of(notifications), len(notifications)
    if count == 1:
        subject = " ".join(news[0].sentence.split())
    else:
        subject = ngettext("%(count)s update from Bulq", "%(count)s updates from Bulq", count) % {"count": count}
    off = mail_off_url(user)
    context = {"user": user, "news": news, "site": settings.SITE_URL, "off": off}
    return EmailMessage(
        subject,
        render_to_string("bids/mail.txt", context),
        to=[user.email],
        headers={"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )


# --- Reminders -------------------------------------------------------------------------------------
def mail_reminders(now):
    """Mail the reminders that have been written, to people they still concern. Returns how many were sent.

    Each attempt is taken by comparing and setting `tries`, so that of any number of clocks one makes it. A clock that
    dies between the mail server and the row leaves a row that is tried again, once. After a few hundred the rest waits
    a minute: the same worker closes runs.
    """
    sent = 0
    for _batch in range(BATCHES_A_TURN):
        for reminder in _reminders_waiting(now)[:REMINDERS_AT_ONCE]:
            if not _take(reminder, now):
                continue
            try:
                with speaking_to(reminder.user):
                    message = _reminder_message(reminder)
                message.send()
            except REFUSED as error:
                log.warning("Reminder %s was not mailed: %s", reminder.pk, type(error).__name__)
            except (OSError, smtplib.SMTPException) as error:
                log.warning("Reminder %s was not mailed, and the rest waits: %s", reminder.pk, type(error).__name__)
                return sent
            else:
                Reminder.objects.filter(pk=reminder.pk).update(sent_at=timezone.now())
                sent += 1
    return sent


def _reminders_waiting(now):
    concerned = {"run": OuterRef("run"), "user": OuterRef("user")}
    done = Participation.objects.filter(is_ready=True, **concerned)
    left = Participation.objects.filter(left_at__isnull=False, **concerned)
    members = Membership.objects.filter(group=OuterRef("run__group"), user=OuterRef("user"))
    rows = Reminder.objects.filter(is_mailed=True, sent_at=None, at__gt=now - OLDEST_REMINDER)
    rows = rows.filter(Q(tries=0) | Q(tries__lt=TRIES, tried_at__lt=now - TRIED_AGAIN_AFTER))
    rows = rows.filter(Q(run__closes_at=None) | Q(run__closes_at__gt=now), run__state__in=states.COLLECTING)
    rows = rows.filter(~Exists(left), Q(is_about_packs=True) | ~Exists(done))
    rows = rows.filter(Exists(members), user__in=User.objects.mailed().filter(wants_reminders=True))
    rows = rows.filter(run__group__sends_reminders=True)
    return rows.select_related("user", "run__store", "run__group", "run__leader").order_by("pk")


def _take(reminder, now):
    """Whether this attempt is ours."""
    as_read = Reminder.objects.filter(pk=reminder.pk, tries=reminder.tries, sent_at=None)
    if not as_read.update(tries=F("tries") + 1, tried_at=now):
        return False
    if reminder.tries:
        log.warning("Reminder %s may not have been mailed and is sent once more", reminder.pk)
    return True


def _reminder_message(reminder):
    run, user = reminder.run, reminder.user
    closes = format_moment(run.closes_at, run.group.zone) if run.closes_at else ""
    subject = _("%(run)s closes %(closes)s") if closes else _("%(run)s: %(leader)s is waiting for your order")
    params = {"run": run, "closes": closes, "leader": run.leader}
    off, to_fill = reminders_off_url(user), ""
    if reminder.is_about_packs:
        event = run.events.filter(kind="packs_to_fill").order_by("-pk").first()
        to_fill = amounts_to_fill(event.data["to_fill"])
    context = {"user": user, "run": run, "subject": subject % params, "site": settings.SITE_URL, "off": off}
    context["to_fill"] = to_fill
    return EmailMessage(
        " ".join((subject % params).split()),
        render_to_string("bids/reminder.txt", context),
        to=[user.email],
        headers={"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
