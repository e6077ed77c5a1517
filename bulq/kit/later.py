"""Work that a page leaves to the worker: handed over once the transaction is committed, never waited for long."""

import logging
from contextvars import copy_context
from functools import partial

from django.db import transaction

from .breaker import Breaker, RedisAway

SECONDS = 2  # the first time a connection is made, and much is imported
breaker = Breaker("the worker's queue")
log = logging.getLogger("bulq.later")


def hand_over(task):
    """Ask for a task by its name. The queue may be lost: the task finds in the database what there is to do."""
    transaction.on_commit(partial(_send, task))


def _send(task):
    try:
        send(task)
    except RedisAway:
        log.warning("%s was not handed over and waits for its next turn", task)


def send(task, *arguments):
    """Put a task into the queue now; `RedisAway` if that cannot be done."""
    # The line that the worker writes has the id of this request.
    breaker.ask(partial(copy_context().run, _put, task, arguments), SECONDS)


def _put(task, arguments):
    from kombu.exceptions import OperationalError  # half a second, for those who hand something over

    from .queue import app

    try:
        app.send_task(task, arguments)
    except OperationalError as error:
        raise ConnectionError(str(error)) from error
