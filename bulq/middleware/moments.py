"""A page is read at one moment; a form is answered once, in one transaction."""

import hashlib
import json
import re
from types import SimpleNamespace

from django.contrib.auth import get_user, login
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, transaction
from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from bulq.kit import ratelimit
from bulq.kit.errors import BulqError, Busy
from bulq.kit.http import refuse
from bulq.kit.locks import busy_when_locked, changed_when_gone
from bulq.kit.snapshot import snapshot
from bulq.models import SentForm

ONE_TIME_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
REPLAYED_HEADERS = ("Content-Type", "Location", "HX-Retarget", "HX-Reselect", "HX-Reswap")


class SnapshotMiddleware(MiddlewareMixin):
    """Serves each GET from one read-only snapshot."""

    def process_view(self, request, view, args, kwargs):
        if request.method not in ("GET", "HEAD") or request.resolver_match.view_name in ratelimit.EXEMPT:
            return None  # health checks have to work without the database
        with snapshot():
            try:
                return view(request, *args, **kwargs)
            except BulqError as error:
                return refuse(request, error)


class OnceMiddleware(MiddlewareMixin):
    """Runs each POST view and stores its answer in one transaction.

    The same form sent again, later or at the same moment, waits for the first and gets its answer. A refused form
    (4xx) leaves nothing behind, so that it can be corrected and sent again. Views marked `repeatable`, and Django's
    admin with its own forms, are excluded.
    """

    def process_view(self, request, view, args, kwargs):
        if request.method != "POST" or getattr(view, "repeatable", False):
            return None
        if request.resolver_match.app_names[:1] == ["admin"]:
            return None
        try:
            with busy_when_locked(), changed_when_gone():
                return self._answer_once(request, view, args, kwargs)
        except BulqError as error:
            return refuse(request, error)

    def process_exception(self, request, exception):
        return refuse(request, exception) if isinstance(exception, BulqError) else None

    def _answer_once(self, request, view, args, kwargs):
        if not ONE_TIME_ID.fullmatch(request.POST.get("once", "")):
            raise BulqError(_("This form was incomplete. Reload the page and send it again."))
        key, user = _key(request), request.user if request.user.is_authenticated else None
        with transaction.atomic():
            try:
                sent, is_new = SentForm.objects.begin(key, user)
            except OperationalError as error:
                if isinstance(error.__cause__, LockNotAvailable):
                    raise Busy(_("This is still being saved. Try again in a moment.")) from error
                raise
            if not is_new:
                return _replay(request, sent)
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


def _remember(sent, request, response):
    sent.status = response.status_code
    sent.headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    sent.body = response.content
    if sent.user is None and request.user.is_authenticated:
        request.session.save()  # in the same transaction: a request waiting for this answer reads it at once
        sent.user, sent.signed_in, sent.session_key = request.user, True, request.session.session_key
    sent.save(update_fields=["status", "headers", "body", "user", "signed_in", "session_key"])


def _replay(request, sent):
    if sent.signed_in and get_user(SimpleNamespace(session=SessionStore(sent.session_key))) == sent.user:
        # The first answer logged the person in, but its cookie may never have reached the browser. If they have logged
        # out since, here or everywhere, or changed their password, they stay logged out.
        login(request, sent.user)
    return HttpResponse(bytes(sent.body), status=sent.status, headers=sent.headers)
