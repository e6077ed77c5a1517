"""An S3 behind a proxy that damages requests on the way, and one that checks credentials."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dev.processes import Child

HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


# --- Harm ------------------------------------------------------------------------------------------
def pass_on(request):
    request.answer(*request.forward(request.body()))


def answer_500(request):
    request.body()
    request.refuse(500, "InternalError")


def deny(request):
    request.body()
    request.refuse(403, "AccessDenied")


def know_no_conditions(request):
    """Like buckets that do not know `If-None-Match`."""
    body = request.body()
    if "If-None-Match" in request.headers:
        request.refuse(501, "NotImplemented")
    else:
        request.answer(*request.forward(body))


def know_no_checksums(request):
    """Like buckets that refuse every checksum header, and bodies with a checksum at their end."""
    body = request.body()
    names = {name.lower() for name in request.headers}
    if any("checksum" in name or name == "x-amz-trailer" for name in names):
        request.refuse(400, "InvalidArgument")
    else:
        request.answer(*request.forward(body))


def cut_the_upload(request):
    """Half of it arrives, then both sides see the connection end."""
    request.forward(request.body(1 / 2), wait=False)


def halve_the_upload(request):
    """Half of it arrives, and looks complete there."""
    request.answer(*request.forward(request.body(1 / 2), length=None))


def change_the_upload(request):
    request.answer(*request.forward(_with_one_byte_changed(request.body())))


def lose_the_answer(request):
    """The request is carried out, but the answer is lost."""
    request.forward(request.body())


def cut_the_answer(request):
    """The connection ends before the announced length."""
    status, headers, body = request.forward(request.body())
    request.answer(status, headers, body[: len(body) // 2], length=len(body))


def halve_the_answer(request):
    """Half of it, with half the length announced."""
    status, headers, body = request.forward(request.body())
    request.answer(status, headers, body[: len(body) // 2])


def change_the_answer(request):
    status, headers, body = request.forward(request.body())
    request.answer(status, headers, _with_one_byte_changed(body))


def announce_one_byte_more(request):
    status, headers, body = request.forward(request.body())
    request.answer(status, headers, body, length=int(headers["Content-Length"]) + 1)


def say_nothing(request):
    request.body()
    request.server.healed.wait(30)


def _with_one_byte_changed(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


# --- The proxy -------------------------------------------------------------------------------------
class S3Proxy:
    """Passes requests on to `port`. `harm("PUT", ".dump", cut_the_upload)` harms the ones to such keys until healed."""

    def __init__(self, port):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Request)
        self.server.target, self.server.healed, self.server.harm = port, threading.Event(), {}
        self.seen = self.server.seen = []
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def be(self, how):
        """Behave like that kind of bucket for every request."""
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            self.harm(method, "", how)

    def harm(self, method, ending, how, *, times=1000):
        self.server.healed.clear()
        self.server.harm[method, ending] = [how] * times

    def heal(self):
        self.server.harm.clear()
        self.server.healed.set()

    def close(self):
        self.heal()
        self.server.shutdown()
        self.thread.join(30)
        self.server.server_close()


class _Request(BaseHTTPRequestHandler):
    """One connection for each request, so that nothing is left open at the end."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def _any(self):
        path = self.path.split("?")[0]
        self.server.seen.append((self.command, path))
        harms = [
            rest
            for (method, end), rest in self.server.harm.items()
            if (method, True) == (self.command, path.endswith(end))
        ]
        how = harms[0].pop() if harms and harms[0] else pass_on
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client has left
            how(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any

    def body(self, share=1):
        return self.rfile.read(int(int(self.headers.get("Content-Length", 0)) * share))

    def forward(self, body, *, wait=True, length="as announced"):
        """Status, headers and body of the answer."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=30)) as server:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect", "content-length"}:
                    server.putheader(name, value)
            if "Content-Length" in self.headers:
                server.putheader("Content-Length", self.headers["Content-Length"] if length else str(len(body)))
            server.endheaders(body)
            if not wait:
                return None
            answer = server.getresponse()
            return answer.status, answer.headers, answer.read()

    def answer(self, status, headers, body, *, length=None):
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if length is None and self.command == "HEAD":
            length = headers.get("Content-Length", 0)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code):
        text = f"<Error><Code>{code}</Code><Message>Not today.</Message></Error>"
        self.answer(status, {"Content-Type": "application/xml"}, b"" if self.command == "HEAD" else text.encode())

    def log_message(self, *_):
        pass


# --- An S3 that checks credentials -----------------------------------------------------------------
@contextlib.contextmanager
def seaweedfs(folder, *, access_key, secret_key):
    """SeaweedFS; yields its address. Moto accepts any key."""
    who = {"name": "bulq", "credentials": [{"accessKey": access_key, "secretKey": secret_key}], "actions": ["Admin"]}
    identities = folder / "identities.json"
    identities.write_text(json.dumps({"identities": [who]}))
    for _ in range(3):
        ports = _free_ports("master", "volume", "filer", "s3")
        weed = _start(folder, identities, ports)
        try:
            if _answers(weed, ports["s3.port"]):
                yield f"http://127.0.0.1:{ports['s3.port']}"
                return
        finally:
            weed.stop()
            for port in ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - it always makes them there
                    left.unlink()
    raise AssertionError(f"SeaweedFS did not start: {(folder / 'weed.log').read_text()[-2000:]}")


def _start(folder, identities, ports):
    return Child.start(
        "SeaweedFS",
        [
            *(Path(sys.executable).with_name("weed"), "-logtostderr=true", "server", f"-dir={folder}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3", f"-s3.config={identities}"),
            *(
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.localSocket={folder}/s3",
                f"-filer.localSocket={folder}/f",
            ),
            *("-volume.max=4", "-master.volumeSizeLimitMB=16", *(f"-{name}={port}" for name, port in ports.items())),
        ],
        stop_signal=signal.SIGKILL,  # it takes half a minute to shut down
        log=folder / "weed.log",
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )


def _free_ports(*servers):
    with contextlib.ExitStack() as stack:
        names = [name for server in servers for name in (f"{server}.port", f"{server}.port.grpc")]
        return {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for name in names}


def _answers(weed, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not weed.ended:
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(server), contextlib.suppress(OSError, http.client.HTTPException):
            server.request("GET", "/")
            if server.getresponse().status == 403:
                return True
        time.sleep(0.1)
    return False
