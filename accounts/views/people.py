"""Logging in and out, registration, settings, and closing an account."""

from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth import views as framework
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import MAIL_OFF, REMINDERS_OFF, calendar_url, get_signed_person
from accounts.actions.mail import ask_for_reset
from accounts.actions.people import (
    change_password,
    change_profile,
    choose_language,
    choose_reminders,
    choose_theme,
    close_account,
    closing_problems,
    log_out_everywhere,
    register_person,
    registration_problems,
    renew_calendar,
    set_how_to_pay,
    stop_mail,
    stop_reminders,
)
from accounts.forms import (
    CurrentPassword,
    HowToPayForm,
    LanguageForm,
    LoginForm,
    PasswordForm,
    ProfileForm,
    RegistrationForm,
    RemindersForm,
    ResetForm,
    ResetRequestForm,
    ThemeForm,
)
from bulq.kit import languages
from bulq.kit.errors import BulqError, NotAllowed
from bulq.kit.http import answer, ask_to_send_again, flash_errors, own_address, repeatable, sent_by_browser, sent_form
from bulq.kit.ratelimit import limited

KEPT = "accounts.kept"
SETTINGS_FORMS = {
    "profile_form": ProfileForm,
    "pay_form": HowToPayForm,
    "password_form": PasswordForm,
    "reminders_form": RemindersForm,
    "theme_form": ThemeForm,
    "language_form": LanguageForm,
}


# Django's views accept PUT as POST; a class that overrides `dispatch` has to be marked public again.
public_form = method_decorator([login_not_required, require_http_methods(["GET", "POST"])], name="dispatch")


class RefusedForm:
    """Django's form views: a valid form is answered with a redirect, so a page after a POST is a refusal (422)."""

    def render_to_response(self, context, **kwargs):
        status = 422 if self.request.method == "POST" else 200
        return super().render_to_response(context, status=status, **kwargs)


@public_form
class Login(RefusedForm, framework.LoginView):
    form_class = LoginForm
    redirect_authenticated_user = True

    def dispatch(self, request, *args, **kwargs):
        if request.method == "POST" and request.user.is_authenticated and (form := _kept_by(request)):
            return _ask_to_send(request, form)  # they have logged in elsewhere in the meantime
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form):
        response, kept = super().form_valid(form), _kept_by(self.request)
        languages.follow(self.request, self.request.user)
        return _ask_to_send(self.request, kept) if kept else response

    def get_redirect_url(self):
        url = super().get_redirect_url()
        # Redirecting someone who is logged in back to this page would loop.
        return "" if urlsplit(url).path == self.request.path else url

    def get_context_data(self, **kwargs):
        join = _invitation_in(self.get_redirect_url())
        kept = self.request.POST.get("kept", "")
        return super().get_context_data(join=join, may_register=not registration_problems(join), kept=kept, **kwargs)


def log_in_first(request):
    """The login form for someone whose session has ended, carrying what they have just sent; nothing is stored."""
    kept = signing.dumps(sent_form(request), salt=KEPT, compress=True)
    return sent_by_browser(
        answer(request, "registration/login.html", {"kept": kept}, status=403, form=LoginForm(request))
    )


def _kept_by(request):
    """The form that `log_in_first` put into the login form. Signed, so that nobody else can decide what is sent."""
    with suppress(signing.BadSignature):
        return signing.loads(request.POST.get("kept", ""), salt=KEPT)
    return None


def _ask_to_send(request, form):
    return ask_to_send_again(request, form, title=_("Send what you typed"), status=200)


@public_form
class PasswordReset(RefusedForm, framework.PasswordResetView):
    """Takes the same steps and the same time whether anyone has the address or not."""

    form_class = ResetRequestForm

    def form_valid(self, form):
        ask_for_reset(form.cleaned_data["email"])
        return redirect(self.get_success_url())


@public_form
class PasswordResetConfirm(RefusedForm, framework.PasswordResetConfirmView):
    form_class = ResetForm


def _invitation_in(url):
    """The token, if `url` is the address of an invitation."""
    try:
        match = resolve(urlsplit(url).path)
    except Resolver404:
        return ""
    return match.kwargs["token"] if match.url_name == "join" else ""


@login_not_required
@limited("registration")
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def register(request):
    join = _invitation_in(f"/join/{request.POST.get('join') or request.GET.get('join', '')}/")
    landing = reverse("join", args=[join]) if join else reverse(site.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(landing)
    problems = registration_problems(join)
    if request.method == "POST" and problems:
        raise NotAllowed(problems[0])
    form = RegistrationForm(request.POST or None, initial={"join": join})
    if form.is_valid():
        with flash_errors(form):
            login(request, register_person(**form.person_fields(), join_token=join))
            return redirect(landing)
    return answer(
        request, "accounts/register.html", {"problems": problems, "landing": landing, "join": join}, form=form
    )


@login_not_required
@repeatable
@require_POST
def logout_here(request):
    logout(request)
    return redirect(site.LOGOUT_REDIRECT_URL)


@repeatable
@require_POST
def logout_everywhere(request):
    log_out_everywhere(by=request.user)
    logout(request)
    languages.follow(request, request.user)
    messages.success(request, _("You are logged out on every device."))
    return redirect(site.LOGOUT_REDIRECT_URL)


@require_http_methods(["GET"])
def settings(request):
    return _settings_page(request)


def _settings_page(request, **sent):
    """All forms of the page; the one that was refused keeps what was typed."""
    forms = {name: sent.get(name) or make(request.user) for name, make in SETTINGS_FORMS.items()}
    context = forms | {"calendar": calendar_url(request.user)}
    return answer(request, "accounts/settings.html", context, form=next(iter(sent.values()), None))


@sensitive_post_parameters()
@require_POST
def settings_profile(request):
    form = ProfileForm(request.user, request.POST)
    if form.is_valid():
        with flash_errors(form):
            typed = dict(form.cleaned_data)
            typed.pop("current_password")
            change_profile(by=request.user, **typed)
            messages.success(request, _("Saved"))
            return redirect("settings")
    return _settings_page(request, profile_form=form)


@sensitive_post_parameters()
@require_POST
def settings_password(request):
    form = PasswordForm(request.user, request.POST)
    if form.is_valid():
        with flash_errors(form):
            person = change_password(by=request.user, password=form.cleaned_data["new_password"])
            update_session_auth_hash(request, person)
            messages.success(request, _("Password changed. You are logged out on all other devices."))
            return redirect("settings")
    return _settings_page(request, password_form=form)


@require_POST
def settings_theme(request):
    form = ThemeForm(request.user, request.POST)
    if form.is_valid():
        with flash_errors(form):
            choose_theme(by=request.user, theme=form.cleaned_data["theme"])
            messages.success(request, _("Saved"))
            return redirect("settings")
    return _settings_page(request, theme_form=form)


@require_POST
def settings_language(request):
    form = LanguageForm(request.user, request.POST)
    if form.is_valid():
        with flash_errors(form):
            languages.follow(request, choose_language(by=request.user, language=form.cleaned_data["language"]))
            messages.success(request, _("Saved"))
            return redirect("settings")
    return _settings_page(request, language_form=form)


@login_not_required
@repeatable
@require_POST
def switch_language(request):
    """From the foot of any page: a person's choice is theirs, on every device; a stranger's is their browser's."""
    code = request.POST.get("language", "")
    if not languages.is_known(code):
        raise BulqError(_("Choose a language from the list"))
    response = redirect(own_address(request.POST.get("next", "")))
    if request.user.is_authenticated:
        languages.follow(request, choose_language(by=request.user, language=code))
    else:
        languages.set_cookie(response, code)
    return response


@require_POST
def settings_reminders(request):
    form = RemindersForm(request.user, request.POST)
    if form.is_valid():
        choose_reminders(by=request.user, wants_reminders=form.cleaned_data["wants_reminders"])
        messages.success(request, _("Saved"))
        return redirect("settings")
    return _settings_page(request, reminders_form=form)


@sensitive_post_parameters()
@require_POST
def settings_pay(request):
    form = HowToPayForm(request.user, request.POST)
    if form.is_valid():
        with flash_errors(form):
            form.cleaned_data.pop("current_password")
            set_how_to_pay(by=request.user, **form.cleaned_data)
            messages.success(request, _("Saved"))
            return redirect("settings")
    return _settings_page(request, pay_form=form)


@require_POST
def settings_calendar(request):
    renew_calendar(by=request.user)
    messages.success(request, _("Your calendar has a new address. Earlier ones no longer work."))
    return redirect("settings")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def close(request):
    form = CurrentPassword(request.user, request.POST or None)
    if form.is_valid():
        with flash_errors(form):
            close_account(by=request.user)
            logout(request)
            languages.follow(request, request.user)
            messages.success(request, _("Your account is closed. Thank you for using Bulq."))
            return redirect(site.LOGOUT_REDIRECT_URL)
    return answer(request, "accounts/close.html", {"problems": closing_problems(request.user)}, form=form)


@csrf_exempt
@login_not_required
@repeatable
@require_http_methods(["GET", "POST"])
def mail_off(request, token):
    """The unsubscribe link of an e-mail. A mail program may post to it by itself (RFC 8058); a GET changes nothing."""
    person = get_signed_person(MAIL_OFF, token)
    if request.method == "POST":
        stop_mail(person.pk)
    return render(request, "accounts/mail_off.html", {"name": person.name, "is_off": request.method == "POST"})


@csrf_exempt
@login_not_required
@repeatable
@require_http_methods(["GET", "POST"])
def reminders_off(request, token):
    """The same for reminders alone. The token is the only right: a session counts for nothing here."""
    person = get_signed_person(REMINDERS_OFF, token)
    if request.method == "POST":
        stop_reminders(person.pk)
    return render(request, "accounts/reminders_off.html", {"name": person.name, "is_off": request.method == "POST"})
