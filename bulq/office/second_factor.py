"""A code from an app for site admins: setting it up, checking a code, taking it away."""

import logging

from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_otp import devices_for_user, verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.actions.people import log_out_everywhere
from accounts.models import User
from bulq.kit.breaker import RedisAway
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.kit.languages import speaking_to
from bulq.kit.later import send
from bulq.kit.locks import busy_when_locked, locked

RECOVERY_CODES = 10
log = logging.getLogger(__name__)


def app_of(person):
    """The person's app; None before it is set up."""
    return TOTPDevice.objects.filter(user=person, confirmed=True).first()


def recovery_of(person):
    return StaticDevice.objects.filter(user=person, confirmed=True).first()


@transaction.atomic
def begin(person, *, is_verified):
    """A new app, which counts only once it has shown a code. The password has been asked for."""
    locked(User.objects, pk=person.pk)
    _refuse_a_second(person, is_verified)
    return TOTPDevice.objects.create(user=person, name="app", confirmed=False)


def finish(person, device, code, *, is_verified):
    """Confirm the app by its first code. Every session ends; returns the person and their recovery codes."""
    check(person, device, code)  # outside the transaction: a wrong code has to be counted
    with transaction.atomic():
        _refuse_a_second(locked(User.objects, pk=person.pk), is_verified)
        if not TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True):
            raise ChangedMeanwhile(_("Another app has been set up in the meantime. Enter a code from that one."))
        for other in list(devices_for_user(person, confirmed=None)):
            if other != device:
                other.delete()
        codes = [StaticToken.random_token() for _number in range(RECOVERY_CODES)]
        recovery = StaticDevice.objects.create(user=person, name="recovery codes")
        StaticToken.objects.bulk_create(StaticToken(device=recovery, token=code) for code in codes)
        return log_out_everywhere(by=person), codes


def check(person, device, code, field="code"):
    """Use up a code of this one device; a `BulqError` says why it is refused, at the field of the form.

    A success on one device says nothing about another, and a failure locks no other.
    """
    if device is None:
        raise BulqError(_("You have no such codes. Use the other field."), field=field)
    is_allowed, why = device.verify_is_allowed()
    if not is_allowed:
        seconds = max(1, round((why["locked_until"] - timezone.now()).total_seconds()))
        raise BulqError(
            ngettext(
                "Too many wrong codes. Wait %(count)s second, then use a new one.",
                "Too many wrong codes. Wait %(count)s seconds, then use a new one.",
                seconds,
            )
            % {"count": seconds},
            field=field,
        )
    with busy_when_locked():
        verified = verify_token(person, device.persistent_id, plain(code))
    if verified is None:
        raise BulqError(
            _("This code is wrong, or has been used already. Check it, or wait for the next one."), field=field
        )


def plain(code):
    """Without the blanks and hyphens that people type or copy along."""
    return "".join(code.split()).replace("-", "").lower()


@transaction.atomic
def reset(person):
    """Take away the app and the recovery codes, and end every session."""
    log_out_everywhere(by=person)
    for device in list(devices_for_user(person, confirmed=None)):
        device.delete()


def tell(person):
    """Mail the person that a second factor has been set up: it may not have been them."""
    try:
        send("bulq.tasks.mail_second_factor", person.pk)
    except RedisAway:
        log.warning("The mail about a new second factor could not be queued")


def mail(person):
    if not person.email:
        return
    with speaking_to(person):
        subject = _("Your second factor has been set up")
        text = _(
            "Hello %(name)s,\n\nAn app for codes has just been set up for your site admin account, and you have been"
            " logged out everywhere else. If it wasn't you, change your password and ask another site admin, or whoever"
            " runs the server, to reset your second factor."
        )
    send_mail(subject, text % {"name": person.name}, None, [person.email])


def _refuse_a_second(person, is_verified):
    if app_of(person) and not is_verified:
        raise NotAllowed(_("Your app has been set up already. Enter a code from it."))
