from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import get_administration, get_member, get_membership, lock_group
from accounts.models import Group, Membership, User
from accounts.signals import membership_ending
from bulq.kit.errors import BulqError, NotAllowed
from bulq.kit.live import announce
from bulq.kit.locks import locked


def joining_problems(group, user=None):
    """Sentences about why `user` (or anyone, if None) cannot join; empty if they can."""
    if group is None:
        return [_("This invite link is not valid or has expired. Ask for a new one.")]
    problems = []
    if group.archived_at:
        problems.append(_("This group is archived. Nobody can join it any more."))
    elif not group.is_joining_open:
        problems.append(_("This group is not accepting new members at the moment. Ask one of its admins."))
    if group.memberships.count() >= settings.MEMBERS_PER_GROUP:
        problems.append(
            ngettext(
                "This group is full: it has %(count)d member.",
                "This group is full: it has %(count)d members.",
                settings.MEMBERS_PER_GROUP,
            )
            % {"count": settings.MEMBERS_PER_GROUP}
        )
    return problems + (user_limit_problems(user) if user else [])


def user_limit_problems(user):
    if user.memberships.in_active_groups().count() < settings.GROUPS_PER_USER:
        return []
    return [
        ngettext(
            "You are in %(count)d group, which is the limit. Leave one first.",
            "You are in %(count)d groups, which is the limit. Leave one first.",
            settings.GROUPS_PER_USER,
        )
        % {"count": settings.GROUPS_PER_USER}
    ]


@transaction.atomic
def join_group(token, *, by):
    """Accept an invitation. Does nothing for someone who is already a member.

    Refused when the link is dead, joining is closed, or the group or the person is at a limit.
    """
    try:
        group = locked(Group.objects, join_token=token)
    except Group.DoesNotExist:
        raise BulqError(joining_problems(None)[0]) from None
    person = locked(User.objects, pk=by.pk)
    if group.memberships.filter(user=person).exists():
        return group
    if not person.is_active:
        raise NotAllowed(_("This account is closed."))
    for problem in joining_problems(group, person):
        raise BulqError(problem)
    Membership.objects.create(group=group, user=person)
    return group


@transaction.atomic
def change_role(group_id, user_id, *, by, is_admin):
    """Give or take the role of group admin, as a group admin; the last one stays."""
    group = lock_group(group_id)
    get_administration(by, group_id)
    member = get_member(group, user_id)
    if member.is_admin and not is_admin and _is_last_admin(member):
        raise BulqError(_("A group needs an admin. Make someone else a group admin first."))
    member.is_admin = is_admin
    member.save(update_fields=["is_admin"])
    return member


def ending_problems(membership, *, by):
    """Sentences about why `by` cannot end this membership, as far as the group itself is concerned."""
    if by.pk != membership.user_id:
        if membership.is_admin:
            return [_("A group admin can't be removed. Remove them as admin first.")]
    elif _is_last_admin(membership) and membership.group.memberships.count() > 1:
        return [only_admin_problem(membership.group)]
    return []


def only_admin_problem(group):
    return _("You are the only admin of %(group)s. Make someone else a group admin first.") % {"group": group.name}


def ending_preview(membership, *, by):
    """(problems, consequences): what prevents ending this membership, and what would follow."""
    problems, consequences = ending_problems(membership, by=by), []
    if not problems:
        try:
            for _receiver, sentences in _send_ending(membership, by=by, preview=True):
                consequences.extend(sentences or [])
        except BulqError as error:
            problems.append(error.message)
    if membership.group.archived_at is None and membership.group.memberships.count() == 1:
        consequences.append(_("The group is archived, because nobody is left in it."))
    return problems, consequences


@transaction.atomic
def end_membership(group_id, user_id, *, by):
    """Leave the group, or remove another member as a group admin.

    The signal `membership_ending` lets the group's runs follow; its receivers may refuse.
    The only member may leave, and that archives the group.
    """
    group = lock_group(group_id)
    leaves = by.pk == user_id
    (get_membership if leaves else get_administration)(by, group_id)
    membership = get_member(group, user_id)
    for problem in ending_problems(membership, by=by):
        raise BulqError(problem)
    _send_ending(membership, by=by, preview=False)
    membership.delete()
    announce(f"user:{user_id}", f"left {group_id}")
    announce(f"group:{group_id}")
    if group.archived_at is None and not group.memberships.exists():
        group.archived_at = timezone.now()
        group.save(update_fields=["archived_at"])
    return group


def _is_last_admin(membership):
    others = membership.group.memberships.admins().exclude(pk=membership.pk)
    return membership.is_admin and not others.exists()


def _send_ending(membership, *, by, preview):
    return membership_ending.send(Membership, membership=membership, by=by, preview=preview)
