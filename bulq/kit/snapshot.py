"""Reading at one moment: all queries of a page see one state of the database.

At PostgreSQL's default level each query sees what has been committed by then, so the people on a page could be older
than their orders, or its rows older than their sum.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction
from psycopg import IsolationLevel

_is_open = ContextVar("snapshot", default=False)


@contextmanager
def snapshot():
    """Every query inside sees the same state; nothing can be written. Within a transaction it does nothing."""
    if connection.in_atomic_block:
        yield
        return
    token = _is_open.set(True)
    try:
        with _begun_as_snapshot(), transaction.atomic():
            yield
    finally:
        _is_open.reset(token)


@contextmanager
def _begun_as_snapshot():
    """The first query's BEGIN says it, which costs no statement of its own."""
    connection.ensure_connection()
    begun = connection.connection
    begun.isolation_level, begun.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        yield
    finally:
        if not begun.closed:
            begun.isolation_level = begun.read_only = None


def is_open():
    return _is_open.get()
