"""`make test`: the linters, what Django checks itself, then every test, on servers of this run's own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dev.postgres import NAME
from dev.processes import CannotStart, Stopped, stop_signals
from dev.services import throwaway_services

ROOT = Path(__file__).resolve().parents[1]
# (title, the module and its arguments)
LINTERS = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", ".")),
    ("template lint", ("-m", "djlint", "--quiet", "--lint", "templates")),
)
# Where the time went, in the output of CI.
SLOWEST = ("--durations=25", "--durations-min=3") if os.environ.get("CI") == "true" else ()
# Seconds. A test has its own limit, in pyproject.toml; this one is for what hangs between tests.
LONGEST_CHECK, LONGEST_RUN = 10 * 60, 60 * 60
DJANGO_CHECKS = (
    ("migrations", ("manage.py", "makemigrations", "--check", "--dry-run")),
    ("django check", ("manage.py", "check", "--fail-level", "WARNING")),
)
# Beside the linters; the database of each pytest worker is then a copy of this one.
MIGRATION = ("migrate", ("manage.py", "migrate", "--no-input", "--skip-checks", "--verbosity", "0"))


def main(arguments: Sequence[str]) -> int:
    try:
        with stop_signals():
            return lint() if arguments == ["--lint-only"] else test(arguments)
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except Stopped:
        return 130


def lint(checks: Sequence = LINTERS, environment: Mapping[str, str] = os.environ) -> int:
    """Run them all, side by side; the first failure's exit code counts."""
    with contextlib.ExitStack() as stack:
        started = {name: stack.enter_context(_python(*command, environment=environment)) for name, command in checks}
        codes = {name: _code(process, LONGEST_CHECK) for name, process in started.items()}
    failed = {name: code for name, code in codes.items() if code}
    if failed:
        print(f"Failed: {', '.join(failed)}. (`make format` fixes the layout.)", file=sys.stderr, flush=True)
    return next(iter(failed.values()), 0)


def test(arguments: Sequence[str]) -> int:
    # Never the servers of the environment: a developer's own data may be there.
    with throwaway_services() as started:
        environment = {**os.environ, **started.urls}
        environment.setdefault("SECRET_KEY", "for tests only")
        if code := lint((*LINTERS, *DJANGO_CHECKS, MIGRATION), environment):
            return code
        environment["MIGRATED_DATABASE"] = NAME
        # One worker more than processors: at any time one of them waits for other programs.
        command = ("-m", "pytest", "-n", str(_processors() + 1), "--dist", "worksteal", *SLOWEST, *arguments)
        with _python(*command, environment=environment) as process:
            return _code(process, LONGEST_RUN)


def _code(process: subprocess.Popen, seconds: int) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired as late:
        command = " ".join(process.args[1:4])
        raise CannotStart(f"`{command} ...` took longer than {seconds // 60} minutes, and was stopped.") from late


def _processors() -> int:
    """The number this process may use, where the system says: a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _python(*command: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment)
    try:
        yield process
    except BaseException:
        process.terminate()  # after Ctrl-C it is on its way out already; after a plain kill it is not
        raise
    finally:
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
