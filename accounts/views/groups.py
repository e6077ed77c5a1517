from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import get_group_administered_by
from accounts.actions.groups import change_group, create_group
from accounts.forms import GroupForm, GroupSettingsForm, InviteLinkForm
from accounts.models import Group
from bulq.kit.http import answer, flash_errors

GROUPS_A_PAGE = 50


@require_http_methods(["GET"])
def groups(request):
    return _groups_page(request, InviteLinkForm())


def _groups_page(request, form):
    mine = Group.objects.visible_to(request.user).with_member_count().in_order()
    page = Paginator(mine, GROUPS_A_PAGE).get_page(request.GET.get("page"))
    return answer(request, "accounts/groups.html", {"page": page}, form=form)


@require_http_methods(["GET", "POST"])
def invite_link(request):
    form = InviteLinkForm(request.POST or request.GET)
    if form.is_valid():
        return redirect("join", form.cleaned_data["link"])
    return _groups_page(request, form)


@require_http_methods(["GET", "POST"])
def group_new(request):
    preset = {"currency": settings.DEFAULT_CURRENCY, "timezone": settings.TIME_ZONE}
    form = GroupForm(request.POST or None, initial=preset)
    if form.is_valid():
        with flash_errors(form):
            group = create_group(by=request.user, **form.cleaned_data)
            messages.success(request, _("Your group is ready. Send the link to your friends."))
            return redirect("people", group.pk)
    return answer(request, "accounts/group_new.html", form=form)


@require_http_methods(["GET", "POST"])
def group_settings(request, group_id):
    group = get_group_administered_by(request.user, group_id)
    form = GroupSettingsForm(group, request.POST or None)
    if form.is_valid():
        with flash_errors(form):
            change_group(group_id, by=request.user, **form.cleaned_data)
            messages.success(request, _("Saved"))
            return redirect("group-settings", group_id)
    return answer(request, "accounts/group_settings.html", {"group": group}, form=form)
