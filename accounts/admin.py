"""People and groups for the site admin, who has no rights inside groups: memberships can be read only."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as FrameworkUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .forms import UsernameField
from .models import Group, Membership, SiteSettings, User

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


class SavesWhatChanged:
    """Writes the changed columns only, so that an open admin page does not undo what people have changed since."""

    def save_model(self, request, obj, form, change):
        if change:
            columns = {field.name for field in obj._meta.concrete_fields}
            obj.save(update_fields=columns.intersection(form.changed_data))
        else:
            super().save_model(request, obj, form, change)


@admin.register(User)
class UserAdmin(SavesWhatChanged, FrameworkUserAdmin):
    """People are never deleted: an account is closed, so that sums and histories stay."""

    form, add_form = PersonForm, NewPersonForm
    list_display = ("username", "name", "email", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "is_staff", "is_superuser", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    list_per_page = 50
    readonly_fields = ("joined_at", "last_login", "closed_at")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("name", "email", "theme")}),
        (_("Rights"), {"fields": RIGHTS}),
        (_("Dates"), {"fields": ("joined_at", "last_login", "closed_at")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "name", "email")}),
        (_("Password"), {"classes": ("wide",), "fields": ("usable_password", "password1", "password2")}),
    )

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


class MembershipInline(admin.TabularInline):
    """Read only: the group itself decides who is in it and who its admins are."""

    model = Membership
    fields = readonly_fields = ("user", "is_admin", "joined_at")
    extra = 0

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "group").in_order()

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Group)
class GroupAdmin(SavesWhatChanged, admin.ModelAdmin):
    list_display = ("name", "currency", "member_count", "is_joining_open", "archived_at", "created_at")
    list_filter = ("is_joining_open", ("archived_at", admin.EmptyFieldListFilter), "currency")
    search_fields = ("name",)
    ordering = ("name",)
    list_per_page = 50
    fields = ("name", "currency", "is_joining_open", "archived_at", "created_at")
    readonly_fields = ("currency", "archived_at", "created_at")
    inlines = [MembershipInline]

    def get_queryset(self, request):
        return super().get_queryset(request).with_member_count()

    @admin.display(description=_("members"), ordering="member_count")
    def member_count(self, group):
        return group.member_count

    def has_add_permission(self, request):
        return False


@admin.register(SiteSettings)
class SiteSettingsAdmin(admin.ModelAdmin):
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
