"""What surrounds every view: who asks and how often, private pages, refusals as sentences, each form answered once."""

import hashlib
import json
import re
import sys
import time
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user, login, middleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import BadRequest
from django.core.signals import got_request_exception
from django.db import IntegrityError, OperationalError, transaction
from django.dispatch import receiver
from django.http import HttpResponse, UnreadablePostError
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from accounts.views.people import log_in_first

from . import logs, ratelimit
from .addresses import client_address, is_trusted
from .errors import AddressTooLong, BulqError, Busy
from .http import came_from_here, refuse, too_many
from .locks import busy_when_locked
from .models import SentForm
from .snapshot import snapshot

ONE_TIME_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
LONGEST_ADDRESS = 4000  # signs; gunicorn reads no more than 4,094 of a line
KEPT_FOR = timedelta(hours=24)
REPLAYED_HEADERS = ("Content-Type", "Location", "HX-Retarget", "HX-Reselect", "HX-Reswap")


class RequestLogMiddleware:
    """Gives each request an id, and writes its line. Outermost: its trust is in the other end of the connection."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        started, meta = time.perf_counter(), request.META
        is_ours, method = is_trusted(meta.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES), request.method
        one = logs.request_id(meta.get("HTTP_X_REQUEST_ID", ""), is_trusted=is_ours)
        token = logs.current.set((one, partial(logs.person_of, request)))
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = one
            if not (request.path_info.startswith("/health/") and response.status_code == 200):
                logs.log_request(
                    method=method,
                    route=logs.route_of(request),
                    status=response.status_code,
                    ms=round((time.perf_counter() - started) * 1000),
                    address=meta["REMOTE_ADDR"],
                    error=getattr(request, "error", None),
                )
        finally:
            logs.current.reset(token)
        return response


@receiver(got_request_exception)
def _keep_error(request, **_words):
    request.error = sys.exc_info()[1]


class ClientAddressMiddleware:
    """From here on REMOTE_ADDR is the client's own address, also in the log.

    What strangers say about HTTPS is dropped. It also notes when the request came: the page it leads to shows nothing
    that is newer.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.asked_at = str(int(time.time()))
        meta = request.META
        peer, forwarded = meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", "")
        if not is_trusted(peer, settings.TRUSTED_PROXIES):
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
        meta["REMOTE_ADDR"] = client_address(peer, forwarded, settings.TRUSTED_PROXIES)
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """What Django's own middleware does not say: no site may embed an answer, and no page needs a device.

    Nothing may be kept by a cache between us and the person, but files, which say so.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        if "Cache-Control" not in response:
            patch_cache_control(response, private=True, no_store=True)
        return response


class ReadableMiddleware:
    """Refuses what no view could read, whatever it is; the answer is `bulq.views.bad_request`.

    Forms are sent in UTF-8. The key of a session, which comes in a cookie, is looked up in the database, which knows
    no null character.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if (request.encoding or "utf-8").lower() not in ("utf-8", "utf8"):
            raise BadRequest("charset")
        if any("\0" in text for text in request.COOKIES.values()):
            raise BadRequest("cookie")
        if len(request.get_full_path()) > LONGEST_ADDRESS:
            raise AddressTooLong
        try:
            request.GET, request.POST  # noqa: B018 - read before anybody relies on them
        except (ValueError, LookupError, UnreadablePostError) as error:
            raise BadRequest("form") from error
        return self.get_response(request)


class HeadMiddleware:
    """Answers whoever asks for the head of a page as if for the page, and leaves out the rest."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = "GET"
        response = self.get_response(request)
        if not response.streaming:
            response.content = b""  # what says how long it would be stays
        return response


class RateLimitMiddleware:
    """Refuses who asks too often, before any view, form or password is looked at."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        limit = ratelimit.limit_of(request)
        if limit and (seconds := ratelimit.seconds_to_wait(request, limit)):
            if limit in ratelimit.ALWAYS_COUNTED:
                request.user = AnonymousUser()  # the answer is worth no query
            return too_many(request, seconds)
        return self.get_response(request)


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Whoever is no longer logged in and sends a form of ours logs in first; what they typed comes along."""

    def handle_no_permission(self, request, view_func):
        if request.method == "POST" and came_from_here(request):
            return log_in_first(request)
        return super().handle_no_permission(request, view_func)


class SnapshotMiddleware(MiddlewareMixin):
    """Reads each page at one moment, and lets nothing be written by reading."""

    def process_view(self, request, view, args, kwargs):
        if request.method not in ("GET", "HEAD") or request.resolver_match.view_name in ratelimit.EXEMPT:
            return None  # how the parts are is told without the database, too
        with snapshot():
            try:
                return view(request, *args, **kwargs)
            except BulqError as error:
                return refuse(request, error)


class OnceMiddleware(MiddlewareMixin):
    """Runs each posting view in one transaction together with the memory of its answer.

    The same form sent again, one after the other or at the same moment, waits for the first and gets its answer.
    A refused form (4xx) leaves nothing behind, so that it can be mended and sent again. Views marked
    `repeatable`, and Django's admin with its own forms, are left alone.
    """

    def process_view(self, request, view, args, kwargs):
        if request.method != "POST" or getattr(view, "repeatable", False):
            return None
        if request.resolver_match.app_names[:1] == ["admin"]:
            return None
        try:
            with busy_when_locked():
                return self._answer_once(request, view, args, kwargs)
        except BulqError as error:
            return refuse(request, error)

    def process_exception(self, request, exception):
        return refuse(request, exception) if isinstance(exception, BulqError) else None

    def _answer_once(self, request, view, args, kwargs):
        if not ONE_TIME_ID.fullmatch(request.POST.get("once", "")):
            raise BulqError(_("This form was incomplete. Reload the page and send it again."))
        key, user = _key(request), request.user if request.user.is_authenticated else None
        _forget_old_forms(user)
        with transaction.atomic():
            try:
                with transaction.atomic():
                    sent = SentForm.objects.create(key=key, user=user)
            except IntegrityError:
                return _replay(request, SentForm.objects.get(key=key))
            except OperationalError as error:
                if isinstance(error.__cause__, LockNotAvailable):
                    raise Busy(_("This is still being saved. Try again in a moment.")) from error
                raise
            response = view(request, *args, **kwargs)
            if response.status_code >= 400:
                transaction.set_rollback(True)
            else:
                _remember(sent, request, response)
        return response


def _key(request):
    fields = {name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"}
    content = json.dumps([request.user.pk, request.get_full_path(), fields], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _forget_old_forms(user):
    old = SentForm.objects.filter(user=user, sent_at__lt=timezone.now() - KEPT_FOR)
    old.delete()


def _remember(sent, request, response):
    sent.status = response.status_code
    sent.headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    sent.body = response.content
    if sent.user is None and request.user.is_authenticated:
        request.session.save()  # together with the memory of it: whoever waits for this answer looks at once
        sent.user, sent.signed_in, sent.session_key = request.user, True, request.session.session_key
    sent.save(update_fields=["status", "headers", "body", "user", "signed_in", "session_key"])


def _replay(request, sent):
    if sent.signed_in and get_user(SimpleNamespace(session=SessionStore(sent.session_key))) == sent.user:
        # The first answer signed the person in; its cookie may never have reached the browser. Whoever has logged out
        # since, here or everywhere, or has another password, stays out.
        login(request, sent.user)
    return HttpResponse(bytes(sent.body), status=sent.status, headers=sent.headers)
