"""The bell of the top bar. Built in (see TEMPLATES), because it is on every page."""

from django import template

from bids.models import Notification
from bulq.kit.prepared import prepared

register = template.Library()
MOST_SHOWN = 99


@prepared
def unread(user):
    return Notification.objects.shown_to(user).unread().values_list("pk")[: MOST_SHOWN + 1]


@register.inclusion_tag("bids/_bell.html", takes_context=True)
def bell(context):
    request = context["request"]
    count = len(unread(request.user.pk))
    shown = f"{MOST_SHOWN}+" if count > MOST_SHOWN else str(count)
    return {"count": count, "shown": shown, "is_here": request.path == "/inbox/"}
