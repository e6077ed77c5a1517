"""What every view does with a form, a refusal and an answer."""

from contextlib import contextmanager

from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext

from .errors import BulqError


@contextmanager
def flash_errors(form):
    """Put a refusal on the form it belongs to and go on to render the form again."""
    try:
        yield
    except BulqError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        form.refusal_status = error.status


def carry_what_is_there(form, **now):
    """Let a refused form carry the present state in its hidden fields: sent again, it overwrites knowingly."""
    form.data = form.data.copy()
    for name, value in now.items():
        form.data[form.add_prefix(name)] = str(value)


def answer(request, template, context=None, *, form=None):
    """Render a page; 422 when `form` was refused, or 409 when what it showed has changed meanwhile."""
    status = 200
    if form is not None and form.is_bound and form.errors:
        status = getattr(form, "refusal_status", 422)
    return render(request, template, {"form": form} | (context or {}), status=status)


def refuse(request, error):
    """Answer to a refused action that has no form of its own: the sentence, and the way back."""
    return _refusal(request, "refused.html", {"message": error.message, "back_url": back_url(request)}, error.status)


def too_many(request, seconds):
    """Answer to somebody who asks too often: how long to wait, and what was typed, ready to be sent again.

    The page asks for no person and no session: `request.user` says who is known.
    """
    message = ngettext(
        "Too many at once. Wait %(count)s second, then try again.",
        "Too many at once. Wait %(count)s seconds, then try again.",
        seconds,
    ) % {"count": seconds}
    tokens = {"csrfmiddlewaretoken", "once"}
    typed = [(name, text) for name, texts in request.POST.lists() for text in texts if name not in tokens]
    context = {
        "message": message,
        "kept": [(name, text) for name, text in typed if "password" not in name],
        "passwords": [name for name, _text in typed if "password" in name],
    }
    response = _refusal(request, "429.html", context, 429)
    response["Retry-After"] = seconds
    patch_cache_control(response, private=True, no_store=True)
    return response


def _refusal(request, page, context, status):
    response = render(request, "includes/_refused.html" if request.htmx else page, context, status=status)
    if request.htmx:
        # The page stays as it is, with what was typed; only the banner is new.
        response["HX-Retarget"] = "#messages"
        response["HX-Reselect"] = "#refused"
        response["HX-Reswap"] = "innerHTML"
    return response


def back_url(request, default="/"):
    """Page the request came from, if it is one of ours."""
    url = request.headers.get("Referer", "")
    here = request.build_absolute_uri("/")
    if url_has_allowed_host_and_scheme(url, {request.get_host()}) and url.startswith(here):
        return url[len(here) - 1 :]
    return default


def repeatable(view):
    """Mark a posting view whose repetition is harmless and has to happen again (logging in, for one)."""
    view.repeatable = True
    return view
