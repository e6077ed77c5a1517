"""Receivers of alerts: a mail server and a web server on loopback that keep what they get, or fail in a given way."""

import contextlib
import threading
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

from dev.processes import free_port


class Letters:
    """The mails that a server received."""

    def __init__(self):
        self.got, self.port = [], free_port()

    async def handle_DATA(self, _server, _session, envelope):
        self.got.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextlib.contextmanager
def mail_server():
    letters = Letters()
    server = Controller(letters, hostname="127.0.0.1", port=letters.port)
    server.start()
    try:
        yield letters
    finally:
        server.stop()


class Calls(ThreadingHTTPServer):
    """A web server that keeps `(method, path, body)` and answers `status`; while `hangs` is set, not at all."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Caller)
        self.got, self.status, self.hangs = [], 200, None
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Caller(BaseHTTPRequestHandler):
    timeout = 30

    def _take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.got.append((self.command, self.path, body.decode()))
        if self.server.hangs:
            self.server.hangs.wait(30)
        with contextlib.suppress(OSError):  # the client did not wait
            self.send_response(self.server.status)
            self.end_headers()

    do_GET = do_POST = _take

    def log_message(self, *_words):
        pass


@contextlib.contextmanager
def web_server():
    server = Calls()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
