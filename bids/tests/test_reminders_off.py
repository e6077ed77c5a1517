"""P4, spec 84: switching reminders off, by the link in one of them (RFC 8058) or on a page."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from bids.actions.mail import mail_reminders
from bulq.tests.client import signed_in

from .cast import stage
from .test_reminders import claimed

pytestmark = pytest.mark.django_db


def off_path(letter):
    address = re.fullmatch(r"<https?://[^/]+(/reminders/off/[^>]+)>", letter.extra_headers["List-Unsubscribe"])
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address[1] in letter.body
    return address[1]


def test_one_post_without_login_or_cookie_switches_reminders_off_and_nothing_else():
    """P4: as a mail provider sends it (RFC 8058), in either encoding, again and again."""
    scene, _at, now = claimed()
    mail_reminders(now)
    path = off_path(next(letter for letter in mail.outbox if letter.to == ["bob@bulq.test"]))
    provider = Client(enforce_csrf_checks=True)
    for _scan in range(3):
        assert provider.get(path).status_code == provider.head(path).status_code == 200
    assert User.objects.get(pk=scene.bob.pk).wants_reminders
    body = {"List-Unsubscribe": "One-Click"}
    for kind in ({}, {"content_type": "application/x-www-form-urlencoded", "data": "List-Unsubscribe=One-Click"}):
        User.objects.filter(pk=scene.bob.pk).update(wants_reminders=True)
        answer = provider.post(path, **({"data": body} | kind))
        assert (answer.status_code, "Location" in answer) == (200, False)
        bob = User.objects.get(pk=scene.bob.pk)
        assert (bob.wants_reminders, bob.wants_mail, bob.email) == (False, True, "bob@bulq.test")
    assert provider.post(path).status_code == 200


def test_a_session_is_no_right_there():
    scene, _at, now = claimed()
    mail_reminders(now)
    path = off_path(next(letter for letter in mail.outbox if letter.to == ["bob@bulq.test"]))
    dora = signed_in(scene.dora)
    assert dora.post(path).status_code == 200
    assert User.objects.get(pk=scene.dora.pk).wants_reminders
    assert dora.post("/reminders/off/1:wrong/").status_code == 404
    assert dora.post(path.replace("/reminders/", "/mail/")).status_code == 404


def test_a_person_and_a_group_switch_them_on_their_pages():
    scene = stage()
    bob, adam = signed_in(scene.bob), signed_in(scene.adam)
    assert bob.post("/me/settings/reminders/", {}).status_code == 302
    scene.bob.refresh_from_db()
    assert not scene.bob.wants_reminders
    bob.post("/me/settings/reminders/", {"wants_reminders": "on"})
    scene.bob.refresh_from_db()
    assert scene.bob.wants_reminders
    url = f"/groups/{scene.group.pk}/settings/"
    assert "checked" in adam.get(url).text
    assert adam.post(url, {"name": "Club", "timezone": "europe/vienna"}).status_code == 302
    scene.group.refresh_from_db()
    assert (scene.group.sends_reminders, scene.group.timezone) == (False, "Europe/Vienna")
