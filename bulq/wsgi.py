import os

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
_site = get_wsgi_application()


def application(environ, start_response):
    """The site. Django parses this header before any middleware runs, and crashes if it is malformed."""
    try:
        parse_header_parameters(environ.get("CONTENT_TYPE", ""))
    except (ValueError, LookupError):
        environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded; charset=utf-16"  # which is refused with a page
    return _site(environ, start_response)
