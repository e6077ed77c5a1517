"""The site as in production: gunicorn with four workers behind the real Caddy, and visitors from many addresses."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from uuid import uuid4

from bulq.dev.processes import Child, free_port
from bulq.dev.services import throwaway_services

ROOT = Path(__file__).resolve().parents[2]
CADDYFILE = """
{{
    admin off
    auto_https off
    persist_config off
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{web}
}}
"""
TOKEN = "a" * 32  # whatever cookie and form agree on


class Site:
    def __init__(self, port, web, log):
        self.port, self.web, self.log = port, web, log

    def ask(self, method, path, fields=None, *, source="127.0.0.1", headers=(), cookies="", direct=False):
        """Status, headers and text; `source` is any address of 127.0.0.0/8, `headers` a list of pairs."""
        body = urlencode({"csrfmiddlewaretoken": TOKEN, "once": str(uuid4())} | fields) if fields is not None else None
        port = self.web if direct else self.port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))) as link:
            link.putrequest(method, path)
            link.putheader("Cookie", f"csrftoken={TOKEN}; {cookies}")
            if body is not None:
                link.putheader("Content-Type", "application/x-www-form-urlencoded")
                link.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                link.putheader(name, value)
            link.endheaders(body.encode() if body else None)
            with link.getresponse() as answer:
                return answer.status, answer.headers, answer.read().decode()

    def log_in(self, username, password, **options):
        """The cookie of a session."""
        status, headers, _text = self.ask("POST", "/login/", {"username": username, "password": password}, **options)
        assert status == 302, status
        return next(one.partition(";")[0] for one in headers.get_all("Set-Cookie") if one.startswith("sessionid="))


@contextlib.contextmanager
def site_behind_caddy(**settings):
    """With the demo's data; `settings` are variables of the environment."""
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(throwaway_services())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bulq-test-")))
        environment = {**os.environ, **started.urls, "SECRET_KEY": "for tests only", "RATELIMIT_ENABLE": "true"}
        environment |= {"BULQ_TRUSTED_PROXIES": "127.0.0.1", "HOME": str(folder), **settings}
        for command in ("migrate", "demo"):
            manage = [sys.executable, "manage.py", command]
            subprocess.run(manage, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        site = next(filter(None, (_started(stack, folder, environment) for _try in range(3))), None)
        assert site, "the site did not start"
        yield site


def _started(stack, folder, environment):
    """None if somebody else took a port meanwhile."""
    web, port, log = free_port(), free_port(), folder / "web.log"
    gunicorn = [sys.executable, "-m", "gunicorn", "bulq.wsgi:application", "--workers", "4", "--preload"]
    gunicorn += ["--no-control-socket", "--bind", f"127.0.0.1:{web}", "--access-logfile", "-"]
    (folder / "Caddyfile").write_text(CADDYFILE.format(port=port, web=web))
    caddy = [Path(sys.executable).parent / "caddy", "run", "--config", folder / "Caddyfile"]
    children = []
    for name, command, output in (("gunicorn", gunicorn, log), ("Caddy", caddy, folder / "caddy.log")):
        children.append(Child.start(name, command, env=environment, cwd=ROOT, log=output))
        stack.callback(children[-1].stop)
    site = Site(port, web, log)
    return site if _answers(site, children) else None


def _answers(site, children, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not any(child.ended for child in children):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if site.ask("GET", "/login/", source="127.9.9.9")[0] == 200:
                return True
        time.sleep(0.1)
    return False
