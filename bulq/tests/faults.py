"""A Redis that can be stopped, hung, filled up, demoted and cut off, and a proxy that counts connections."""

import contextlib
import os
import signal
import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import redis

from dev import valkey


class Proxy:
    """Passes connections on to `port`; hangs up after `cut_after` bytes of an answer."""

    def __init__(self, port):
        self.target, self.cut_after, self.connections = port, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _address = self.listener.accept()
                self.connections += 1
                self._open.append(client)
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                server.settimeout(None)
                self._open.append(server)
                threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source, target, is_answer):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_answer and self.cut_after is not None:
                    target.sendall(data[: self.cut_after])
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang_up(self):
        """On everyone connected now."""
        self._end(self._open)

    def close(self):
        self._end([self.listener, *self._open])

    def _end(self, sockets):
        for link in list(sockets):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()


class BreakableRedis:
    def __init__(self, url, folder):
        self.parts = urlsplit(url)
        self.pid = int((folder / "valkey.pid").read_text().split()[0])
        self.proxy = Proxy(self.parts.port)
        self.url = self.url_with(self.parts.password)

    def url_with(self, password):
        return f"redis://:{password}@127.0.0.1:{self.proxy.port}/0"

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        self.proxy.close()

    def hang(self):
        os.kill(self.pid, signal.SIGSTOP)

    def refuse(self):
        with redis.Redis.from_url(self.parts.geturl()) as admin:
            admin.config_set("requirepass", "another one")

    def cut(self):
        self.proxy.cut_after = 2

    def fill_up(self):
        with redis.Redis.from_url(self.parts.geturl()) as admin:
            admin.config_set("maxmemory", "1")

    def demote(self):
        """Make it follow an unknown server: it is read-only from now on."""
        with redis.Redis.from_url(self.parts.geturl()) as admin:
            admin.replicaof("127.0.0.1", 1)

    def promote(self):
        with redis.Redis.from_url(self.parts.geturl()) as admin:
            admin.replicaof("NO", "ONE")


@contextlib.contextmanager
def breakable_redis():
    with TemporaryDirectory(prefix="bulq-test-") as folder:
        Path(folder).chmod(0o711)  # as root the server is another account
        with valkey.running(Path(folder)) as url:
            server = BreakableRedis(url, Path(folder))
            try:
                yield server
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server.pid, signal.SIGCONT)
                server.proxy.close()
