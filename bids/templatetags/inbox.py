"""The bell of the top bar. Built in (see TEMPLATES), because it is on every page."""

from django import template

from bids.models import Notification

register = template.Library()
MOST_SHOWN = 99


@register.inclusion_tag("bids/_bell.html", takes_context=True)
def bell(context):
    request = context["request"]
    count = Notification.objects.shown_to(request.user).unread()[: MOST_SHOWN + 1].count()
    shown = f"{MOST_SHOWN}+" if count > MOST_SHOWN else str(count)
    return {"count": count, "shown": shown, "is_here": request.path == "/inbox/"}
