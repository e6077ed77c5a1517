"""O5: an alert is sent when the worker or beat stops. The tests in `shipping` show that both report that they run."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from bulq.models import Heartbeat
from bulq.watch import health
from bulq.watch.heartbeats import EVERY, Pulse

pytestmark = pytest.mark.django_db(transaction=True)
LONG = health.STOPPED_AFTER + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def operator(settings):
    settings.BACKUP_ALERT_EMAILS = ["operator@bulq.test"]


def seen(name, ago):
    Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now() - ago})


def beat(pulse):
    pulse.beat()
    ended(pulse)


def ended(pulse):
    pulse.thread.join(30)
    assert not pulse.thread.is_alive(), "the heartbeat was not stored in time"


def old(name):
    """A process that has been running for long."""
    pulse = Pulse(name)
    pulse.born_at -= LONG.total_seconds()
    return pulse


@pytest.mark.parametrize(("runs", "stopped"), [("worker", "beat"), ("beat", "worker")])
def test_each_reports_when_the_other_stops_and_when_it_is_back(runs, stopped):
    seen(stopped, LONG)
    beat(old(runs))
    beat(old(runs))
    [letter] = mail.outbox  # once a day
    assert f"{health.WORKERS[stopped]} has not been running since 20" in letter.body
    seen(stopped, timedelta())
    assert health.problems() == []


def test_running_processes_and_those_never_started_are_not_missed():
    beat(old("worker"))
    assert mail.outbox == []
    seen("beat", health.STOPPED_AFTER - timedelta(seconds=30))
    beat(old("worker"))
    assert mail.outbox == []


def test_after_downtime_of_the_whole_site_the_other_has_time_to_come_back():
    seen("beat", LONG)
    beat(Pulse("worker"))
    assert mail.outbox == []


def test_it_is_stored_now_and_then_however_often_the_loop_runs():
    pulse = Pulse("worker")
    beat(pulse)
    first = Heartbeat.objects.get().at
    for _turn in range(100):
        pulse.beat()
    ended(pulse)
    assert Heartbeat.objects.get().at == first
    pulse.last -= EVERY
    beat(pulse)
    assert Heartbeat.objects.get().at > first


def test_without_the_database_the_process_keeps_running(settings, monkeypatch, caplog):
    monkeypatch.setitem(connections.settings["default"], "PORT", 1)
    beat(Pulse("beat"))
    assert "The heartbeat was not stored" in caplog.text


def test_the_command_reports_the_problem_and_fails(capsys):
    seen("worker", timedelta())
    call_command("heartbeats", "worker")
    assert capsys.readouterr().out.startswith("worker: 20")
    with pytest.raises(CommandError, match=r"^Not running: beat\.$"):
        call_command("heartbeats")
    seen("beat", LONG)
    with pytest.raises(CommandError, match=r"^Not running: beat\.$"):
        call_command("heartbeats", "beat")
