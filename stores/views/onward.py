"""Redirects after catalogue forms: back to the page the person came from, with the new row selected.

Someone who needs a new store or product in the middle of a form takes a detour: what was typed is kept in the session
(a note can be too long for an address) and fills the form again on the way back.
"""

import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

SET_ASIDE = "set_aside"
MOST_SET_ASIDE = 5
NOT_TYPED = {"csrfmiddlewaretoken", "once", "detour", "next"}


def next_path(request):
    """The local path that the request names as `next`, or an empty string."""
    path = request.POST.get("next") or request.GET.get("next", "")
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, None) else ""


def onward_url(path, **made):
    """`path` with the id of the new product or store, or else that row's own page."""
    [(name, pk)] = made.items()
    if not path:
        return reverse(name, args=[pk])
    parts = urlsplit(path)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return parts._replace(query=urlencode([*query, (name, pk)])).geturl()


def go_on(request, **made):
    return redirect(onward_url(next_path(request), **made))


def detour(request, address, **values):
    """Redirect to the form for what is missing, with `values` filled in there."""
    return redirect(f"{reverse(address)}?{urlencode({'next': way_back(request)} | values)}")


def way_back(request, **more):
    """Address of the posting page, which fills its form again with what was typed."""
    typed = {name: text for name, text in request.POST.items() if name not in NOT_TYPED}
    key, aside = secrets.token_urlsafe(6), request.session.get(SET_ASIDE, {})
    latest = list(aside.items())[1 - MOST_SET_ASIDE :]
    request.session[SET_ASIDE] = {**dict(latest), key: typed}
    path = next_path(request)
    return f"{request.path}?{urlencode({'typed': key} | ({'next': path} if path else {}) | more)}"


def typed_before(request):
    """What was typed before a detour, as `initial` for the form."""
    return request.session.get(SET_ASIDE, {}).get(request.GET.get("typed", ""), {})
