"""Queueing work for the worker, after the transaction commits and without a long wait."""

import logging
from contextvars import copy_context
from functools import partial

from django.db import transaction

from .breaker import Breaker, RedisAway

SECONDS = 2  # the first time a connection is made, and much is imported
breaker = Breaker("the worker's queue")
log = logging.getLogger("bulq.later")


def hand_over(task):
    """Queue a task by name after the commit. The queue may be lost: tasks find in the database what there is to do."""
    transaction.on_commit(partial(_send, task))


def _send(task):
    try:
        send(task)
    except RedisAway:
        log.warning("%s could not be queued and waits for its next turn", task)


def send(task, *arguments):
    """Queue a task now; `RedisAway` if that fails."""
    # The worker's log line gets the id of this request.
    breaker.ask(partial(copy_context().run, _put, task, arguments), SECONDS)


def _put(task, arguments):
    from kombu.exceptions import OperationalError  # takes half a second, so only when work is queued

    from .queue import app

    try:
        app.send_task(task, arguments)
    except OperationalError as error:
        raise ConnectionError(str(error)) from error
