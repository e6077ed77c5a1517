"""S5: names of hosts and addresses that visitors make up are refused, never repeated, and never break a line."""

import re
from itertools import product

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import mail

from accounts.actions.mail import mail_resets
from accounts.models import User
from accounts.tests.factories import PASSWORD
from bids import states
from bids.tests.stages import stage
from bulq.tests.client import FormClient, signed_in

pytestmark = pytest.mark.django_db
FOREIGN_HOSTS = (
    "evil.example", "testserver.evil.example", "testserver@evil.example", "testserver:80@evil.example",
    "testserver/evil.example", "testserver, evil.example", "evil.example\\testserver", "testserver:x", "<b-hit>",
)  # fmt: skip
FORWARDED = {
    "x-forwarded-host": "evil.example", "x-host": "evil.example", "x-forwarded-server": "evil.example",
    "forwarded": "host=evil.example", "x-original-url": "//evil.example", "x-rewrite-url": "//evil.example",
}  # fmt: skip


def test_a_host_that_is_not_ours_is_refused():
    """S5: before anything is read, and without repeating it."""
    for host, url in product(FOREIGN_HOSTS, ("/login/", "/password-reset/", "/", "/admin/login/")):
        for ask in (FormClient().get, FormClient().post):
            answer = ask(url, headers={"host": host})
            assert (answer.status_code, "evil" in answer.text, "hit" in answer.text) == (400, False, False)


def test_a_forged_host_name_is_not_repeated():
    """S5: neither in the link of a password reset mail, nor in an invitation, nor in a redirect."""
    scene = stage(states.PLANNING)
    User.objects.filter(pk=scene.alice.pk).update(email="alice@example.org", password=make_password(PASSWORD))
    FormClient().post("/password-reset/", {"email": "alice@example.org"}, headers=FORWARDED)
    mail_resets()
    assert f"{settings.SITE_URL}/password-reset/" in mail.outbox[0].body
    answers = [signed_in(scene.alice).get(f"/groups/{scene.group.pk}/people/", headers=FORWARDED)]
    answers += [FormClient().get(url, headers=FORWARDED) for url in ("/", "/login/", "/admin/", "/nowhere/")]
    for text in [mail.outbox[0].body, *(f"{answer.text} {answer.headers}" for answer in answers)]:
        assert "evil.example" not in text


def test_a_line_of_the_log_is_one_line(caplog):
    """S5: nobody can write lines into the log through an address."""
    FormClient().get("/nowhere/%0aWARNING%20all%20is%20well%0d%1b[31m")
    FormClient().put("/logout/%0d%0afake")
    assert caplog.records
    assert not [record for record in caplog.records if re.search(r"[\x00-\x1f]", record.getMessage())]
