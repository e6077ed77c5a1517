"""PostgreSQL and Valkey for one local folder, or for one test run."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import valkey
from dev.postgres import Postgres
from dev.processes import CannotStart


@dataclass(frozen=True)
class Services:
    urls: Mapping[str, str]
    database_made_now: bool = False


@contextlib.contextmanager
def services(local: Path, *, given: Mapping[str, str] | None = None, throwaway: bool = False):
    """Start what `given` does not name already (DATABASE_URL, REDIS_URL); yield where everything is."""
    urls = {name: value for name, value in (given or {}).items() if value}
    made_now = False
    with contextlib.ExitStack() as stack:
        if "DATABASE_URL" not in urls:
            postgres = Postgres(local, throwaway=throwaway)
            made_now = postgres.made_now
            urls["DATABASE_URL"] = stack.enter_context(postgres.running())
        if "REDIS_URL" not in urls:
            urls["REDIS_URL"] = stack.enter_context(valkey.running(local))
        yield Services(urls, made_now)


@contextlib.contextmanager
def throwaway_services(given: Mapping[str, str] | None = None) -> Iterator[Services]:
    """For tests: a folder of their own, gone afterwards, and no waiting for the disk."""
    with tempfile.TemporaryDirectory(prefix="bulq-test-") as folder:
        Path(folder).chmod(0o711)  # as root the servers are another account
        with services(Path(folder), given=given, throwaway=True) as started:
            yield started


def given_by(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}


@contextlib.contextmanager
def local_folder() -> Iterator[Path]:
    """`.local`, or what BULQ_LOCAL names, held by this process alone."""
    folder = Path(os.environ.get("BULQ_LOCAL") or ".local").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as problem:
        raise CannotStart(f"The folder {folder} could not be written: {problem.strerror}.") from problem
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"Bulq already runs on {folder} (process {lock.read().strip()}): stop that one, "
                "or name another folder with BULQ_LOCAL."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield folder
