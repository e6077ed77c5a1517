import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tasks
from accounts.actions.mail import mail_resets
from accounts.models import ResetRequest, User
from accounts.tests.factories import PASSWORD, make_user
from bulq.celery import app as celery
from bulq.tests.client import FormClient

RESET = "/password-reset/"
NEW = "a new and longer secret"


def ask(client, email):
    answer = client.post(RESET, {"email": email})
    mail_resets()
    return answer


def link_in(message):
    return re.search(rf"{settings.SITE_URL}(/password-reset/\S+)", message.body)[1]


@pytest.fixture
def link(visitor, alice):
    ask(visitor, "Alice@example.org")
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
    assert "already been used" in FormClient().get(link, follow=True).text
    response = FormClient().post(link, {"new_password": PASSWORD, "new_password_again": PASSWORD})
    assert not User.objects.get().check_password(PASSWORD), response


@pytest.mark.parametrize(("password", "again"), [("short", "short"), (NEW, NEW + "x"), ("x" * 129, "x" * 129)])
def test_the_password_rules_apply_here_too(visitor, link, password, again):
    address = visitor.get(link, follow=True).request["PATH_INFO"]
    response = visitor.post(address, {"new_password": password, "new_password_again": again})
    assert response.status_code == 422
    assert User.objects.get().check_password(PASSWORD)


def test_the_answer_does_not_tell_whether_the_address_exists(visitor, alice):
    make_user("Fred", email="fred@example.org", is_active=False)
    answers = {
        (response.status_code, response.url)
        for email in ("alice@example.org", "nobody@example.org", "fred@example.org")
        for response in [ask(visitor, email)]
    }
    assert answers == {(302, "/password-reset/done/")}
    assert visitor.get("/password-reset/done/").status_code == 200
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]
    assert "alice" in mail.outbox[0].body
    assert "\n" not in mail.outbox[0].subject


# --- Who sends it ----------------------------------------------------------------------------------
def test_the_page_does_the_same_for_everyone_and_sends_nothing(visitor, alice, django_capture_on_commit_callbacks):
    """D7: the same queries and the same task queued, whether or not anyone has the address."""
    make_user("Fred", email="fred@example.org", is_active=False)
    done = []
    for email in ("alice@example.org", "nobody@example.org", "fred@example.org"):
        with (
            django_capture_on_commit_callbacks(execute=True) as callbacks,
            CaptureQueriesContext(connection) as queries,
        ):
            visitor.post(RESET, {"email": email})
        statements = [re.sub(r"'[^']*'|[0-9]+", "?", query["sql"]) for query in queries]
        done.append((statements, [callback.func.__name__ for callback in callbacks]))
    assert done[0] == done[1] == done[2]
    assert mail.outbox == []
    assert ResetRequest.objects.count() == 3
    assert (mail_resets(), len(mail.outbox), ResetRequest.objects.count()) == (1, 1, 0)
    assert mail_resets() == 0


def test_no_mail_is_lost_while_the_mail_server_is_down_for_an_hour(visitor, alice, bob, settings, caplog):
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for email in ("alice@example.org", "bob@example.org"):
        assert ask(visitor, email).status_code == 302
    assert caplog.text.count("is tried again: ConnectionRefusedError") == 2
    settings.EMAIL_BACKEND = backend
    ResetRequest.objects.filter(email="bob@example.org").update(asked_at=timezone.now() - timedelta(hours=2))
    mail_resets()
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]
    assert not ResetRequest.objects.exists()


def test_no_secret_goes_through_the_queue(visitor, alice, monkeypatch, django_capture_on_commit_callbacks, caplog):
    """The queue holds only the task's name, the row only the address that was typed."""
    sent = []
    monkeypatch.setattr(celery, "send_task", lambda *args, **more: sent.append((args, more)))
    with django_capture_on_commit_callbacks(execute=True):
        visitor.post(RESET, {"email": "alice@example.org"})
    assert "accounts.tasks.mail_resets" in str(sent)
    assert "alice@example.org" not in str(sent)
    tasks.mail_resets()
    token = link_in(mail.outbox[0]).split("/")[-2]
    assert token not in caplog.text


SENDS = re.compile(r"\bEmail(?:Multi\w+|Message)\(|\bsend_mail\(|\bmail_(?:admins|managers)\(|\.email_user\(")
SENDERS = {"accounts/actions/mail.py", "bids/actions/mail.py", "bulq/office/second_factor.py", "bulq/watch/alerts.py"}


def test_only_the_worker_sends_mail():
    """Only a few files send mail, and no view, form or middleware calls the functions that do."""
    files = [path for app in ("accounts", "bids", "bulq", "stores") for path in Path(app).rglob("*.py")]
    texts = {str(path): path.read_text() for path in files if "tests" not in path.parts}
    assert {path for path, text in texts.items() if SENDS.search(text)} == SENDERS
    senders = re.compile(r"\bmail_(?:resets|at_once|digests)\(|\balerts\.\w+\(|\bsecond_factor\.mail\(")
    callers = {path for path, text in texts.items() if senders.search(text)} - SENDERS
    assert callers <= WORKERS, callers


WORKERS = {
    *("accounts/tasks.py", "bids/tasks.py", "bulq/tasks.py"),
    *("bulq/watch/heartbeats.py", "bulq/backups/job.py", "bulq/management/commands/backup.py"),
}


def test_an_invalid_address_is_refused(visitor, db):
    response = visitor.post(RESET, {"email": "alice"})
    assert response.status_code == 422
    assert "Enter an e-mail address" in response.text


@pytest.mark.parametrize("path", ["x/y/", "MQ/x-y/", "%00/%00/", "🐢/set-password/"])
def test_an_invented_link_says_so(visitor, alice, path):
    assert "already been used" in visitor.get(RESET + path, follow=True).text
