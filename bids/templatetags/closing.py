"""When a run closes, in the time of its group."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bulq.kit.zones import format_moment

register = template.Library()
SOON = timedelta(hours=3)


@dataclass
class Closes:
    """`left` is empty once the time has passed; `is_soon` in the last three hours."""

    at: datetime
    text: str
    left: str
    is_soon: bool
    is_open: bool


@register.inclusion_tag("bids/_moment.html")
def moment(at, zone):
    """A moment with its zone, as text and for machines."""
    return {"local": at.astimezone(zone), "text": format_moment(at, zone)}


@register.inclusion_tag("bids/_closes.html")
def closes(run):
    """The closing time of a run until shopping starts; nothing if it has none, or was locked before it."""
    if run.closes_at is None or not (run.is_collecting or (run.is_locked and run.has_closed)):
        return {"closes": None}
    left, zone = run.closes_at - timezone.now(), run.group.zone
    at, text = run.closes_at.astimezone(zone), format_moment(run.closes_at, zone)
    is_over = left <= timedelta()
    return {
        "closes": Closes(at, text, "" if is_over else time_left(left), not is_over and left < SOON, run.is_collecting)
    }


def time_left(left):
    """“in 3 days”, “in 5 h”, “in 2 h 40 min”: minutes in the last three hours only, and never nothing."""
    minutes = max(left // timedelta(minutes=1), 1)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return ngettext("in %(count)s day", "in %(count)s days", hours // 24) % {"count": hours // 24}
    if hours >= 3 or (hours and not rest):
        return _("in %(hours)s h") % {"hours": hours}
    if hours:
        return _("in %(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest}
    return _("in %(minutes)s min") % {"minutes": rest}
