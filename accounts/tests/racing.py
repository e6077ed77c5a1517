"""Threads that start together, each with its own connection, and stand-ins that take the locks away."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

SECONDS = 120


def race(*jobs):
    """What each job returned or raised, in order."""
    start = Barrier(len(jobs))

    def run(job):
        try:
            start.wait(timeout=10)
            return job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(len(jobs))
    try:
        return list(pool.map(run, jobs, timeout=SECONDS))
    except TimeoutError:
        raise AssertionError(f"one of {jobs} took longer than {SECONDS} seconds") from None
    finally:
        pool.shutdown(wait=False)  # or one that hangs would be waited for


def linger(function, seconds=0.15):
    """`function`, with time for others between reading and writing."""

    def slow(*args, **kwargs):
        found = function(*args, **kwargs)
        time.sleep(seconds)
        return found

    return slow


def unlocked(rows, **lookup):
    """Stands in for `locked` in a negative control."""
    return rows.get(**lookup)
