"""People and groups for the site admin, who has no rights inside groups: memberships can be read only."""

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as FrameworkUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from bulq.kit.dates import format_day
from bulq.kit.office import LookOnly, Office, newest, panel_of

from .actions.mail import ask_for_reset
from .actions.people import log_out_everywhere
from .forms import UsernameField
from .models import Group, Membership, SiteSettings, User
from .reading import sessions_of

RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


class NewPersonForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "name", "email")
        field_classes = {"username": UsernameField}


class PersonForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"username": UsernameField}
        labels = {"groups": _("Groups of rights"), "user_permissions": _("Single rights")}
        help_texts = {"groups": "", "user_permissions": ""}


@admin.register(User)
class UserAdmin(Office, FrameworkUserAdmin):
    """People are never deleted: an account is closed, so that sums and histories stay."""

    form, add_form = PersonForm, NewPersonForm
    can_be_merged = True
    list_display = ("username", "name", "email", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "is_staff", "is_superuser", ("closed_at", admin.EmptyFieldListFilter), "last_login")
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    date_hierarchy = "joined_at"
    filter_horizontal, autocomplete_fields = (), ("groups", "user_permissions")
    readonly_fields = ("wants_reminders", "joined_at", "last_login", "sessions", "closed_at")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("name", "email", "theme", "language", "wants_reminders")}),
        (_("Rights"), {"fields": RIGHTS}),
        (_("Dates"), {"fields": ("joined_at", "last_login", "sessions", "closed_at")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "name", "email")}),
        (_("Password"), {"classes": ("wide",), "fields": ("usable_password", "password1", "password2")}),
    )

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("<int:object_id>/log-out/", view(self.log_out), name="accounts_user_log_out"),
            path("<int:object_id>/mail/", view(self.mail), name="accounts_user_mail"),
            *super().get_urls(),
        ]

    @method_decorator(require_POST)
    def log_out(self, request, object_id):
        person = self._person(request, object_id)
        log_out_everywhere(by=person)
        self.log_change(request, person, _("Logged out everywhere."))
        self.message_user(request, _("They are logged out on every device."), messages.SUCCESS)
        return redirect("admin:accounts_user_change", person.pk)

    @method_decorator(require_POST)
    def mail(self, request, object_id):
        """The same mail that the person can ask for. To everyone with this address, as there."""
        person = self._person(request, object_id)
        if person.email:
            ask_for_reset(person.email)
            self.log_change(request, person, _("Sent a password mail."))
            self.message_user(request, _("The mail for a new password is on its way."), messages.SUCCESS)
        else:
            self.message_user(request, _("This account has no e-mail address. Nothing was sent."), messages.ERROR)
        return redirect("admin:accounts_user_change", person.pk)

    def _person(self, request, pk):
        person = get_object_or_404(User, pk=pk)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        return person

    @admin.display(description=_("logged in on"))
    def sessions(self, person):
        count = len(sessions_of(person))
        return ngettext("%(count)s device", "%(count)s devices", count) % {"count": count}

    def get_readonly_fields(self, request, obj=None):
        """Nobody can change their own rights, and only a superuser can grant any."""
        fixed = super().get_readonly_fields(request, obj)
        if obj == request.user or not request.user.is_superuser:
            fixed = (*fixed, *RIGHTS)
        return fixed

    def has_change_permission(self, request, obj=None):
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or request.user.is_superuser or not obj.is_superuser)

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Group)
class GroupAdmin(Office):
    list_display = ("name", "currency", "member_count", "is_joining_open", "archived_at", "created_at")
    list_filter = ("is_joining_open", ("archived_at", admin.EmptyFieldListFilter), "currency")
    search_fields = ("name",)
    ordering = ("name",)
    date_hierarchy = "created_at"
    found_by = ("memberships__user",)
    fields = (
        *("name", "currency", "timezone", "sends_reminders", "is_joining_open", "invitation"),
        *("archived_at", "created_at"),
    )
    readonly_fields = ("currency", "timezone", "sends_reminders", "invitation", "archived_at", "created_at")

    def get_queryset(self, request):
        return super().get_queryset(request).with_member_count()

    @admin.display(description=_("invitation"))
    def invitation(self, group):
        return settings.SITE_URL + reverse("join", args=[group.join_token])

    @admin.display(description=_("members"), ordering="member_count")
    def member_count(self, group):
        return group.member_count

    def has_add_permission(self, request):
        return False


@admin.register(Permission)
class PermissionAdmin(LookOnly):
    """To be found when someone is given rights."""

    list_display = ("name", "content_type", "codename")
    list_select_related = ("content_type",)
    list_filter = ("content_type",)
    search_fields = ("name", "codename", "content_type__app_label", "content_type__model")
    ordering = ("content_type__app_label", "content_type__model", "codename")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("content_type")


@admin.register(Membership)
class MembershipAdmin(LookOnly):
    """Read only: the group itself decides who is in it and who its admins are."""

    list_display = ("user", "group", "is_admin", "joined_at")
    list_filter = ("is_admin",)
    list_select_related = ("user", "group")
    search_fields = ("user__name", "user__username", "group__name")
    date_hierarchy = "joined_at"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "group")


@admin.register(SiteSettings)
class SiteSettingsAdmin(Office):
    """The one row: the list leads straight to it."""

    fields = ("registration",)

    def changelist_view(self, request, extra_context=None):
        return redirect(reverse("admin:accounts_sitesettings_change", args=[1]))

    def get_object(self, request, object_id, from_field=None):
        """Unsaved defaults until someone saves it for the first time."""
        return super().get_object(request, object_id, from_field) or (SiteSettings(pk=1) if object_id == "1" else None)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


# --- Panels ----------------------------------------------------------------------------------------
@panel_of(User, needs=Group)
def groups_of_person(person):
    memberships = person.memberships.select_related("group").order_by("-joined_at", "-pk")
    columns = (
        (_("Group"), lambda membership: membership.group),
        (_("Role"), _role),
        (_("Joined"), lambda membership: format_day(membership.joined_at)),
    )
    return newest(_("Groups"), memberships, columns, user=person.pk)


@panel_of(Group, needs=User)
def members_of_group(group):
    memberships = group.memberships.select_related("user").order_by("-joined_at", "-pk")
    columns = (
        (_("Person"), lambda membership: membership.user),
        (_("Role"), _role),
        (_("Joined"), lambda membership: format_day(membership.joined_at)),
    )
    return newest(_("Members"), memberships, columns, group=group.pk)


def _role(membership):
    return _("group admin") if membership.is_admin else ""
