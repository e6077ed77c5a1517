import secrets
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_otp import devices_for_user
from psycopg.errors import UniqueViolation

from accounts.models import FORMER_MEMBER, Group, HowToPay, SiteSettings, User, new_calendar_token, new_session_salt
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.kit.live import announce
from bulq.kit.locks import busy_when_locked, locked
from bulq.kit.names import normalise_username

from .membership import end_membership, only_admin_problem


def registration_problems(join_token=""):
    """Sentences about why registration is not possible now, or not without an invitation; empty if it is."""
    position = SiteSettings.current().registration
    if position == SiteSettings.Registration.CLOSED:
        return [_("Registration is closed at the moment. If you have an account, log in.")]
    if position == SiteSettings.Registration.INVITED and not _invites(join_token):
        return [_("You need an invitation: open the invite link that a friend sends you from their group.")]
    return []


@transaction.atomic
def register_person(*, name, username, password, email="", join_token=""):
    """Create an account. Refused when registration is closed or the username is taken."""
    for problem in registration_problems(join_token):
        raise NotAllowed(problem)
    with _username_free():
        return User.objects.create_user(username, password, name=name, email=email)


@transaction.atomic
def change_profile(*, by, name, username, email, wants_mail):
    """Change one's name, username, e-mail address or notifications; the form has asked for the password."""
    person = locked(User.objects, pk=by.pk)
    person.name, person.username = name, normalise_username(username)
    person.email, person.wants_mail = email, wants_mail
    with _username_free():
        person.save(update_fields=["name", "username", "email", "wants_mail"])
    return person


def stop_mail(user_id):
    """Unsubscribe a person, by the link in an e-mail."""
    User.objects.filter(pk=user_id).update(wants_mail=False)


@transaction.atomic
def choose_reminders(*, by, wants_reminders):
    person = locked(User.objects, pk=by.pk)
    person.wants_reminders = wants_reminders
    person.save(update_fields=["wants_reminders"])
    return person


def stop_reminders(user_id):
    """Turn off a person's reminders, by the link in one, and nothing else."""
    User.objects.filter(pk=user_id).update(wants_reminders=False)


@transaction.atomic
def renew_calendar(*, by):
    """Give the person a new calendar address; the old one stops working at once."""
    person = locked(User.objects, pk=by.pk)
    person.calendar_token = new_calendar_token()
    person.save(update_fields=["calendar_token"])
    return person


@transaction.atomic
def set_how_to_pay(*, by, text, account, bic):
    """Say how others pay this person; nothing at all takes it back."""
    person = locked(User.objects, pk=by.pk)
    if text or account:
        HowToPay.objects.update_or_create(user=person, defaults={"text": text, "account": account, "bic": bic})
    else:
        HowToPay.objects.filter(user=person).delete()
    return person


@transaction.atomic
def change_password(*, by, password):
    """Set a new password. Every session ends, unless the caller renews the current one."""
    person = locked(User.objects, pk=by.pk)
    person.set_password(password)
    person.save(update_fields=["password"])
    return person


@transaction.atomic
def choose_theme(*, by, theme):
    person = locked(User.objects, pk=by.pk)
    person.theme = theme
    person.save(update_fields=["theme"])
    return person


@transaction.atomic
def choose_language(*, by, language):
    """A code, or "" for as the browser says. Pages that are open, on any device, hear of it."""
    person = locked(User.objects, pk=by.pk)
    person.language = language
    person.save(update_fields=["language"])
    announce(f"user:{person.pk}")
    return person


@transaction.atomic
def log_out_everywhere(*, by):
    """End every session of the person, on every device."""
    person = locked(User.objects, pk=by.pk)
    person.session_salt = new_session_salt()
    person.save(update_fields=["session_salt"])
    return person


def closing_problems(user):
    """Sentences about what prevents closing this account, as far as the person and the groups are concerned."""
    problems = []
    if user.is_staff or user.is_superuser:
        problems.append(_("You are a site admin. Another site admin has to take that role from you first."))
    return problems + [only_admin_problem(membership.group) for membership in user.memberships.irreplaceable()]


@transaction.atomic
def close_account(*, by):
    """Close an account for good: every membership ends by its own rules, and personal data is erased.

    Sums and histories stay, under the name "former member". Refused while a group would be left without an
    admin, or while the person is a site admin.
    """
    for group_id in Group.objects.visible_to(by).order_by("pk").values_list("pk", flat=True):
        end_membership(group_id, by.pk, by=by)
    person = locked(User.objects, pk=by.pk)
    for problem in closing_problems(person):
        raise BulqError(problem)
    if person.memberships.exists():
        raise ChangedMeanwhile(_("You have just joined a group. Please check the page again."))
    person.name, person.email, person.calendar_token = FORMER_MEMBER, "", None
    person.username = f"closed-{secrets.token_hex(16)}"
    person.is_active, person.closed_at = False, timezone.now()
    person.set_unusable_password()
    person.session_salt = new_session_salt()
    for device in list(devices_for_user(person, confirmed=None)):
        device.delete()
    HowToPay.objects.filter(user=person).delete()
    erased = ["name", "email", "username", "calendar_token", "password", "session_salt"]
    person.save(update_fields=[*erased, "is_active", "closed_at"])
    return person


def _invites(join_token):
    return bool(join_token) and Group.objects.joinable().filter(join_token=join_token).exists()


@contextmanager
def _username_free():
    """Turn PostgreSQL's refusal of a username that has just been taken into a refusal at its field."""
    try:
        with busy_when_locked(), transaction.atomic():
            yield
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise BulqError(_("This username is already taken"), field="username") from error
