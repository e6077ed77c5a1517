"""Where a form of the catalogue leads: back to the page that sent the person here, with what they made there."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def next_path(request):
    """The path of ours that the request names as `next`, or nothing."""
    path = request.POST.get("next") or request.GET.get("next", "")
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, None) else ""


def onward_url(path, **made):
    """`path` with the id of the product or store that was made, else the page of its own."""
    [(name, pk)] = made.items()
    if not path:
        return reverse(name, args=[pk])
    parts = urlsplit(path)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return parts._replace(query=urlencode([*query, (name, pk)])).geturl()


def go_on(request, **made):
    return redirect(onward_url(next_path(request), **made))
