"""Pages that belong to no app: the answers to what went wrong, and the door of the admin."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from . import readiness
from .backups import health
from .http import repeatable
from .ratelimit import limited


@login_not_required
def csrf_failure(request, reason=""):
    return render(request, "403_csrf.html", status=403)


@login_not_required
@repeatable
@limited("login")
def admin_login(request):
    """The admin's own login page, counted like the other one."""
    return admin.site.login(request)


@login_not_required
@require_safe
def alive(request):
    """This process answers; it asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request):
    """Whether people can be sent here: 200 or 503, and a line for each part behind."""
    states = readiness.parts()
    lines = "".join(f"{name}: {state}\n" for name, state in states.items())
    return HttpResponse(lines, status=200 if readiness.is_ready(states) else 503, content_type="text/plain")


@login_not_required
@require_safe
def no_stream(request):
    """What only the live process can give (bulq.stream). Without one in front of here, pages ask by themselves."""
    return HttpResponse(status=204)


@login_not_required
@require_safe
def backup_health(request):
    """Whether there is a recent backup, for who watches from outside: a status and a date, nothing else."""
    try:
        last, is_silent = health.last_verified(), health.is_silent()
    except DatabaseError:
        return HttpResponse("unknown\n", status=503, content_type="text/plain")
    date = last.verified_at.isoformat(timespec="seconds") if last else "none"
    return HttpResponse(f"{date}\n", status=503 if is_silent else 200, content_type="text/plain")
