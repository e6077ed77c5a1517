"""Who asks, since when, and the line of the log about it."""

import sys
import time
from functools import partial

from django.conf import settings
from django.core.signals import got_request_exception
from django.dispatch import receiver

from bulq.kit.addresses import client_address, is_trusted
from bulq.logs import lines


class RequestLogMiddleware:
    """Gives each request an id, and writes its line. Outermost: its trust is in the other end of the connection."""

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
            if not (request.path_info.startswith("/health/") and response.status_code == 200):
                lines.log_request(
                    method=method,
                    route=lines.route_of(request),
                    status=response.status_code,
                    ms=round((time.perf_counter() - started) * 1000),
                    address=meta["REMOTE_ADDR"],
                    error=getattr(request, "error", None),
                )
        finally:
            lines.current.reset(token)
        return response


@receiver(got_request_exception)
def _keep_error(request, **_kwargs):
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
