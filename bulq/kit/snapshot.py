"""Reading at one moment: all queries of a page see one state of the database.

At PostgreSQL's default level each query sees what has been committed by then, so the people on a page could be older
than their orders, or its rows older than their sum.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction

_is_open = ContextVar("snapshot", default=False)


@contextmanager
def snapshot():
    """Every query inside sees the same state; nothing can be written. Within a transaction it does nothing."""
    if connection.in_atomic_block:
        yield
        return
    token = _is_open.set(True)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        _is_open.reset(token)


def is_open():
    return _is_open.get()
