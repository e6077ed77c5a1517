"""A site with the demo's data for a whole module, and logging in without the form."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from bulq.demo.data import Demo

from .samples import Samples


def session_of(user):
    """The cookie of a new session."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value}


def sign_in(context, url, session):
    context.add_cookies([session | {"domain": urlsplit(url).hostname, "path": "/"}])


@pytest.fixture(scope="session", autouse=True)
def _leave_no_connection(django_db_setup, browser):
    """Beside Playwright's event loop Django has a connection of its own, which nobody else closes."""
    yield
    connections.close_all()


@pytest.fixture(scope="module")
def demo_site(django_db_setup, browser, django_db_blocker):
    """A server on the demo's data, with a session for everyone and a sample of every page.

    For tests that only read: the server does not see what they write themselves, and nothing is reset in between.
    """
    with django_db_blocker.unblock():
        assert connection.settings_dict["NAME"].startswith("test_"), "the module's tests need the django_db mark"
        Demo("four pots of honey").write()
        sessions = {user.username: session_of(user) for user in User.objects.all()}
        samples = Samples()
    server = LiveServer("localhost")
    yield SimpleNamespace(url=server.url, sessions=sessions, samples=samples)
    server.stop()
    with django_db_blocker.unblock():
        # Kept casts are put back under ids that were given once: no sequence may begin again.
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)


@pytest.fixture
def enter(new_context, live_server):
    """`enter(user, **options of Playwright)` opens a page in that person's browser."""

    def enter(user, **options):
        context = new_context(base_url=live_server.url, **options)
        sign_in(context, live_server.url, session_of(user))
        return context.new_page()

    return enter


@pytest.fixture
def limits(settings):
    """The rate limits of production, with nothing counted yet; a test may change the rates while it runs."""
    caches["limits"].clear()
    settings.RATELIMIT_ENABLE = True
    settings.RATE_LIMITS = dict(settings.RATE_LIMITS)
    return settings.RATE_LIMITS
