"""Worker and beat report that they are running, and each raises an alert when the other does not."""

import logging
import threading
from time import monotonic

from celery import signals
from celery.beat import PersistentScheduler
from django.db import DatabaseError, connections
from django.utils import timezone

from bulq.kit.breaker import NEVER
from bulq.models import Heartbeat

from . import alerts, health

EVERY = 30  # seconds
log = logging.getLogger("bulq.heartbeats")


class Pulse:
    """Called by a process's main loop as often as it likes; never waits for the database."""

    def __init__(self, name):
        self.name, self.born_at, self.last, self.thread = name, monotonic(), NEVER, None

    def beat(self):
        if monotonic() - self.last >= EVERY and not (self.thread and self.thread.is_alive()):
            self.last = monotonic()
            self.thread = threading.Thread(target=self._say, daemon=True)
            self.thread.start()

    def _say(self):
        try:
            Heartbeat.objects.update_or_create(name=self.name, defaults={"at": timezone.now()})
            # After downtime of the whole site the other one gets as much time to come back.
            if monotonic() - self.born_at > health.STOPPED_AFTER.total_seconds() and health.is_anything_missing():
                alerts.tell()
        except DatabaseError as error:
            log.warning("The heartbeat was not stored: %s", error)
        finally:
            connections.close_all()


worker = Pulse("worker")


@signals.heartbeat_sent.connect
def worker_runs(**_kwargs):
    worker.beat()


class Scheduler(PersistentScheduler):
    """Celery's scheduler, with a heartbeat each time it checks what is due."""

    def __init__(self, *args, **options):
        self.pulse = Pulse("beat")
        super().__init__(*args, **options)

    def tick(self, *args, **options):
        self.pulse.beat()
        return super().tick(*args, **options)
