"""Mails about accounts. Only the worker sends them, so that no page waits for a mail server."""

import logging
import smtplib
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import ResetRequest
from bulq.kit.languages import speaking_to
from bulq.kit.later import hand_over

# After this, the person has asked again.
OLDEST = timedelta(hours=1)
log = logging.getLogger(__name__)


def ask_for_reset(email):
    """Record that a reset was requested for this address. Only the worker looks up whether anyone has it."""
    ResetRequest.objects.create(email=email)
    hand_over("accounts.tasks.mail_resets")


def mail_resets():
    """Send what was asked for. Returns how many mails were sent."""
    ResetRequest.objects.filter(asked_at__lt=timezone.now() - OLDEST).delete()
    sent = 0
    for pk in list(ResetRequest.objects.order_by("pk").values_list("pk", flat=True)):
        try:
            sent += _mail(pk)
        except OSError as error:
            log.warning("A mail for a new password was not sent and is tried again: %s", type(error).__name__)
            break  # the rest waits too, instead of running into one time-out after the other
    return sent


@transaction.atomic
def _mail(pk):
    """Send one, unless another worker holds the row. Raises `OSError` when the mail could not be sent."""
    request = ResetRequest.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
    if request is None:
        return 0
    form = _Reset({"email": request.email})
    form.is_valid()
    with suppress(smtplib.SMTPRecipientsRefused):  # for good
        form.save(
            domain_override=settings.SITE_URL.partition("://")[2],
            email_template_name="registration/password_reset_email.txt",
            extra_email_context={"site_url": settings.SITE_URL},
        )
    request.delete()
    return form.sent


class _Reset(PasswordResetForm):
    """Django's form, which finds the people and makes the links, but with errors in sending raised."""

    sent = 0

    def send_mail(self, subject_template_name, email_template_name, context, from_email, to_email, **_more):
        with speaking_to(context["user"]):
            subject = "".join(render_to_string(subject_template_name, context).splitlines())
            text = render_to_string(email_template_name, context)
        EmailMessage(subject, text, from_email, [to_email]).send()
        self.sent += 1
