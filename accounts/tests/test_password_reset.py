import re

import pytest
from django.conf import settings
from django.core import mail

from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from bulq.tests.client import FormClient

RESET = "/password-reset/"
NEW = "a new and longer secret"


def ask(client, email, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return client.post(RESET, {"email": email})


def link_in(message):
    return re.search(rf"{settings.SITE_URL}(/password-reset/\S+)", message.body)[1]


@pytest.fixture
def link(visitor, alice, django_capture_on_commit_callbacks):
    ask(visitor, "Alice@example.org", django_capture_on_commit_callbacks)
    return link_in(mail.outbox[0])


def test_the_link_from_the_mail_sets_a_new_password_and_ends_all_sessions(visitor, as_alice, link):
    form_page = visitor.get(link, follow=True)
    assert form_page.status_code == 200
    address = form_page.request["PATH_INFO"]
    response = visitor.post(address, {"new_password": NEW, "new_password_again": NEW})
    assert response.url == "/password-reset/complete/"
    assert visitor.get(response.url).status_code == 200
    assert as_alice.get("/me/settings/").status_code == 302
    assert visitor.post("/login/", {"username": "alice", "password": NEW}).status_code == 302


def test_a_link_works_once(visitor, link):
    address = visitor.get(link, follow=True).request["PATH_INFO"]
    visitor.post(address, {"new_password": NEW, "new_password_again": NEW})
    assert "used already" in FormClient().get(link, follow=True).text
    response = FormClient().post(link, {"new_password": PASSWORD, "new_password_again": PASSWORD})
    assert not User.objects.get().check_password(PASSWORD), response


@pytest.mark.parametrize(("password", "again"), [("short", "short"), (NEW, NEW + "x"), ("x" * 129, "x" * 129)])
def test_the_rules_for_passwords_hold_here_too(visitor, link, password, again):
    address = visitor.get(link, follow=True).request["PATH_INFO"]
    response = visitor.post(address, {"new_password": password, "new_password_again": again})
    assert response.status_code == 422
    assert User.objects.get().check_password(PASSWORD)


def test_the_answer_does_not_tell_whether_the_address_exists(visitor, alice, django_capture_on_commit_callbacks):
    make_user("Fred", email="fred@example.org", is_active=False)
    answers = {
        (response.status_code, response.url)
        for email in ("alice@example.org", "nobody@example.org", "fred@example.org")
        for response in [ask(visitor, email, django_capture_on_commit_callbacks)]
    }
    assert answers == {(302, "/password-reset/done/")}
    assert visitor.get("/password-reset/done/").status_code == 200
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]
    assert "alice" in mail.outbox[0].body
    assert "\n" not in mail.outbox[0].subject


def test_no_mail_before_the_commit(visitor, alice, django_capture_on_commit_callbacks):
    """D7: here nothing commits, so nothing is sent."""
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        visitor.post(RESET, {"email": "alice@example.org"})
    assert (len(callbacks), mail.outbox) == (1, [])


def test_what_is_no_address_is_refused(visitor, db):
    response = visitor.post(RESET, {"email": "alice"})
    assert response.status_code == 422
    assert "Enter an e-mail address" in response.text


@pytest.mark.parametrize("path", ["x/y/", "MQ/x-y/", "%00/%00/", "🐢/set-password/"])
def test_an_invented_link_says_so(visitor, alice, path):
    assert "used already" in visitor.get(RESET + path, follow=True).text
