"""Helpers of all views for forms, refusals and answers."""

from contextlib import contextmanager

from django.conf import settings
from django.contrib import messages
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext

from .errors import BulqError

TOKENS = {"csrfmiddlewaretoken", "once"}


@contextmanager
def flash_errors(form):
    """Attach a refusal to its form, so that the view goes on to render the form again."""
    try:
        yield
    except BulqError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        form.refusal_status = error.status


def carry_what_is_there(form, **now):
    """Put the current state into a refused form's hidden fields, so that sending it again overwrites."""
    form.data = form.data.copy()
    for name, value in now.items():
        form.data[form.add_prefix(name)] = str(value)


def answer(request, template, context=None, *, form=None, status=200):
    """Render a page; 422 when `form` was refused, or 409 when what it showed has changed since."""
    if form is not None and form.is_bound and form.errors:
        status = getattr(form, "refusal_status", 422)
    return render(request, template, {"form": form} | (context or {}), status=status)


def offer_undo(request, text, name, *args):
    """Add a message with a button that undoes what was just done, by posting to the address called `name`."""
    messages.add_message(request, settings.MESSAGE_UNDO, text, extra_tags=reverse(name, args=args))


def refuse(request, error):
    """Answer to a refused action without a form of its own: the sentence, and a link back."""
    return _refusal(request, "refused.html", {"message": error.message, "back_url": back_url(request)}, error.status)


def too_many(request, seconds):
    """Answer to too many requests: how long to wait, and what was typed, ready to be sent again.

    The page needs no query for a session: `request.user` may be anonymous.
    """
    minutes = -(-seconds // 60)
    if seconds > 120:
        message = ngettext(
            "Too many requests. Wait %(count)s minute, then try again.",
            "Too many requests. Wait %(count)s minutes, then try again.",
            minutes,
        ) % {"count": minutes}
    else:
        message = ngettext(
            "Too many requests. Wait %(count)s second, then try again.",
            "Too many requests. Wait %(count)s seconds, then try again.",
            seconds,
        ) % {"count": seconds}
    is_kept = request.method == "POST" and came_from_here(request) is not False
    context = {"message": message, "again": is_kept and sent_form(request)}
    response = _refusal(request, "429.html", context, 429)
    response["Retry-After"] = seconds
    return response


def sent_form(request):
    """A submitted form, to be sent again: address and fields without tokens. Of passwords only the names are kept."""
    typed = [(name, text) for name, texts in request.POST.lists() for text in texts if name not in TOKENS]
    return {
        "url": request.get_full_path(),
        "kept": [[name, text] for name, text in typed if "password" not in name],
        "passwords": [name for name, _text in typed if "password" in name],
    }


def ask_to_send_again(request, form, *, title, status):
    """A page with `form` (from `sent_form`) and a fresh token. It shows what would be sent, and as whom."""
    response = render(request, "again.html", {"title": title, "again": form}, status=status)
    return sent_by_browser(response)


def sent_by_browser(response):
    """Mark an answer that has to be a whole page: the browser, not htmx, then sends the form (app.js)."""
    response["X-Bulq-Again"] = "1"
    return response


def came_from_here(request):
    """Whether the browser says that one of our pages sent this form; None if it says nothing.

    Only then may a form without a valid token be shown again, ready to be sent with one click.
    """
    site = request.headers.get("Sec-Fetch-Site", "")
    if site in ("same-origin", "same-site", "cross-site"):
        return site == "same-origin"
    sender = request.headers.get("Origin") or request.headers.get("Referer")
    return f"{sender}/".startswith(request.build_absolute_uri("/")) if sender else None


def _refusal(request, page, context, status):
    response = render(request, "includes/_refused.html" if request.htmx else page, context, status=status)
    if request.htmx:
        # The page stays as it is, with what was typed; only the banner is new.
        response["HX-Retarget"] = "#messages"
        response["HX-Reselect"] = "#refused"
        response["HX-Reswap"] = "innerHTML"
    return response


def back_url(request, default="/"):
    """The page the request came from, if it is one of ours."""
    url = request.headers.get("Referer", "")
    here = request.build_absolute_uri("/")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}) and url.startswith(here):
        return url[len(here) - 1 :]
    return default


def own_address(url, default="/"):
    """A path of this site that a form names, to go on to; `default` for anything else."""
    return url if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else default


def repeatable(view):
    """Mark a POST view that has to run again when its form is repeated (logging in, for example)."""
    view.repeatable = True
    return view
