"""Log lines of web, live and worker: request, person, outcome; never a secret.

Paths may hold one (invitations, password resets, unsubscribe links), so lines name the route. The text of an exception
may quote what someone typed, or a row of the database, so little of it is kept. The settings, gunicorn.conf.py and
Celery use the same configuration.
"""

import logging
import re
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from uuid import uuid4

from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject
from pythonjsonlogger.json import JsonFormatter

# The id of the request, and a function that returns the person. A task has the id of the request that queued it.
current = ContextVar("current", default=("", lambda: None))
requests = logging.getLogger("bulq.requests")
ID = re.compile(r"[A-Za-z0-9-]{1,64}")
FIELDS = ("method", "route", "status", "ms", "address", "task", "state")
URL = re.compile(r"""([a-z][a-z0-9+.-]*://)(?:[^\s/]*@)?([^\s/?#'",;)\]>]*)[^\s'",;)\]>]*""", re.IGNORECASE)
# What gunicorn could not read, or was reading when something happened, follows these words.
UNREAD = re.compile(r"Error handling request|(?:Error|Invalid)[^'\"]*")
VALUE = re.compile(r"(?<=: )b?['\"{(].*")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def request_id(given, *, is_trusted):
    return given if is_trusted and ID.fullmatch(given) else uuid4().hex


def log_request(*, method, route, status, ms, address, error=None):
    """The one line of a request."""
    level = logging.ERROR if error else logging.WARNING if status >= 500 else logging.INFO
    facts = {"method": method, "route": route, "status": status, "ms": ms, "address": address}
    requests.log(level, "%s %s %s", method, route, status, extra=facts, exc_info=error)


def route_of(request):
    """The route, also of a request refused before its view."""
    try:
        return (request.resolver_match or resolve(request.path_info)).route or "/"
    except Resolver404:
        return "-"


def person_of(request):
    """The person's key, if it has been loaded already: a log line should cost no query."""
    user, looked_up = getattr(request, "user", None), getattr(request, "_cached_user", None)
    if isinstance(user, SimpleLazyObject):
        user = None
    return getattr(user, "pk", None) or getattr(looked_up, "pk", None)


# --- Content of a line -----------------------------------------------------------------------------
def facts(record):
    request, person = current.get()
    shown = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": _message(record),
        "request": request,
        "person": person(),
    }
    shown |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    if record.exc_info and record.exc_info[1]:
        shown["exc_info"] = _traceback(record.exc_info[1])
    return shown


def _message(record):
    text, request = record.getMessage(), getattr(record, "request", None)
    if hasattr(request, "resolver_match"):  # Django's own; it may have escaped the path
        for path in (request.path, request.path.encode("unicode_escape").decode()):
            text = text.replace(path, route_of(request)) if len(path) > 1 else text
    if record.name == "gunicorn.error" and (found := UNREAD.match(text)):
        text = found[0].strip()
    return _without_urls(text)


def _traceback(error):
    """Tracebacks of an exception and its causes, without values of variables."""
    parts, seen = [], set()
    while error and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}: {first_line(str(error))}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich led to\n\n".join(reversed(parts))


def first_line(text):
    """The first line of what an exception says: PostgreSQL quotes rows and statements below. Quoted values are cut."""
    first = text.partition("\n")[0]
    return _without_urls(first if first.startswith("[Errno") else VALUE.sub("...", first))


def _without_urls(text):
    """Keep only the host: passwords come before it, tokens after it."""
    return URL.sub(r"\1\2", text)


# --- How a line looks ------------------------------------------------------------------------------
class JsonLine(JsonFormatter):
    def add_fields(self, log_data, record, message_dict):
        log_data |= facts(record)


class TextLine(logging.Formatter):
    """Lines for people at a terminal."""

    def format(self, record):
        shown = facts(record)
        head = "{} {} {}: {} ".format(*(shown.pop(name) for name in ("time", "level", "logger", "message")))
        below = shown.pop("exc_info", "").split("\n")
        pairs = " ".join(f"{name}={value}" for name, value in shown.items() if value not in (None, ""))
        return "\n".join(CONTROL.sub(_escaped, line) for line in [head + pairs, *below] if line)


def _escaped(found):
    return found[0].encode("unicode_escape").decode()
