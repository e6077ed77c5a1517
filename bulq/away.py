"""While PostgreSQL cannot be reached, whatever was asked for has one answer: come back in a moment (`handler500`)."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

RETRY_AFTER = 10  # seconds, as Caddy says when a web process is away
# Of PostgreSQL: connection lost; too many connections, or no room; it is being stopped or started.
AWAY = ("08", "53", "57P")


def answer_to_error(request):
    """Django's answer to an exception that nobody caught, wherever it was raised: 503 if the database is away."""
    if not is_away(sys.exc_info()[1]):
        return server_error(request)
    # Without the request: what the page around it asks for is in the database.
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "private, no-store"}
    return HttpResponse(render_to_string("503.html"), status=503, headers=headers)


def is_away(error):
    """Whether PostgreSQL was not there to answer; not that it refused something."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(AWAY)
