from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bids.admin import LookOnly

from .kit.breaker import RedisAway
from .kit.later import send
from .models import BackupRun, Heartbeat, SentForm, Told


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
    list_display = ["started_at", "state", "size", "verified_at", "drilled_at", "error"]
    list_filter = ["state"]
    search_fields = ["key", "error", "drill_error"]
    date_hierarchy = "started_at"
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
        return redirect("admin:bulq_backuprun_changelist")

    @staticmethod
    def _may_back_up(request):
        return request.user.has_perm("bulq.add_backuprun")


@admin.register(Told)
class ToldAdmin(LookOnly):
    list_display = ["channel", "kinds", "told_at"]


@admin.register(Heartbeat)
class HeartbeatAdmin(LookOnly):
    list_display = ["name", "at"]
