"""Waiting for other processes, but not for ever."""

import contextlib
import threading


@contextlib.contextmanager
def at_most(seconds, process):
    """Kill it when its time is up, which also ends the waiting for its output; then the test fails."""
    late = []

    def kill():
        late.append(process.args)
        process.kill()

    clock = threading.Timer(seconds, kill)
    clock.daemon = True
    clock.start()
    try:
        yield process
    finally:
        clock.cancel()
        assert not late, f"{late[0]} took longer than {seconds} seconds, and was killed"
