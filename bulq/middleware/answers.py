"""What every answer says and what none needs, whatever the view; what no view could read."""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import UnreadablePostError
from django.utils.cache import patch_cache_control

from bulq.kit.errors import AddressTooLong

LONGEST_ADDRESS = 4000  # signs; gunicorn reads no more than 4,094 of a line


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
            request.GET, request.POST  # noqa: B018 - read before anyone relies on them
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
