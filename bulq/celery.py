"""Found by name (`celery -A bulq worker`, `celery -A bulq beat`): the app, and the log lines about tasks.

The schedule is in `bulq/clock.py`.
"""

import logging
import time

from celery import signals

from .kit.queue import app
from .logs import lines

__all__ = ["app"]
log = logging.getLogger("bulq.tasks")


@signals.setup_logging.connect
def leave_the_log_alone(**_kwargs):
    """Django has configured logging; without a receiver here Celery would configure its own."""


@signals.celeryd_init.connect
def say_nothing_beside_the_log(**_kwargs):
    """Silence what a worker prints when it is stopped, which is not a log line."""
    from celery.apps import worker

    worker.safe_say = lambda *_args: None


@signals.task_prerun.connect
def begin_task(task, task_id, **_kwargs):
    task.request.began = time.perf_counter()
    lines.current.set((task.request.get("request_id") or task_id, lambda: None))


@signals.task_postrun.connect
def log_task(task, state, retval, **_kwargs):
    facts = {"task": task.name, "state": state, "ms": round((time.perf_counter() - task.request.began) * 1000)}
    error = retval if state == "FAILURE" else None
    log.log(logging.ERROR if error else logging.INFO, "%s %s", task.name, state, extra=facts, exc_info=error)
    lines.current.set(("", lambda: None))
