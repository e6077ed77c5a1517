"""The language of each answer: the person's, else the browser's, else the site's."""

from django.conf import settings
from django.utils.cache import patch_vary_headers
from django.utils.translation import override

from bulq.kit import languages


class ReaderLanguageMiddleware:
    """Before anything that answers, so that refusals and errors are in the reader's language too; none stays active."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with override(languages.of_reader(request)):
            response = self.get_response(request)
            tag = languages.current_tag()
        is_file = request.path_info.startswith(settings.STATIC_URL) and response.status_code < 400
        if not is_file:
            response.headers.setdefault("Content-Language", tag)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        languages.delete_cookie(request, response)
        return response


class OwnLanguageMiddleware:
    """What the person chose wins. After the limits, which refuse some requests without asking who sends them.

    Before anything else asks who it is, which happens for every request: whoever is logged in costs no query more.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        languages.follow(request, request.user)
        return self.get_response(request)
