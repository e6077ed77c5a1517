"""Pages that belong to no app: the answers to what went wrong, and the door of the admin."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render

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
