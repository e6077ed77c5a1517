"""The live process as in production, and someone who listens to it."""

import contextlib
import http.client
import os
import queue
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from dev.processes import Child, free_port
from dev.run import LIVE

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def live_process(folder, *, port=None, **environment):
    """On this test process's own database and Redis; yields its port and the child."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {**os.environ, "DATABASE_URL": database, "LIVE_REDIS_URL": settings.LIVE_REDIS_URL, **environment}
    environment["PGAPPNAME"] = "live"  # how PostgreSQL knows it
    for where in [port] if port else [free_port() for _try in range(3)]:  # someone else may take one meanwhile
        command = [sys.executable, "-m", "gunicorn", *LIVE, "--bind", f"127.0.0.1:{where}"]
        log = Path(folder) / "live.log"
        child = Child.start("live", command, env=environment, cwd=ROOT, log=log, stop_signal=signal.SIGQUIT)
        try:
            if _answers(where, child):
                yield where, child
                return
        finally:
            child.stop()
    raise AssertionError(log.read_text())


def _answers(port, child, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not child.ended:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        time.sleep(0.05)
    return False


class Listener:
    """An open stream, or a refusal."""

    def __init__(self, port, query="", session="", method="GET", path="/live/"):
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        cookie = f"{settings.SESSION_COOKIE_NAME}={session}"
        self.link.request(method, f"{path}?{query}", headers={"Cookie": cookie} if session else {})
        self.socket, self.answer = self.link.sock, self.link.getresponse()
        self.status, self.events = self.answer.status, queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            assert self.answer.readline() == b": hello\n"  # from here on it is notified
            self.answer.readline()
            self.reader.start()
        else:
            self._end()

    def _read(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := self.answer.readline():
                if line.startswith(b"data: changed"):
                    self.events.put("changed")
        self.events.put("end")
        self._end()

    def _end(self):
        self.answer.close()
        self.link.close()
        self.socket.close()

    def hears(self, seconds=10):
        """The next event, "changed" or "end"; None if nothing comes within `seconds`."""
        with contextlib.suppress(queue.Empty):
            return self.events.get(timeout=seconds)

    def close(self):
        """As when a page is left."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.reader.ident:
            self.reader.join(30)
            assert not self.reader.is_alive(), "the stream was closed, and is still being read"
