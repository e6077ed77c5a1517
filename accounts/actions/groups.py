from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.access import get_administration, lock_group
from accounts.models import Group, Membership, User, new_join_token
from bulq.kit.errors import BulqError
from bulq.kit.locks import locked

from .membership import user_limit_problems


@transaction.atomic
def create_group(*, by, name, currency, timezone=""):
    """Start a group with `by` as its admin and only member. Refused at the limit of groups per person."""
    person = locked(User.objects, pk=by.pk)
    for problem in user_limit_problems(person):
        raise BulqError(problem)
    group = Group.objects.create(name=name, currency=currency, timezone=timezone)
    Membership.objects.create(group=group, user=person, is_admin=True)
    return group


@transaction.atomic
def change_group(group_id, *, by, name, currency=None, timezone=None, sends_reminders=None):
    """Change what is given, as a group admin; the currency only before the first run.

    Closing times stay the same moments in another time zone.
    """
    group = _lock_administered(group_id, by)
    currency = currency or group.currency
    if currency != group.currency and group.is_currency_fixed:
        raise BulqError(
            _("The currency can't change after the first run; it is %(currency)s.") % {"currency": group.currency},
            field="currency",
        )
    group.name, group.currency = name, currency
    if timezone is not None:
        group.timezone = timezone
    if sends_reminders is not None:
        group.sends_reminders = sends_reminders
    group.save(update_fields=["name", "currency", "timezone", "sends_reminders"])
    return group


@transaction.atomic
def renew_invitation(group_id, *, by):
    """Replace the invite link, as a group admin; the old one stops working at once."""
    group = _lock_administered(group_id, by)
    group.join_token = new_join_token()
    group.save(update_fields=["join_token"])
    return group


@transaction.atomic
def set_joining(group_id, *, by, is_open):
    """Close or open joining, as a group admin; the link stays the same."""
    group = _lock_administered(group_id, by)
    group.is_joining_open = is_open
    group.save(update_fields=["is_joining_open"])
    return group


@transaction.atomic
def archive_group(group_id, *, by):
    """Archive the group, as a group admin: it stays readable, but nobody can join or start a run.

    The caller has to make sure, in the same transaction and with the group locked, that no run is open: this
    app knows nothing of runs.
    """
    group = _lock_administered(group_id, by)
    group.archived_at = now()
    group.save(update_fields=["archived_at"])
    return group


def _lock_administered(group_id, by):
    group = lock_group(group_id)
    get_administration(by, group_id)
    if group.archived_at:
        raise BulqError(_("This group is archived. It can be read, but no longer changed."))
    return group
