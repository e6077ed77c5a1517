"""Rate limits: every limit, what it counts by, and what has none.

A view carries the name of its limit (`@limited("bids")`), for one method; everything else counts as "general".
The numbers are settings (`RATE_LIMITS`).
"""

import hashlib
import re
import threading
import time
import unicodedata

from django.conf import settings
from django.urls import Resolver404, resolve
from django_ratelimit.core import get_usage

from .addresses import network_of
from .breaker import Breaker, RedisAway
from .names import normalise_username

# Names of addresses that are never counted. Static files are served before the limits.
EXEMPT = frozenset({"health-live", "health-ready", "health-backup", "live"})
GENERAL = "general"
RATE = re.compile(r"([0-9]+)/([1-9][0-9]*)?([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def by_address(request):
    return network_of(request.META["REMOTE_ADDR"])


def by_name_and_address(request):
    """Not by name alone: anyone could then lock a person out from anywhere."""
    return f"{normalise_username(request.POST.get('username', ''))} {by_address(request)}"


def by_recipient(request):
    """The recipient of a reset mail, as a digest, so that the key of a counter names nobody."""
    email = unicodedata.normalize("NFKC", request.POST.get("email", "")).strip().casefold()
    return hashlib.sha256(email.encode(errors="replace")).hexdigest()


def by_person(request):
    """The logged-in person on any device; otherwise the address."""
    return f"person {request.user.pk}" if request.user.is_authenticated else by_address(request)


# What each limit counts: the name of a rate in the settings, and the key. The first one exceeded refuses.
COUNTED = {
    "login": (("login", by_address), ("login_name", by_name_and_address)),
    "code": (("login", by_address), ("login_name", by_person)),
    "registration": (("registration", by_address),),
    "reset": (("reset", by_address), ("reset_recipient", by_recipient)),
    "bids": (("bids", by_person),),
    "calendar": (("calendar", by_address),),
    GENERAL: ((GENERAL, by_person),),
}
# Without Redis these are counted in each process, the others not at all. A refusal of these reads no session.
ALWAYS_COUNTED = {"login", "code", "registration", "reset"}
breaker = Breaker("the rate limit")


def limited(name, *, method="POST"):
    """Mark a view: requests with this method count towards the limit `name`."""

    def mark(view):
        view.rate_limit, view.limited_method = name, method
        return view

    return mark


def limit_of(request):
    """The name of the limit that a request counts towards; None if it has none."""
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return GENERAL
    if match.view_name in EXEMPT:
        return None
    is_counted = request.method == getattr(match.func, "limited_method", "")
    return match.func.rate_limit if is_counted else GENERAL


def seconds_to_wait(request, limit):
    """Count a request. Returns 0 if it may pass, or else the seconds until the next one may."""
    if not settings.RATELIMIT_ENABLE:
        return 0
    for rate, key in COUNTED[limit]:
        usage = _usage(request, rate, key(request), is_always_counted=limit in ALWAYS_COUNTED)
        if usage and usage["should_limit"]:
            # The last second of a window still belongs to it.
            return max(usage["time_left"], 0) + 1
    return 0


def _usage(request, rate, value, *, is_always_counted):
    # The library joins group, rate, value and time without separators.
    params = {"group": f"{rate}:", "key": lambda _group, _request: f":{value}:", "rate": settings.RATE_LIMITS[rate]}
    try:
        return breaker.ask(lambda: get_usage(request, increment=True, **params))
    except RedisAway:
        return _count_here(rate, value) if is_always_counted else None


# --- Without Redis ---------------------------------------------------------------------------------
_counts, _counts_lock = {}, threading.Lock()


def _count_here(rate, value):
    """Count in this process alone; earlier windows are forgotten."""
    most, period = parsed_rate(settings.RATE_LIMITS[rate])
    window, passed = divmod(int(time.time()), period)
    with _counts_lock:
        known, counts = _counts.get(rate, (None, {}))
        if known != window:
            counts = {}
            _counts[rate] = window, counts
        counts[value] = counts.get(value, 0) + 1
        return {"should_limit": counts[value] > most, "time_left": period - passed - 1}


def parsed_rate(rate):
    """How many in how many seconds: `(5, 60)` of "5/m", `(5, 3)` of "5/3s"."""
    most, times, unit = RATE.fullmatch(rate).groups()
    return int(most), int(times or 1) * SECONDS[unit]
