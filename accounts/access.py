"""The only way to a group and its members; other people's groups do not exist (404)."""

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from bulq.kit.errors import NotAllowed
from bulq.kit.locks import locked

from .models import Group, Membership, User

# A link signed with this lets its holder unsubscribe the person it was mailed to, and nothing else.
MAIL_OFF = Signer(salt="accounts.mail_off")
# The same for reminders alone. It works again and again: scanners of mail open links, too.
REMINDERS_OFF = Signer(salt="accounts.reminders_off")


def get_membership(user, group_id):
    """The person's own membership, its group loaded; `Http404` outside the group."""
    try:
        membership = Membership.objects.select_related("group").get(group__pk=group_id, user=user)
    except Membership.DoesNotExist:
        raise Http404 from None
    membership.user = user
    return membership


def get_administration(user, group_id):
    """The membership of a group admin; `NotAllowed` for the other members."""
    membership = get_membership(user, group_id)
    if not membership.is_admin:
        raise NotAllowed(_("Only a group admin can do this."))
    return membership


def get_group(user, group_id):
    return get_membership(user, group_id).group


def get_group_administered_by(user, group_id):
    return get_administration(user, group_id).group


def get_member(group, user_id):
    """The membership of another person, in a group the reader has access to."""
    try:
        membership = group.memberships.select_related("user").get(user__pk=user_id)
    except Membership.DoesNotExist:
        raise Http404 from None
    membership.group = group
    return membership


def lock_group(group_id):
    """The group's row, locked. Check rights after this, not before."""
    try:
        return locked(Group.objects, pk=group_id)
    except Group.DoesNotExist:
        raise Http404 from None


def members_with_rights(membership):
    """The members of a group, each with what the owner of this membership may do to them."""
    members = list(membership.group.memberships.select_related("user").in_order())
    admins = sum(member.is_admin for member in members)
    for member in members:
        member.is_me = member.user_id == membership.user_id
        member.can_promote = membership.is_admin and not member.is_admin
        member.can_demote = membership.is_admin and member.is_admin and admins > 1
        member.can_remove = membership.is_admin and not member.is_admin
    return members


def invitation(token, user=None):
    """What an invite link shows: (group, names of its admins, whether the person is a member).

    The group is None for a dead link. This is the only way to see anything of a group from outside.
    """
    group = Group.objects.filter(join_token=token).with_member_count().first()
    if group is None:
        return None, [], False
    admins = [member.user.name for member in group.memberships.admins().select_related("user").in_order()]
    return group, admins, bool(user) and group.memberships.filter(user=user).exists()


def mail_off_url(user):
    """The absolute address that unsubscribes this person from e-mails without logging in."""
    return settings.SITE_URL + reverse("mail-off", args=[MAIL_OFF.sign(user.pk)])


def reminders_off_url(user):
    """The absolute address that turns off this person's reminders without logging in."""
    return settings.SITE_URL + reverse("reminders-off", args=[REMINDERS_OFF.sign(user.pk)])


def calendar_url(user):
    """The absolute address of the person's calendar; None if they have not asked for one."""
    return settings.SITE_URL + reverse("calendar", args=[user.calendar_token]) if user.calendar_token else None


def get_signed_person(signer, token):
    """The person whom the link of a mail is about; `Http404` for a closed account."""
    try:
        return User.objects.get(pk=signer.unsign(token), is_active=True)
    except (BadSignature, User.DoesNotExist):
        raise Http404 from None


def get_person_of_calendar(token):
    try:
        return User.objects.get(calendar_token=token, is_active=True)
    except User.DoesNotExist:
        raise Http404 from None
