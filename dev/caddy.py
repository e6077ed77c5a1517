"""Caddy, the one public door: `/live/` leads to the live processes, everything else to the web process."""

import contextlib
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dev.processes import CannotStart, Child, is_listening

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sysconfig.get_path("scripts"), "caddy")


@contextlib.contextmanager
def running(local: Path, port: int, *, web: int, live: Sequence[int] = ()) -> Iterator[Child]:
    """On loopback, without encryption; listening once this returns, and waiting for servers that are not up yet.

    Without live processes `/live/` is a page like any other.
    """
    # No host name in the address: Caddy would answer no requests for any other name (localhost).
    with started(local, {"DOMAIN": f"http://:{port}", "SITE_FILES": str(ROOT)}, web=[web], live=live or [web]) as door:
        for _tick in range(600):
            if is_listening(port):
                break
            if door.ended:
                raise door.failed("stopped while starting")
            time.sleep(0.1)
        else:
            raise door.failed("did not listen within a minute")
        yield door


@contextlib.contextmanager
def started(
    local: Path, variables: dict[str, str], *, web: Sequence[int], live: Sequence[int], file: Path = ROOT / "Caddyfile"
) -> Iterator[Child]:
    """With the variables that the Caddyfile names, and no others: it has no use for our secrets."""
    if not PROGRAM.exists():
        raise CannotStart(f"The program {PROGRAM} is missing: delete .venv and start again.")
    home = local / "caddy"
    home.mkdir(exist_ok=True)
    here = {"HOME": str(home), "CADDY_BIND": "default_bind 127.0.0.1", "CADDY_GRACE": "1s"}
    door = Child.start(
        "Caddy",
        [PROGRAM, "run", "--config", file, "--adapter", "caddyfile"],
        env=here | {"WEB": _addresses(web), "LIVE": _addresses(live)} | variables,
        log=local / "caddy.log",
        cwd=home,
    )
    try:
        yield door
    finally:
        door.stop(seconds=10)


def _addresses(ports: Sequence[int]) -> str:
    return " ".join(f"127.0.0.1:{port}" for port in ports)
