"""Catalogues of a handful of messages, so that a test of the choice of a language depends on no translation."""

from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.conf import settings as site
from django.utils.translation import to_locale

from bulq.kit import bars, rows
from bulq.kit.languages import tag_of
from bulq.tests.client import FormClient
from stores.templatetags import offers

CODES = ["en", "sr-latn", "sr", "ru"]

WORDS = (
    "Log in", "Settings", "Saved", "Page not found", "Something went wrong on our side", "Go back and try again.",
    "Too many requests", "Choose a language from the list", "Send what you typed", "former member",
    "Difference to the receipts", "%(actor)s removed “%(label)s”: %(amount)s", "Called off", "Collecting",
    "%(actor)s moved the run from “%(origin)s” to “%(to)s”", "%(actor)s asks you to take over the lead",
    "%(run)s closes %(closes)s", "Reset your Bulq password", "Your second factor has been set up",
    "%(store)s, %(group)s", "You are logged out on every device.", "Bulq will be back in a moment", "Home",
    "This page was open too long", "no price", "Nothing could be read.",
)  # fmt: skip


def spoken(code, text):
    """What the made-up catalogue of a language says: `ru Settings`."""
    return text if code == "en" else f"{code} {text}"


def _write(folder, code):
    catalogue = Catalog(locale=to_locale(code))
    for word in WORDS:
        catalogue.add(word, spoken(code, word))
    file = BytesIO()
    write_mo(file, catalogue)
    place = folder / to_locale(code) / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "django.mo").write_bytes(file.getvalue())


@pytest.fixture
def catalogues(settings, tmp_path):
    """The site speaks the made-up languages; what it has written in any is written again before and after."""
    for code in CODES[1:]:
        _write(tmp_path, code)
    settings.LOCALE_PATHS = [str(tmp_path)]
    _forget()
    yield
    _forget()


def _forget():
    for kept in (rows._pieces, bars._pack_bar, offers._facts, offers._price):
        kept.cache_clear()


def browser(accepts=None, cookie=None, user=None):
    """A client that asks for languages as browsers do."""
    client = FormClient(headers={"Accept-Language": accepts} if accepts else None)
    if user:
        client.force_login(user)
    if cookie:
        client.cookies[site.LANGUAGE_COOKIE_NAME] = cookie
    return client


def says(answer, code, text):
    """Whether a page says this in a language, and that it does."""
    others = any(spoken(other, text) in answer.text for other in CODES[1:] if other != code)
    return spoken(code, text) in answer.text and not others and f'<html lang="{tag_of(code)}"' in answer.text
