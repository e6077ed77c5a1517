from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from stores.models import CatalogueImport

from .kit.breaker import RedisAway
from .kit.http import back_url
from .kit.later import send
from .kit.office import LookOnly
from .models import BackupRun, Heartbeat, SentForm, Told
from .office.bringing import CatalogueImportAdmin

admin.site.register(CatalogueImport, CatalogueImportAdmin)


@admin.register(SentForm)
class SentFormAdmin(LookOnly):
    """Submitted forms and their answers; what was typed is not stored."""

    list_display = ["key", "user", "status", "sent_at"]
    list_filter = ["status"]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__username"]
    date_hierarchy = "sent_at"
    exclude = ["body"]


@admin.register(BackupRun)
class BackupRunAdmin(LookOnly):
    change_list_template = "admin/bulq/backuprun/change_list.html"
    list_display = ["started_at", "state", "megabytes", "verified_at", "drilled_at", "error"]
    list_filter = ["state"]
    search_fields = ["key", "error", "drill_error"]
    date_hierarchy = "started_at"
    fields = readonly_fields = [
        *("state", "started_at", "ended_at", "key", "megabytes", "sha256", "counts"),
        *("verified_at", "error", "drilled_at", "drill_error"),
    ]
    ordering = ["-started_at"]

    def get_urls(self):
        now = path("now/", self.admin_site.admin_view(self.back_up_now), name="bulq_backuprun_now")
        return [now, *super().get_urls()]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"may_back_up": self._may_back_up(request), **(extra_context or {})})

    @method_decorator(require_POST)
    def back_up_now(self, request):
        if not self._may_back_up(request):
            raise PermissionDenied
        try:
            send("bulq.tasks.backup", timezone.now().isoformat())
        except RedisAway:
            self.message_user(request, _("The worker can't be reached, so no backup was requested."), messages.ERROR)
        else:
            self.message_user(request, _("A backup has been requested. Reload this page in a minute to see it."))
            self._log_request(request)
        return redirect(back_url(request, reverse("admin:bulq_backuprun_changelist")))

    @staticmethod
    def _log_request(request):
        """In the admin's log, without an object: the worker makes the row later."""
        kind = ContentType.objects.get_for_model(BackupRun)
        LogEntry.objects.create(
            user=request.user, content_type=kind, object_repr=_("a backup now"), action_flag=ADDITION
        )

    @admin.display(description=gettext_lazy("size"), ordering="size")
    def megabytes(self, backup):
        return backup.size and _("%(size)s MB") % {"size": number_format(backup.megabytes, 1)}

    @staticmethod
    def _may_back_up(request):
        return request.user.has_perm("bulq.add_backuprun")


@admin.register(Told)
class ToldAdmin(LookOnly):
    list_display = ["channel", "kinds", "told_at"]


@admin.register(Heartbeat)
class HeartbeatAdmin(LookOnly):
    list_display = ["name", "at"]


@admin.register(LogEntry)
class LogEntryAdmin(LookOnly):
    """What was changed in the admin, and by whom."""

    list_display = ["action_time", "user", "__str__", "content_type"]
    list_filter = ["action_flag", "content_type"]
    list_select_related = ["user", "content_type"]
    search_fields = ["user__name", "user__username", "object_repr"]
    date_hierarchy = "action_time"
