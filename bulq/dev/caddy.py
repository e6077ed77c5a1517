"""Caddy, the one public door: `/live/` leads to the live processes, everything else to the web process."""

import contextlib
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from bulq.dev.processes import CannotStart, Child

PROGRAM = Path(sysconfig.get_path("scripts"), "caddy")
# The address has no name in it: Caddy would leave requests for any other (localhost) to nobody.
# A connection is let go before gunicorn does so after two seconds: a form sent into a closing one would be lost.
CADDYFILE = """
{{
    admin off
    auto_https off
    persist_config off
    grace_period 1s
}}
http://:{port} {{
    bind 127.0.0.1
    request_header X-Real-IP {{client_ip}}
    {live}
    handle {{
        encode zstd gzip
        reverse_proxy {web} {{
            lb_try_duration 5s
            lb_try_interval 50ms
            transport http {{
                keepalive 1s
            }}
        }}
    }}
}}
"""
LIVE = """
    handle /live/* {{
        reverse_proxy {live} {{
            lb_policy round_robin
            lb_try_duration 5s
            lb_try_interval 50ms
            flush_interval -1
        }}
    }}
"""


def caddyfile(port: int, *, web: int, live: Sequence[int]) -> str:
    """Without live processes `/live/` is a page like any other."""
    streams = LIVE.format(live=_addresses(*live)) if live else ""
    return CADDYFILE.format(port=port, web=_addresses(web), live=streams)


@contextlib.contextmanager
def running(local: Path, port: int, *, web: int, live: Sequence[int] = ()) -> Iterator[Child]:
    """On loopback; whoever is not there yet is waited for."""
    if not PROGRAM.exists():
        raise CannotStart(f"The program {PROGRAM} is missing: delete .venv and start again.")
    home = local / "caddy"
    home.mkdir(exist_ok=True)
    configuration = home / "Caddyfile"
    configuration.write_text(caddyfile(port, web=web, live=live))
    door = Child.start(
        "Caddy",
        [PROGRAM, "run", "--config", configuration],
        env={"HOME": str(home)},  # it writes there; and has no use for our secrets
        log=local / "caddy.log",
        cwd=home,
    )
    try:
        yield door
    finally:
        door.stop(seconds=10)


def _addresses(*ports: int) -> str:
    return " ".join(f"127.0.0.1:{port}" for port in ports)
