"""Child processes that never outlive us, the account they run as, and ports that are free."""

import contextlib
import ctypes
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
QUIET_SECONDS = 300
# Below those that Linux (32768) and macOS (49152) give to outgoing connections: free until our server binds it.
PORTS = range(20_000, 32_000)
_untried: list[int] = []


class CannotStart(Exception):
    """Its text is the one sentence the person reads."""


class Stopped(BaseException):
    """Ctrl-C or a stop signal. Not an Exception, so that nothing swallows it on the way out."""


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Turn the first stop signal into `Stopped` and ignore the rest: the time to shut down is bounded."""

    def stop(*_: object) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    # With the body's own clean-up inside it, so the handlers hold until the last child is gone.
    yield


@dataclass(frozen=True)
class Account:
    """The unprivileged account servers run as when we are root (PostgreSQL refuses to be root)."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of_owner(cls, folder: Path) -> "Account":
        info = folder.stat()
        return cls(f"number {info.st_uid}", info.st_uid, info.st_gid)

    @classmethod
    def unprivileged(cls) -> "Account":
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(name, entry.pw_uid, entry.pw_gid)
        raise CannotStart(
            "PostgreSQL refuses to run as root and there is no account postgres or nobody: start as an ordinary user."
        )

    def may(self, *test: str) -> bool:
        """What `test -w folder` and the like answer for this account."""
        return quiet(["test", *test], account=self).returncode == 0


def quiet(command: Sequence[str | Path], *, account: Account | None, **options: object):
    """Run to the end, as `account` when there is one, and keep the output; none of these programs runs for minutes."""
    options = {"stdin": subprocess.DEVNULL, **options} if "input" not in options else options
    options = {"timeout": QUIET_SECONDS, **options}
    try:
        return subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **_identity(account),
            **options,
        )
    except PermissionError as refused:  # the account may not even reach the program
        return subprocess.CompletedProcess(command, 126, "", str(refused))
    except subprocess.TimeoutExpired as late:
        raise CannotStart(f"{command[0]} did not end within {QUIET_SECONDS} seconds and was stopped.") from late


def _identity(account: Account | None) -> dict[str, object]:
    if account is None:
        return {}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", "LC_ALL": "C.UTF-8"}
    return {"user": account.uid, "group": account.gid, "extra_groups": [], "env": environment}


class Child:
    """A server of ours: in its own session, so that Ctrl-C reaches only us and we stop things in order."""

    def __init__(
        self, name: str, begin: Callable[[], subprocess.Popen], stop_signal: signal.Signals, log: Path | None
    ) -> None:
        self.name = name
        self.begin = begin
        self.stop_signal = stop_signal
        self.log = log
        self.process = begin()

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        account: Account | None = None,
        log: Path | None = None,
        given: str | None = None,
        **options: object,
    ) -> "Child":
        def begin() -> subprocess.Popen:
            with contextlib.ExitStack() as stack:
                output = {}
                if log is not None:
                    output = {"stdout": stack.enter_context(log.open("ab")), "stderr": subprocess.STDOUT}
                process = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                    start_new_session=True,
                    preexec_fn=_dies_with_us(stop_signal),
                    **(_identity(account) | options | output),
                )
            if given is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(given.encode())
                    process.stdin.close()
            return process

        return cls(name, begin, stop_signal, log)

    def start_again(self) -> None:
        self.process = self.begin()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def failed(self, what: str) -> CannotStart:
        where = f"{self.log} says" if self.log else "the lines above say"
        return CannotStart(f"{self.name[0].upper()}{self.name[1:]} {what}; {where} why.")

    def stop(self, seconds: float = 20) -> None:
        if not self.ended:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _dies_with_us(stop_signal: signal.Signals):
    """On Linux the kernel stops the child when we are killed outright (-9); elsewhere the next start does."""
    if not sys.platform.startswith("linux"):
        return None
    # Looked up here: in the child, a lock of the linker that another of our threads holds would never be released.
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def free_port() -> int:
    """One of PORTS, and another one each time: the last may not be in use yet."""
    for _ in PORTS:
        if not _untried:
            _untried.extend(random.sample(PORTS, len(PORTS)))
        if port_is_free(port := _untried.pop()):
            return port
    raise CannotStart(f"No port from {PORTS[0]} to {PORTS[-1]} is free.")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server will do: otherwise connections left by the last run (TIME_WAIT) look like a taken port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """The arguments of any process on the machine, separated by blanks; empty when it has ended."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return quiet(["ps", "-o", "args=", "-p", str(pid)], account=None).stdout
