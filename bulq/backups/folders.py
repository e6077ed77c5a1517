"""Private folders for what is temporary. What a killed process left in one goes with the next."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def private_folder(prefix):
    """One that only this account may look into, gone afterwards."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, _held(folder):
        yield Path(folder)


@contextlib.contextmanager
def _held(folder):
    """`OSError` if someone else holds it. The kernel frees what a process held when it dies."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
