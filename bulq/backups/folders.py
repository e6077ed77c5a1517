"""Private temporary folders. The next one also removes what killed processes left behind."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def private_folder(prefix):
    """A folder readable by this account only, deleted afterwards."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, _held(folder):
        yield Path(folder)


@contextlib.contextmanager
def _held(folder):
    """`OSError` if another process holds it. The kernel releases the lock when a process dies."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
