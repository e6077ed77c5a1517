"""Celery's app: `celery -A bulq worker`, `celery -A bulq beat`. What it does when, is in `bulq/clock.py`."""

import logging
import os
import time

from celery import Celery, signals

from . import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
app = Celery("bulq", include=["bulq.clock", "bulq.heartbeats"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# --- Log lines -------------------------------------------------------------------------------------
log = logging.getLogger("bulq.tasks")


@signals.setup_logging.connect
def leave_the_log_alone(**_words):
    """Django has set it up. Somebody has to listen here, or else Celery does so in its own way."""


@signals.celeryd_init.connect
def say_nothing_beside_the_log(**_words):
    """What a worker says when it is told to stop is no line of the log."""
    from celery.apps import worker

    worker.safe_say = lambda *_words: None


@signals.before_task_publish.connect
def send_request_id_along(headers, **_words):
    request, _person = logs.current.get()
    if request:
        headers["request_id"] = request


@signals.task_prerun.connect
def begin_task(task, task_id, **_words):
    task.request.began = time.perf_counter()
    logs.current.set((task.request.get("request_id") or task_id, lambda: None))


@signals.task_postrun.connect
def log_task(task, state, retval, **_words):
    facts = {"task": task.name, "state": state, "ms": round((time.perf_counter() - task.request.began) * 1000)}
    error = retval if state == "FAILURE" else None
    log.log(logging.ERROR if error else logging.INFO, "%s %s", task.name, state, extra=facts, exc_info=error)
    logs.current.set(("", lambda: None))
