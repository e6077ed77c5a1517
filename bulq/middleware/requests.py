"""The client's address, the request's id and time, and its log line."""

import sys
import time
from functools import partial

from django.conf import settings
from django.core.signals import got_request_exception
from django.dispatch import receiver

from bulq.kit.addresses import client_address, is_trusted
from bulq.logs import lines
from bulq.watch import trouble


class RequestLogMiddleware:
    """Gives each request an id and logs it. Outermost, because it trusts only the other end of the connection."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        started, meta = time.perf_counter(), request.META
        is_ours, method = is_trusted(meta.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES), request.method
        request_id = lines.request_id(meta.get("HTTP_X_REQUEST_ID", ""), is_trusted=is_ours)
        token = lines.current.set((request_id, partial(lines.person_of, request)))
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            route = lines.route_of(request)
            if not (request.path_info.startswith("/health/") and response.status_code == 200):
                lines.log_request(
                    method=method,
                    route=route,
                    status=response.status_code,
                    ms=round((time.perf_counter() - started) * 1000),
                    address=meta["REMOTE_ADDR"],
                    error=getattr(request, "error", None),
                )
            trouble.note(route, response.status_code)
        finally:
            lines.current.reset(token)
        return response


@receiver(got_request_exception)
def _keep_error(request, **_kwargs):
    request.error = sys.exc_info()[1]


class ClientAddressMiddleware:
    """Sets REMOTE_ADDR to the client's own address, also in the log.

    Drops claims about HTTPS from untrusted peers. Also notes the time of the request: the resulting page shows nothing
    newer than that.
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
