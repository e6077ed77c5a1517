"""Work that a page leaves to the worker: handed over once the transaction is committed, never waited for."""

import logging
from functools import partial

from django.db import transaction

log = logging.getLogger(__name__)


def hand_over(task):
    """Ask for a task by its name. The queue may be lost: the task finds in the database what there is to do."""
    transaction.on_commit(partial(_send, task))


def _send(task):
    from kombu.exceptions import OperationalError  # half a second, for those who hand something over

    from .celery import app

    try:
        app.send_task(task)
    except OperationalError as error:
        log.warning("%s was not handed over and waits for its next turn: %s", task, error)
