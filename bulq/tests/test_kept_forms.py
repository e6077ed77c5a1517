"""A form that comes after the session has ended, or changed, is not lost: at every address that takes one."""

import re
from html import unescape
from urllib.parse import unquote

import pytest
from django.core import signing
from django.core.cache import caches
from django.test import Client

from accounts.models import Group
from accounts.tests.factories import PASSWORD, make_user
from accounts.views.people import KEPT

from .test_access_matrix import OF_ADMIN, PUBLIC, RULES, SITE, admin_parameters, make_world, url_of

pytestmark = pytest.mark.django_db
HERE = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
ELSEWHERE = (
    {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"referer": "http://evil.example/"}, {},
    {"sec-fetch-site": "same-site", "origin": "http://testserver"}, {"origin": "null"},
    {"origin": "http://testserver.evil.example"}, {"referer": "http://testserver@evil.example/"},
)  # fmt: skip
TYPED = {"note": "the <green> one", "quantity": "3", "seen": "7", "old_password": "secret1", "password": "secret2"}
ONCE = "00000000-0000-4000-8000-000000000000"
POSTING = [address for address in (*SITE, *OF_ADMIN) if address.in_admin or "POST" in RULES[address.name][1]]
OTHERS = {"mail-off", "reminders-off", "logout", "admin/login/"}
POSTING = [address for address in POSTING if address.name not in OTHERS]
PRIVATE = [address for address in POSTING if address.in_admin or RULES[address.name][0] != PUBLIC]


class Browser(Client):
    """Checks tokens as the site does, and sends what one of our pages contains."""

    def __init__(self):
        super().__init__(enforce_csrf_checks=True)
        self.raise_request_exception = False

    def send(self, url, fields, **headers):
        return self.post(url, {"csrfmiddlewaretoken": "x" * 64, "once": ONCE} | fields, headers=HERE | headers)

    def send_page(self, page, **more):
        """Send the form of `page` with its hidden fields and what is typed into it."""
        url, fields = form_of(page)
        return self.post(url, fields | more, headers=HERE)


def form_of(page):
    """`(where to, hidden fields)` of the page's one form with what was typed, or of its login form.

    After it there is only the switch of languages.
    """
    form, _switch = re.findall(r"<form[^>]*hx-boost=.false.*?</form>", page.text, re.DOTALL)
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return unescape(re.search(r'action="([^"]*)"', form)[1]), {unescape(name): unescape(text) for name, text in inputs}


def is_kept(page, url):
    action, fields = form_of(page)
    typed = {name: text for name, text in TYPED.items() if "password" not in name}
    asks = all(f'name="{name}" type="password"' in page.text for name in TYPED if "password" in name)
    return unquote(action) == unquote(url) and typed.items() <= fields.items() and fields["once"] != ONCE and asks


@pytest.fixture
def alice():
    alice = make_user("Alice", username="alice")
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def where(world, address):
    return url_of(world, address, **admin_parameters(address))


@pytest.mark.slow
def test_a_form_with_an_old_token_comes_back_filled_in():
    """Logged in again in another tab. Nothing is lost but passwords, which no page ever contains."""
    world, wrong = make_world(), []
    for address in POSTING:
        url, browser = where(world, address), Browser()
        person = world.scene.root if address.in_admin else world.scene.alice
        person.refresh_from_db()  # one of the forms ends all sessions
        browser.force_login(person)
        page = browser.send(url, TYPED)
        if (page.status_code, "secret" in page.text) != (403, False) or not is_kept(page, url):
            wrong.append(f"{url}: {page.status_code}")
            continue
        again = browser.send_page(page, **TYPED)
        if "X-Bulq-Again" in again or again.status_code >= 500:
            wrong.append(f"{url} again: {again.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_people_who_were_logged_out_log_in_and_send_what_they_typed():
    world, wrong = make_world(), []
    for person in (world.scene.root, world.scene.alice):
        person.set_password(PASSWORD)
        person.username = person.name.lower()
        person.save()
    for address in PRIVATE:
        url, browser = where(world, address), Browser()
        name = "root" if address.in_admin else "alice"
        first = browser.send(url, TYPED)
        refused = browser.send_page(first, username=name, password="wrong")
        page = browser.send_page(refused, username=name, password=PASSWORD)
        statuses = [first.status_code, refused.status_code, page.status_code]
        if statuses != [403, 422, 200] or "secret" in first.text + refused.text + page.text or not is_kept(page, url):
            wrong.append(f"{url}: {statuses}")
            continue
        again = browser.send_page(page, **TYPED)
        if "X-Bulq-Again" in again or again.status_code >= 500:
            wrong.append(f"{url} again: {again.status_code}")
    assert not wrong, "\n".join(wrong)


def test_what_was_typed_takes_effect_once_it_is_sent_again(alice):
    browser = Browser()
    first = browser.send("/groups/new/", {"name": "Thursday Club", "currency": "EUR"})
    page = browser.send_page(first, username="alice", password=PASSWORD)
    assert "It will be sent as Alice" in page.text
    assert "Name: <b>Thursday Club</b>" in page.text
    assert not Group.objects.exists()
    assert browser.send_page(page).status_code == 302
    assert Group.objects.get().name == "Thursday Club"


def test_people_who_logged_in_elsewhere_meanwhile_are_not_asked_again(alice):
    browser = Browser()
    first = browser.send("/groups/new/", {"name": "Thursday Club", "currency": "EUR"})
    kept = form_of(first)[1]["kept"]
    browser.force_login(alice)
    browser.get("/groups/new/")
    token = browser.cookies["csrftoken"].value
    page = browser.post("/login/", {"csrfmiddlewaretoken": token, "username": "alice", "kept": kept}, headers=HERE)
    assert form_of(page)[0] == "/groups/new/"
    assert browser.send_page(page).status_code == 302


def test_a_login_form_with_an_old_token_still_carries_what_was_typed(alice):
    browser = Browser()
    first = browser.send("/groups/new/", {"name": "Thursday Club", "currency": "EUR"})
    url, fields = form_of(first)
    second = browser.send(url, {"username": "alice", "password": PASSWORD, "kept": fields["kept"]})
    assert (second.status_code, PASSWORD in second.text) == (403, False)
    assert form_of(browser.send_page(second, password=PASSWORD))[0] == "/groups/new/"


# --- Forms from other sites -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_form_from_another_site_is_never_one_click_away(alice, headers):
    """Neither shown nor kept, whether someone is logged in or not."""
    for is_known in (True, False):
        browser = Browser()
        browser.get("/login/")
        forged = {"name": "Trap", "currency": "EUR", "once": ONCE}
        token = {} if is_known else {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
        if is_known:
            browser.force_login(alice)
        answer = browser.post("/groups/new/", forged | token, headers=headers)
        assert answer.status_code in (302, 403)
        assert "Trap" not in answer.text
        assert 'name="kept"' not in answer.text


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_not_even_when_it_is_sent_too_often(alice, headers, settings):
    """The limit is checked before the token."""
    caches["limits"].clear()
    settings.RATELIMIT_ENABLE, settings.RATE_LIMITS = True, settings.RATE_LIMITS | {"general": "0/d"}
    browser = Browser()
    browser.force_login(alice)
    answer = browser.post("/groups/new/", {"name": "Trap"}, headers=headers)
    assert (answer.status_code, "Trap" in answer.text) == (429, not headers)


def test_only_data_signed_by_the_site_is_sent(alice):
    """A payload that the site has not signed is ignored."""
    form = {"url": "https://evil.example/", "kept": [["name", "Trap"]], "passwords": []}
    for kept in ("x", signing.dumps(form), signing.dumps(form, salt=KEPT) + "x"):
        answer = Client(headers=HERE).post("/login/", {"username": "alice", "password": PASSWORD, "kept": kept})
        assert (answer.status_code, answer["Location"]) == (302, "/")
