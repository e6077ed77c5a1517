"""Pages that belong to no app: error pages, health checks, and the admin's login."""

import logging
import sys

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.defaults import server_error

from accounts.views.people import log_in_first

from .kit.errors import AddressTooLong
from .kit.http import ask_to_send_again, came_from_here, repeatable, sent_form
from .kit.ratelimit import limited
from .logs import lines
from .watch import health, readiness

log = logging.getLogger(__name__)
RETRY_AFTER = 10  # seconds, as Caddy says when a web process is away
# Of PostgreSQL: connection lost; too many connections, or no room; it is being stopped or started.
AWAY = ("08", "53", "57P")


def bad_request(request, exception):
    """The answer to unreadable requests, which reach no view. Needs neither session nor database."""
    status, title, text = 400, _("We couldn't understand this request"), _("Go back and try again.")
    if isinstance(exception, AddressTooLong):
        status, title, text = 414, _("This address is too long"), _("Shorten it, or go to the start page.")
    elif isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        status, title, text = (
            413,
            _("This is too much at once"),
            _("Go back and send less, or send it in parts."),
        )
    log.warning("Refused before any view: %s", type(exception).__name__)
    context = {"title": title, "text": text, "request_id": lines.current.get()[0]}
    return HttpResponse(render_to_string("400.html", context), status=status)


def answer_to_error(request):
    """Django's answer to an exception that nobody caught, wherever it was raised: 503 if the database is away."""
    if not is_away(sys.exc_info()[1]):
        return server_error(request)
    # Without the request: the ordinary frame of a page needs the database.
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "private, no-store"}
    return HttpResponse(render_to_string("503.html"), status=503, headers=headers)


def is_away(error):
    """Whether PostgreSQL could not be reached, as opposed to refusing something."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(AWAY)


@login_not_required
def csrf_failure(request, reason=""):
    """The token is from an earlier session, or another site sent the form. Only the first kind is kept."""
    if not came_from_here(request) or not request.POST:
        return render(request, "403_csrf.html", status=403)
    if not request.user.is_authenticated and getattr(request.resolver_match.func, "login_required", True):
        return log_in_first(request)
    return ask_to_send_again(request, sent_form(request), title=_("This page was open too long"), status=403)


@login_not_required
@repeatable
@limited("login")
@require_http_methods(["GET", "POST"])
def admin_login(request):
    """The admin's own login page, rate-limited like the ordinary one."""
    return admin.site.login(request)


@login_not_required
@require_safe
def alive(request):
    """Whether this process answers; checks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request):
    """Whether this process can serve people: 200 or 503, and one line per component."""
    states = readiness.parts()
    lines = "".join(f"{name}: {state}\n" for name, state in states.items())
    return HttpResponse(lines, status=200 if readiness.is_ready(states) else 503, content_type="text/plain")


@login_not_required
@require_safe
def no_stream(request):
    """Streams come from the live process (bulq.stream). A 204 stops the browser, and pages poll instead."""
    return HttpResponse(status=204)


@login_not_required
@require_safe
def backup_health(request):
    """Whether there is a recent backup, for outside monitoring: a status and a date, nothing else."""
    try:
        last, is_silent = health.last_verified(), health.is_silent()
    except DatabaseError:
        return HttpResponse("unknown\n", status=503, content_type="text/plain")
    date = last.verified_at.isoformat(timespec="seconds") if last else "none"
    return HttpResponse(f"{date}\n", status=503 if is_silent else 200, content_type="text/plain")
