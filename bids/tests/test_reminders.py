"""P4, spec 84: reminders before a run closes, each at most once; and how they are switched off."""

import re
import smtplib
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions.membership import end_membership
from accounts.models import Group, Membership, User
from accounts.tests.factories import make_user
from accounts.tests.racing import linger, race
from bids import states, tasks
from bids.actions import membership, runs
from bids.actions.bidding import set_ready
from bids.actions.closing import ClosingTime, closing_version, move_closing
from bids.actions.mail import mail_digests, mail_reminders
from bids.actions.reminders import remind_by_hand, remind_due
from bids.models import Event, Notification, Reminder, Run
from bids.reading.history import news_of
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in
from stores.tests.factories import make_store

from .cast import stage
from .closing import close_in
from .test_crashes import killed_at
from .test_mail import wants

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERYONE = ["Adam", "Alice", "Bob", "Dora", "Hana"]


def reminded(kind=None):
    rows = Reminder.objects.filter(kind=kind) if kind else Reminder.objects.all()
    return sorted(rows.values_list("user__name", flat=True))


def inbox_of(user):
    rows = Notification.objects.filter(user=user, event__kind__in=["closing_soon", "reminded"])
    return [news.sentence for news in news_of(rows.with_words().order_by("pk"))]


def closing(left=5 * DAY, **more):
    scene = stage()
    return scene, close_in(scene.run, left, **more)


# --- Whom and when ---------------------------------------------------------------------------------
def test_24_and_3_hours_before_everyone_who_is_still_choosing_is_reminded_once():
    """P4: the same message again changes nothing."""
    scene, at = closing()
    assert remind_due(at - 24 * HOUR - MINUTE) == 0
    assert [remind_due(at - 24 * HOUR), remind_due(at - 24 * HOUR), remind_due(at - 20 * HOUR)] == [5, 0, 0]
    assert reminded() == EVERYONE
    assert [remind_due(at - 3 * HOUR), remind_due(at - 3 * HOUR)] == [5, 0]
    assert reminded("3h") == EVERYONE
    [sentence] = inbox_of(scene.bob)  # the newer one replaces the older
    assert re.fullmatch(r"Closes \w+ \d+ \w+( \d+)?, [\d:]+ UTC\. Choose what you want, or .*", sentence)
    assert scene.kinds().count("closing_soon") == 2


def test_nobody_is_reminded_who_is_done_has_left_or_has_switched_it_off():
    """P4."""
    scene, at = closing()
    set_ready(scene.run, True, by=scene.bob)
    membership.leave_run(scene.run, by=scene.hana)
    User.objects.filter(pk=scene.alice.pk).update(wants_reminders=False)
    end_membership(scene.group.pk, scene.dora.pk, by=scene.dora)
    remind_due(at - 24 * HOUR)
    assert reminded() == ["Adam"]


def test_a_group_can_switch_them_off():
    scene, at = closing()
    Group.objects.filter(pk=scene.group.pk).update(sends_reminders=False)
    assert remind_due(at - 24 * HOUR) == 0
    assert inbox_of(scene.bob) == []


@pytest.mark.parametrize("state", [state for state in states.TRANSITIONS if state not in states.COLLECTING])
def test_only_runs_that_are_collecting_are_reminded_of(state):
    scene = stage(state)
    at = close_in(scene.run, DAY)
    assert remind_due(at - 3 * HOUR) == 0


def test_what_is_past_by_more_than_its_window_is_skipped():
    """P4: late tasks."""
    scene, at = closing()
    assert remind_due(at - 24 * HOUR + 6 * HOUR) == 0
    assert remind_due(at - 3 * HOUR + HOUR) == 0
    assert remind_due(at + MINUTE) == 0
    assert remind_due(at - 3 * HOUR + HOUR - MINUTE) == 5
    assert reminded() == EVERYONE
    assert scene.fresh().reminded_hours == 3


def test_a_time_that_had_passed_when_the_closing_was_set_is_skipped():
    scene = stage()
    at = move(scene, 20 * HOUR)
    assert remind_due(at - 20 * HOUR + MINUTE) == 0
    assert remind_due(at - 3 * HOUR) == 5
    scene = stage()
    at = move(scene, 2 * HOUR)
    assert remind_due(at - 2 * HOUR + MINUTE) == 0


def move(scene, left, since=None):
    run = scene.fresh()
    at = (since or timezone.now()) + left
    return move_closing(run, ClosingTime(at), by=scene.alice, version=closing_version(run)).closes_at


def test_only_a_closing_moved_by_a_day_or_more_is_reminded_of_again():
    scene, now = stage(), timezone.now()
    at = move(scene, 5 * DAY, now)
    assert remind_due(at - 24 * HOUR) == 5
    at = move(scene, 5 * DAY + 23 * HOUR, now)
    assert remind_due(at - 24 * HOUR) == 0
    at = move(scene, 6 * DAY + 22 * HOUR, now)  # together more than a day
    assert remind_due(at - 24 * HOUR) == 5
    move(scene, 20 * DAY, now)
    at = move(scene, 6 * DAY + 22 * HOUR, now)  # there and back
    assert remind_due(at - 24 * HOUR + MINUTE) == 0
    assert Reminder.objects.count() == 10


def test_hours_are_counted_in_utc_when_the_clocks_change():
    """On 28 March 2027 clocks go forward in Vienna: 24 hours before 20:00 it is 19:00."""
    scene = stage()
    Group.objects.update(timezone="Europe/Vienna")
    at = datetime(2027, 3, 28, 18, 0, tzinfo=UTC)
    move_closing(scene.run, ClosingTime(at), by=scene.alice, version=closing_version(scene.run))
    due = datetime(2027, 3, 27, 19, 0, tzinfo=scene.fresh().group.zone)
    assert (remind_due(due - MINUTE), remind_due(due)) == (0, 5)
    assert "Sun 28 March 2027, 20:00 CEST (UTC+2)" in inbox_of(scene.bob)[0]


# --- By hand ---------------------------------------------------------------------------------------
def test_the_leader_may_remind_once_a_day():
    scene = stage()
    set_ready(scene.run, True, by=scene.bob)
    assert remind_by_hand(scene.run, by=scene.alice) == 3
    assert reminded("hand") == ["Adam", "Dora", "Hana"]
    assert inbox_of(scene.dora) == ["Alice reminds you: choose what you want, or say that you are done."]
    with pytest.raises(BulqError, match="one a day"):
        remind_by_hand(scene.run, by=scene.alice)
    Event.objects.filter(kind="reminded").update(at=timezone.now() - 25 * HOUR)
    assert remind_by_hand(scene.run, by=scene.alice) == 3
    runs.lock_list(scene.run, by=scene.alice)
    with pytest.raises(BulqError, match="list is locked"):
        remind_by_hand(scene.run, by=scene.alice)


def test_the_leader_reminds_with_a_button():
    scene = stage()
    client, page = signed_in(scene.alice), f"/runs/{scene.run.pk}/more/"
    assert "Remind those still choosing" in client.get(page).text
    assert "Remind those still choosing" not in signed_in(scene.bob).get(page).text
    answer = client.post(f"/runs/{scene.run.pk}/remind/", follow=True)
    assert "4 people are reminded." in answer.text
    assert client.post(f"/runs/{scene.run.pk}/remind/").status_code == 422


def test_a_reminder_for_nobody_is_refused():
    scene = stage()
    User.objects.update(wants_reminders=False)
    with pytest.raises(BulqError, match="Nobody needs"):
        remind_by_hand(scene.run, by=scene.alice)
    assert "reminded" not in scene.kinds()


# --- Mail ------------------------------------------------------------------------------------------
def mailed():
    found = sorted(letter.to[0] for letter in mail.outbox)
    mail.outbox.clear()
    return found


def claimed():
    scene, at = closing()
    wants(scene.bob, scene.dora)
    now = at - 24 * HOUR
    remind_due(now)
    return scene, at, now


def test_people_who_want_mail_get_one_and_no_digest_repeats_it():
    scene, _at, now = claimed()
    assert mail_reminders(now) == 2
    [first, _second] = mail.outbox
    assert f"{scene.run} closes " in first.subject
    assert mailed() == ["bob@bulq.test", "dora@bulq.test"]
    assert mail_reminders(now + HOUR) == 0
    mail_digests()
    texts = " ".join(letter.body for letter in mail.outbox)
    assert "started the run" in texts
    assert "Choose what you want, or say" not in texts


def test_a_mail_that_is_late_is_not_sent_to_people_it_no_longer_concerns():
    """P4: late tasks."""
    scene, at, now = claimed()
    set_ready(scene.run, True, by=scene.bob)
    end_membership(scene.group.pk, scene.dora.pk, by=scene.dora)
    assert mail_reminders(now) == 0
    scene, at, now = claimed()
    assert mail_reminders(now + 7 * HOUR) == 0
    runs.lock_list(scene.run, by=scene.alice)
    assert mail_reminders(now) == 0
    scene, at, now = claimed()
    User.objects.update(wants_reminders=False)
    assert mail_reminders(now) == 0
    scene, at = closing()
    wants(scene.bob)
    remind_due(at - 3 * HOUR)
    assert mail_reminders(at) == 0


def test_a_claim_without_an_end_is_tried_once_more_and_recorded(monkeypatch, caplog):
    """P4: a clock that died while it sent, and a mail server that is down."""
    _scene, _at, now = claimed()

    def refuses(_letter):
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", refuses)
        assert mail_reminders(now) == 0  # the first is tried, the other waits
    assert sorted(Reminder.objects.filter(is_mailed=True).values_list("tries", flat=True)) == [0, 1]
    assert mail_reminders(now + MINUTE) == 1
    assert mail_reminders(now + 9 * MINUTE) == 0
    assert mail_reminders(now + 11 * MINUTE) == 1
    assert "sent once more" in caplog.text
    assert mailed() == ["bob@bulq.test", "dora@bulq.test"]
    Reminder.objects.update(sent_at=None)
    assert mail_reminders(now + HOUR) == 1  # the one tried once
    Reminder.objects.update(sent_at=None)
    assert mail_reminders(now + 2 * HOUR) == 0


def test_an_address_that_is_refused_stops_nobody_elses_mail(monkeypatch):
    _scene, _at, now = claimed()
    send = EmailMessage.send

    def refuses_bob(letter):
        if letter.to == ["bob@bulq.test"]:
            raise smtplib.SMTPRecipientsRefused({"bob@bulq.test": (550, b"no")})
        return send(letter)

    monkeypatch.setattr(EmailMessage, "send", refuses_bob)
    assert mail_reminders(now) == 1
    assert mailed() == ["dora@bulq.test"]


def test_many_mails_are_sent_in_turns(monkeypatch):
    """The same worker closes runs, which must not wait for all of them."""
    monkeypatch.setattr("bids.actions.mail.REMINDERS_AT_ONCE", 1)
    monkeypatch.setattr("bids.actions.mail.BATCHES_A_TURN", 1)
    _scene, _at, now = claimed()
    assert [mail_reminders(now) for _turn in range(3)] == [1, 1, 0]


# --- Any number of clocks --------------------------------------------------------------------------
def both(now):
    remind_due(now)
    return mail_reminders(now)


@pytest.mark.django_db(transaction=True)
def test_two_clocks_at_once_remind_each_person_once(monkeypatch):
    """P4: also while each mail takes its time."""
    scene, at = closing()
    wants(scene.bob, scene.dora)
    monkeypatch.setattr(EmailMessage, "send", linger(EmailMessage.send))
    assert sum(race(*[partial(both, at - 24 * HOUR)] * 3)) == 2
    both(at - 24 * HOUR)
    assert reminded() == EVERYONE
    assert Notification.objects.filter(event__kind="closing_soon").count() == 5
    assert mailed() == ["bob@bulq.test", "dora@bulq.test"]


@pytest.mark.django_db(transaction=True)
def test_without_taking_an_attempt_two_clocks_mail_twice(monkeypatch):
    """Negative control of P4: as read, sent, then marked."""
    _scene, _at, now = claimed()
    monkeypatch.setattr("bids.actions.mail._take", lambda *_row: True)
    monkeypatch.setattr(EmailMessage, "send", linger(EmailMessage.send))
    for _try in range(8):
        Reminder.objects.update(sent_at=None)
        mail.outbox.clear()
        race(*[partial(mail_reminders, now)] * 2)
        if mailed().count("bob@bulq.test") == 2:
            return
    pytest.fail("never two of them")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_clock_killed_at_any_step_reminds_nobody_twice():
    """P4: what it wrote stays, what it did not is done by the next."""
    scene, at = closing()
    wants(scene.bob)
    now, write = at - 24 * HOUR, 1
    while killed_at(write, lambda _scene: remind_due(now), scene):
        written = Reminder.objects.count(), Notification.objects.filter(event__kind="closing_soon").count()
        assert written in ((0, 0), (5, 5)), f"killed before write {write}"
        write += 1
    assert write > 2
    assert reminded() == EVERYONE
    assert (remind_due(now), mail_reminders(now), mail_reminders(now)) == (0, 1, 0)


def hundreds(count):
    """So many runs that close at once, each of its own group of three."""
    store, people = make_store(), [make_user("Ana"), make_user("Ben"), make_user("Cem")]
    at = timezone.now() + 5 * DAY
    groups = Group.objects.bulk_create(Group(name=f"Group {n}", currency="EUR") for n in range(count))
    Membership.objects.bulk_create(Membership(group=group, user=user) for group in groups for user in people)
    times = {"closes_at": at, "reminders_about": at, "closing_set_at": at - 30 * DAY}
    Run.objects.bulk_create(Run(group=group, store=store, leader=people[0], **times) for group in groups)
    return at


def test_reminders_take_the_same_number_of_queries_for_each_hundred_runs():
    counts = {}
    for runs_due in (100, 200, 300):
        Run.objects.all().delete()
        at = hundreds(runs_due)
        with CaptureQueriesContext(connection) as captured:
            assert remind_due(at - 24 * HOUR) == runs_due * 3
        counts[runs_due] = len(captured)
    a_hundred = counts[200] - counts[100]
    assert counts[300] - counts[200] == a_hundred
    assert a_hundred <= 15
    assert counts[100] <= a_hundred + 8


def test_the_task_does_both(settings):
    scene = stage()
    wants(scene.bob)
    close_in(scene.run, 24 * HOUR - MINUTE)
    tasks.remind()
    tasks.remind()
    assert reminded() == EVERYONE
    assert mailed() == ["bob@bulq.test"]
