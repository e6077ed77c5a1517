"""Headers of every answer, HEAD, and requests that no view can read."""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import UnreadablePostError
from django.utils.cache import patch_cache_control

from bulq.kit.errors import AddressTooLong

LONGEST_ADDRESS = 4000  # characters; gunicorn reads no more than 4,094 of a line


class SecurityHeadersMiddleware:
    """Headers that Django does not set: no site may embed an answer, and no page needs a device.

    No answer may be cached on the way, except static files, which set their own header.
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
    """Refuses unreadable requests; the answer is `bulq.views.bad_request`.

    Forms have to be in UTF-8. Cookies must not contain null characters, which PostgreSQL does not accept when it looks
    up the session key.
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
            request.GET, request.POST  # noqa: B018 - parse them now
        except (ValueError, LookupError, UnreadablePostError) as error:
            raise BadRequest("form") from error
        return self.get_response(request)


class HeadMiddleware:
    """Handles HEAD like GET, and drops the body."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = "GET"
        response = self.get_response(request)
        if not response.streaming:
            response.content = b""  # Content-Length stays
        return response
