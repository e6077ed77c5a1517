"""The second factor's own pages, for staff who have given their password but no code yet."""

from functools import wraps

import django_otp
from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.forms import CurrentPassword
from bulq.kit.http import answer, flash_errors
from bulq.kit.qr import qr
from bulq.kit.ratelimit import limited

from . import second_factor as factor
from .doors import safe_next

BEGUN = "second_factor.begun"  # in the session: the app whose first code is awaited


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code from the app"),
        max_length=20,
        error_messages={"required": _("Enter the six digits that the app shows")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class RecoveryForm(forms.Form):
    recovery = forms.CharField(
        label=_("Recovery code"),
        max_length=40,
        error_messages={"required": _("Enter one of your recovery codes")},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none"}),
    )


def for_staff(view):
    """Site admins who have logged in; everyone else gets the admin's login page."""

    @wraps(view)
    def inner(request, *args, **kwargs):
        if not request.user.is_staff:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request, *args, **kwargs)

    return limited("code")(never_cache(sensitive_post_parameters()(require_http_methods(["GET", "POST"])(inner))))


@for_staff
def second_factor(request):
    """Two fields for two devices: one does not use up, or lock, the other."""
    if request.user.is_verified():
        return redirect(safe_next(request))
    if not factor.app_of(request.user):
        return redirect("admin:second_factor_set_up")
    is_recovery, sent = "recovery" in request.POST, request.POST or None
    code_form, recovery_form = CodeForm(None if is_recovery else sent), RecoveryForm(sent if is_recovery else None)
    form, find = (recovery_form, factor.recovery_of) if is_recovery else (code_form, factor.app_of)
    if form.is_valid():
        with flash_errors(form):
            [(field, code)] = form.cleaned_data.items()
            device = find(request.user)
            factor.check(request.user, device, code, field)
            request.session.cycle_key()  # a cookie that someone saw before is worth no more than it was
            django_otp.login(request, device)
            return redirect(safe_next(request))
    context = {"code_form": code_form, "recovery_form": recovery_form, "next": safe_next(request)}
    return answer(request, "admin/second_factor.html", context, form=form)


@for_staff
def set_up(request):
    """First the password, then the first code of the app; its answer shows the recovery codes, once."""
    person, is_verified = request.user, request.user.is_verified()
    if factor.app_of(person) and not is_verified:
        return redirect("admin:second_factor")
    device = TOTPDevice.objects.filter(user=person, confirmed=False, pk=request.session.get(BEGUN)).first()
    if device is None:
        return _ask_password(request, is_verified)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        with flash_errors(form):
            person, codes = factor.finish(person, device, form.cleaned_data["code"], is_verified=is_verified)
            del request.session[BEGUN]
            update_session_auth_hash(request, person)
            django_otp.login(request, device)
            _log(person)
            factor.tell(person)
            return answer(request, "admin/recovery_codes.html", {"codes": codes})
    context = {"device": device, "key": _readable(device), "qr": qr(device.config_url)}
    return answer(request, "admin/second_factor_app.html", context, form=form)


def _ask_password(request, is_verified):
    form = CurrentPassword(request.user, request.POST or None)
    if form.is_valid():
        with flash_errors(form):
            request.session[BEGUN] = factor.begin(request.user, is_verified=is_verified).pk
            return redirect("admin:second_factor_set_up")
    return answer(request, "admin/second_factor_password.html", form=form)


def _readable(device):
    """The secret as people type it into an app: base 32, in groups of four."""
    key = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def _log(person):
    LogEntry.objects.log_actions(person.pk, [person], CHANGE, now("Set up the second factor."))
