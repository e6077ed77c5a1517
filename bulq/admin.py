from django.contrib import admin

from bids.admin import LookOnly

from .models import BackupRun, SentForm


@admin.register(SentForm)
class SentFormAdmin(LookOnly):
    """What was answered to which form; what was typed in it is not kept."""

    list_display = ["key", "user", "status", "sent_at"]
    list_filter = ["status"]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__username"]
    date_hierarchy = "sent_at"
    exclude = ["body"]


@admin.register(BackupRun)
class BackupRunAdmin(LookOnly):
    list_display = ["__str__", "state", "started_at", "ended_at", "size", "verified_at", "error"]
    list_filter = ["state"]
    search_fields = ["key", "error"]
    date_hierarchy = "started_at"
    ordering = ["-started_at"]
