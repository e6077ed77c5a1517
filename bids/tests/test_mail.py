"""Spec 65: notifications by e-mail, to those who want them; nothing before a commit (D7)."""

import re
from datetime import timedelta

import pytest
import redis
from django.conf import settings as site
from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts.actions.membership import end_membership
from accounts.models import User
from bids import states, tasks
from bids.actions import lead, runs
from bids.actions.bidding import Wish, place_bids
from bids.actions.mail import mail_at_once, mail_digests
from bids.models import Notification
from bulq.celery import app
from bulq.kit import later
from bulq.kit.breaker import Breaker
from bulq.tests.client import FormClient, signed_in

from .cast import D, stage

pytestmark = pytest.mark.django_db


def wants(*people):
    for person in people:
        User.objects.filter(pk=person.pk).update(email=f"{person.name.lower()}@bulq.test", wants_mail=True)
        person.refresh_from_db()


def fresh(state=states.ACTIVE):
    """A scene about which nobody has been notified yet."""
    scene = stage(state)
    Notification.objects.all().delete()
    return scene


def sent():
    """Take what was sent out of the outbox: `[(address, subject)]`."""
    found = [(letter.to[0], letter.subject) for letter in mail.outbox]
    mail.outbox.clear()
    return found


def test_urgent_notifications_are_mailed_at_once_to_people_who_want_mail():
    scene = fresh()
    wants(scene.bob, scene.dora)
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    assert mail_at_once() == 1
    assert sent() == [("bob@bulq.test", "Alice asks you to take over the lead")]
    assert mail_at_once() == 0
    runs.call_off(scene.run, by=scene.alice)
    mail_at_once()
    assert sent() == [("bob@bulq.test", "Alice moved the run from “Collecting” to “Called off”")]


def test_the_rest_is_mailed_once_a_day_in_one_mail():
    scene = fresh()
    wants(scene.bob)
    place_bids(scene.run, [Wish(scene.oil.pk, D(9))], by=scene.alice, whose=scene.bob)
    runs.lock_list(scene.run, by=scene.alice)
    assert mail_at_once() == 0
    assert mail_digests() == 1
    [letter] = mail.outbox
    assert letter.subject == "2 updates from Bulq"
    assert letter.body.count("\n- Alice ") == 2
    assert str(scene.run) in letter.body
    assert mail_digests() == 0


def test_read_and_old_notifications_are_not_mailed():
    scene = fresh()
    wants(scene.bob, scene.hana)
    runs.call_off(scene.run, by=scene.alice)
    signed_in(scene.bob).post("/inbox/read/")
    Notification.objects.filter(user=scene.hana).update(at=timezone.now() - timedelta(days=3))
    assert mail_at_once() == mail_digests() == 0


@pytest.mark.parametrize("who", ["without an address", "who does not want it", "with a closed account"])
def test_others_get_no_mail(who):
    scene = fresh()
    wants(scene.bob)
    change = {"without an address": {"email": ""}, "who does not want it": {"wants_mail": False}}
    User.objects.filter(pk=scene.bob.pk).update(**change.get(who, {"is_active": False}))
    runs.call_off(scene.run, by=scene.alice)
    assert mail_at_once() == 0


def test_a_removed_person_is_mailed_that_and_nothing_else_about_the_group():
    scene = fresh()
    wants(scene.bob)
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    end_membership(scene.group.pk, scene.bob.pk, by=scene.adam)
    mail_at_once()
    assert sent() == [("bob@bulq.test", "Adam removed you from the group")]


def test_a_mail_server_that_is_down_loses_nothing(settings, caplog):
    scene = fresh()
    wants(scene.bob)
    runs.call_off(scene.run, by=scene.alice)
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    assert mail_at_once() == 0
    assert "is tried again: " in caplog.text
    settings.EMAIL_BACKEND = works
    assert mail_at_once() == 1


# --- Unsubscribing ---------------------------------------------------------------------------------
def link_of(letter):
    return re.search(r"To stop these e-mails: \S+?(/mail/off/\S+)", letter.body)[1]


def test_one_link_unsubscribes_without_logging_in_and_opening_it_changes_nothing():
    scene = fresh()
    wants(scene.bob, scene.hana)
    runs.call_off(scene.run, by=scene.alice)
    mail_at_once()
    letter = next(letter for letter in mail.outbox if letter.to == ["bob@bulq.test"])
    assert letter.extra_headers["List-Unsubscribe"] == f"<{site.SITE_URL}{link_of(letter)}>"
    visitor = FormClient(enforce_csrf_checks=True)
    for _ in range(2):
        assert "Stop e-mail notifications?" in visitor.get(link_of(letter)).content.decode()
    assert User.objects.get(pk=scene.bob.pk).wants_mail
    # As a mail program does by itself.
    answer = visitor.post(link_of(letter), {"List-Unsubscribe": "One-Click"}, once=False)
    assert "You won't get any more e-mails" in answer.content.decode()
    assert not User.objects.get(pk=scene.bob.pk).wants_mail
    assert User.objects.get(pk=scene.hana.pk).wants_mail


@pytest.mark.parametrize("token", ["1", "1:forged", "x:y:z"])
def test_a_forged_link_is_refused(token):
    assert FormClient().post(f"/mail/off/{token}/").status_code == 404


def test_the_settings_require_an_address_to_send_to():
    scene = fresh()
    scene.bob.set_password("a good one here")
    scene.bob.save()
    data = {"name": "Bob", "username": scene.bob.username, "current_password": "a good one here", "wants_mail": "on"}
    client = signed_in(scene.bob)
    answer = client.post("/me/settings/profile/", data | {"email": ""})
    assert answer.status_code == 422
    assert "Enter the address to send them to" in answer.content.decode()
    assert client.post("/me/settings/profile/", data | {"email": "bob@bulq.test"}).status_code == 302
    scene.bob.refresh_from_db()
    assert (scene.bob.wants_mail, scene.bob.email) == (True, "bob@bulq.test")


# --- Handing over ----------------------------------------------------------------------------------
@pytest.fixture
def queue():
    """How many tasks wait in the broker."""
    name = f"{site.CACHE_PREFIX}:tasks:celery"
    with redis.Redis.from_url(site.CELERY_BROKER_URL) as server:
        server.delete(name)
        yield lambda: server.llen(name)
        server.delete(name)


@pytest.mark.django_db(transaction=True)
def test_the_worker_is_called_only_after_the_commit(queue):
    """D7."""
    scene = fresh()
    wants(scene.bob)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        runs.call_off(scene.run, by=scene.alice)
        assert queue() == 0
        raise ZeroDivisionError
    assert (queue(), mail_at_once()) == (0, 0)
    runs.call_off(scene.run, by=scene.alice)
    assert queue() == 1
    tasks.mail_at_once()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_the_worker_is_not_called_when_nobody_wants_mail(queue):
    scene = fresh()
    runs.call_off(scene.run, by=scene.alice)
    assert queue() == 0


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_page_works_and_the_mail_is_sent_next_time(monkeypatch, caplog):
    scene = fresh()
    wants(scene.bob)

    def away(*_words, **_options):
        from kombu.exceptions import OperationalError

        raise OperationalError("connection refused")

    monkeypatch.setattr(later, "breaker", Breaker("this test"))
    monkeypatch.setattr(app, "send_task", away)
    runs.call_off(scene.run, by=scene.alice)
    assert "bids.tasks.mail_at_once could not be queued and waits for its next turn" in caplog.text
    assert mail_at_once() == 1


# --- Pruning ---------------------------------------------------------------------------------------
def test_notifications_read_long_ago_are_deleted(settings):
    settings.NOTIFICATIONS_KEPT_DAYS = 90
    scene = fresh()
    runs.lock_list(scene.run, by=scene.alice)
    now = timezone.now()
    Notification.objects.filter(user=scene.bob).update(at=now - timedelta(days=200))
    tasks.forget_old_notifications()
    assert Notification.objects.filter(user=scene.bob).count() == 1  # never read
    Notification.objects.filter(user=scene.bob).update(read_at=now - timedelta(days=91))
    Notification.objects.filter(user=scene.hana).update(read_at=now - timedelta(days=89))
    tasks.forget_old_notifications()
    assert [row.user for row in Notification.objects.all()] == [scene.hana]
