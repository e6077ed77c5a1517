from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import (
    get_group_administered_by,
    get_member,
    get_membership,
    invitation,
    members_with_rights,
)
from accounts.actions.groups import renew_invitation, set_joining
from accounts.actions.membership import change_role, end_membership, ending_preview, join_group, joining_problems
from accounts.actions.people import registration_problems
from accounts.forms import RegistrationForm
from bulq.kit.errors import BulqError
from bulq.kit.http import answer
from bulq.kit.qr import qr

ROLES = {"admin": True, "member": False}
SWITCH = {"open": True, "closed": False}


@login_not_required
@require_http_methods(["GET", "POST"])
def join(request, token):
    person = request.user if request.user.is_authenticated else None
    if request.method == "POST":
        return _accept(request, token, person)
    group, admins, is_member = invitation(token, person)
    context = {
        "group": group,
        "admins": admins,
        "is_member": is_member,
        "problems": [] if is_member else joining_problems(group, person),
        "registration_problems": [] if person else registration_problems(token),
        "token": token,
    }
    response = answer(request, "accounts/join.html", context, form=RegistrationForm(initial={"join": token}))
    response.status_code = 200 if group else 404
    return response


def _accept(request, token, person):
    if person is None:
        return redirect(f"{reverse('login')}?next={request.path}")
    group = join_group(token, by=person)
    messages.success(request, _("You have joined %(group)s.") % {"group": group.name})
    return redirect("group", group.pk)


@require_http_methods(["GET"])
def people(request, group_id):
    membership = get_membership(request.user, group_id)
    group = membership.group
    link = request.build_absolute_uri(reverse("join", args=[group.join_token]))
    context = {
        "group": group,
        "me": membership,
        "members": members_with_rights(membership),
        "may_invite": membership.is_admin and not group.archived_at,
        "problems": joining_problems(group),
        "link": link,
        "qr": qr(link),
    }
    return answer(request, "accounts/people.html", context)


@require_POST
def member_role(request, group_id, user_id):
    get_member(get_group_administered_by(request.user, group_id), user_id)
    member = change_role(group_id, user_id, by=request.user, is_admin=_chosen(request, "role", ROLES))
    text = _("%(name)s is now a group admin.") if member.is_admin else _("%(name)s is no longer a group admin.")
    messages.success(request, text % {"name": member.user.name})
    return redirect("people", group_id)


@require_POST
def invite_renew(request, group_id):
    renew_invitation(group_id, by=request.user)
    messages.success(request, _("There is a new link. The old one no longer works."))
    return redirect("people", group_id)


@require_POST
def invite_joining(request, group_id):
    get_group_administered_by(request.user, group_id)
    group = set_joining(group_id, by=request.user, is_open=_chosen(request, "joining", SWITCH))
    messages.success(
        request,
        _("Anyone with the link can join.") if group.is_joining_open else _("Nobody can join for now."),
    )
    return redirect("people", group_id)


def _chosen(request, name, choices):
    if request.POST.get(name) not in choices:
        raise BulqError(_("This form was incomplete. Reload the page and send it again."))
    return choices[request.POST[name]]


@require_http_methods(["GET", "POST"])
def group_leave(request, group_id):
    membership = get_membership(request.user, group_id)
    if request.method == "POST":
        end_membership(group_id, request.user.pk, by=request.user)
        messages.success(request, _("You left %(group)s.") % {"group": membership.group.name})
        return redirect("groups")
    return _ending_page(request, "accounts/group_leave.html", membership)


@require_http_methods(["GET", "POST"])
def member_remove(request, group_id, user_id):
    member = get_member(get_group_administered_by(request.user, group_id), user_id)
    if request.method == "POST":
        end_membership(group_id, user_id, by=request.user)
        messages.success(request, _("%(name)s is no longer in the group.") % {"name": member.user.name})
        return redirect("people", group_id)
    return _ending_page(request, "accounts/member_remove.html", member)


def _ending_page(request, template, membership):
    problems, consequences = ending_preview(membership, by=request.user)
    context = {"membership": membership, "problems": problems, "consequences": consequences}
    return answer(request, template, context)
