"""The inbox: what a person should know, newest first."""

from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from bids.access import get_notification
from bids.actions.notifications import mark_read
from bids.models import Notification
from bids.reading.history import news_of

SHOWN = 50


@require_GET
def inbox(request):
    rows = Notification.objects.shown_to(request.user).with_words().newest_first()
    page = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    unread = Notification.objects.shown_to(request.user).unread().exists()
    context = {"page": page, "news": news_of(page.object_list), "has_unread": unread}
    return render(request, "bids/inbox.html", context)


@require_POST
def inbox_open(request, notification_id):
    """Mark it as read and go where it happened."""
    notification = get_notification(request.user, notification_id)
    mark_read(Notification.objects.filter(pk=notification.pk), by=request.user)
    if notification.entry:
        return redirect("money")
    return redirect("run", notification.event.run_id) if notification.event else redirect("groups")


@require_POST
def inbox_read(request):
    """Mark all as read."""
    mark_read(Notification.objects.all(), by=request.user)
    return redirect("inbox")
