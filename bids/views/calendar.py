"""A person's calendar for other programs (RFC 5545), behind a secret address."""

import hashlib
import re
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from accounts.access import get_person_of_calendar
from bids.reading.calendar import DAY, entries_for
from bulq.kit.languages import current_tag, speaking_to
from bulq.kit.ratelimit import limited

# Calendar programs ask when they like; this is a proposal.
ASK_AGAIN = timedelta(hours=1)
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f]")


@limited("calendar", method="GET")
@login_not_required
@require_GET
def calendar(request, token):
    """The rights are looked up each time, as on a page. An unknown address and a replaced one are the same 404."""
    person = get_person_of_calendar(token)
    with speaking_to(person):
        entries, language = entries_for(person, timezone.now()), current_tag()
    versions = "\n".join([language, *(f"{entry.uid} {entry.sequence}" for entry in entries)])
    etag = f'"{hashlib.sha256(versions.encode()).hexdigest()}"'
    response = HttpResponse(_written(entries), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="bulq.ics"'
    response["Cache-Control"] = "private, no-cache"
    response["Content-Language"] = language
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response)


def _written(entries):
    from icalendar import Calendar  # 3 MB, which only a process that is asked for a calendar needs

    shown = Calendar()
    shown.add("prodid", "-//Bulq//EN")
    shown.add("version", "2.0")
    shown.add("x-wr-calname", "Bulq")
    shown.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    shown.add("x-published-ttl", "PT1H")
    for entry in entries:
        shown.add_component(_event(entry))
    return shown.to_ical()


def _event(entry):
    from icalendar import Event

    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("dtstart", entry.start)
    if entry.kind == DAY:
        event.add("dtend", entry.start + timedelta(days=1))  # the first day after it
    event.add("summary", CONTROLS.sub("", entry.title))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")  # or people would count as busy
    event.add("url", settings.SITE_URL + reverse("run", args=[entry.run_id]))
    return event
