"""`make audit`: do the packages of the locks have vulnerabilities that are publicly known?

What does not concern us may stand in pyproject.toml for a while, with the reason:

    [tool.bulq.audit]
    exceptions = [{id = "CVE-2026-1234", until = 2027-01-31, why = "we never parse XML"}]

Ends with 0 when there is nothing, with 1 when something has to be done, and with 3 when nobody could be asked.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")
NOT_AUDITED = 3
SECONDS = 600


class NotAudited(Exception):
    """Nobody could be asked. Its text is the sentence the person reads."""


class Mistake(Exception):
    """Ours, in a lock or an exception. Its text is the sentence the person reads."""


@dataclass(frozen=True)
class ExceptionFor:
    id: str
    until: date
    why: str


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.audit")
    parser.add_argument("folder", nargs="?", default=ROOT, type=Path, help="where the locks are")
    parser.add_argument("--osv-url", help="ask this OSV service instead of PyPI")
    words = parser.parse_args(arguments)
    problems = []
    try:
        exceptions = read_exceptions(words.folder)
        today = datetime.now(UTC).date()
        problems += [f"The exception for {one.id} ended on {one.until}." for one in exceptions if one.until < today]
        dependencies = ask(words.folder, words.osv_url)
        problems += judge(dependencies, exceptions, today)
        tell_of_skipped(dependencies)
    except Mistake as mistake:
        problems.append(str(mistake))
    except NotAudited as outage:
        print(outage, file=sys.stderr, flush=True)
        if not problems:
            return NOT_AUDITED
    if problems:
        print(*problems, sep="\n", file=sys.stderr, flush=True)
        return 1
    print(f"Packages audited: {len(dependencies)}. Nothing has to be done.")
    return 0


def read_exceptions(folder: Path) -> list[ExceptionFor]:
    with (folder / "pyproject.toml").open("rb") as file:
        entries = tomllib.load(file)["tool"]["bulq"]["audit"]["exceptions"]
    for entry in entries:
        right = entry.keys() == {"id", "until", "why"} and type(entry["until"]) is date and entry["why"]
        if not right:
            raise Mistake(f"An exception has an id, a date until when, and why; this one is {entry}.")
    return [ExceptionFor(**entry) for entry in entries]


def ask(folder: Path, osv_url: str | None) -> list[dict]:
    """What pip-audit found out about each package of the locks."""
    service = ("--vulnerability-service", "osv", "--osv-url", osv_url) if osv_url else ()
    answer, complaint = pip_audit(folder, *service)
    if answer is not None:
        return answer
    readable, mistake = pip_audit(folder, "--dry-run")  # asks nobody
    if readable is None:
        raise Mistake(f"The locks could not be audited: {mistake}")
    raise NotAudited(f"Nothing was audited: {osv_url or 'PyPI'} could not be asked ({complaint}).")


def pip_audit(folder: Path, *options: str) -> tuple[list[dict] | None, str]:
    """Its answer, if there is one; and the last line of what it complained of."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    command += ["--format", "json", "--desc", "off", "--aliases", "on", *options]
    for lock in LOCKS:
        command += ["--requirement", lock]
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, f"it took longer than {SECONDS} seconds"
    complaint = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
    # It ends with 1 for a finding as well as for a mistake, and with a traceback when a service refuses.
    return (json.loads(result.stdout)["dependencies"] if result.stdout else None), complaint


def judge(dependencies: list[dict], exceptions: list[ExceptionFor], today: date) -> list[str]:
    unused, problems = {one.id for one in exceptions}, []
    valid = {one.id for one in exceptions if one.until >= today}
    for package in dependencies:
        for finding in package.get("vulns", ()):
            names = {finding["id"], *finding["aliases"]}
            unused -= names
            if not names & valid:
                fixed = ", ".join(finding["fix_versions"]) or "no version yet"
                known_as = " ".join([finding["id"], *sorted(finding["aliases"])])
                problems.append(f"{package['name']} {package['version']}: {known_as}; fixed in {fixed}.")
    if not skipped(dependencies):
        problems += [f"The exception for {name} excepts nothing any more: delete it." for name in sorted(unused)]
    return list(dict.fromkeys(problems))  # one that two databases know comes twice


def tell_of_skipped(dependencies: list[dict]) -> None:
    """PyPI answers 404 to whoever may not ask it, and pip-audit passes over that."""
    names = skipped(dependencies)
    if len(names) == len(dependencies):
        raise NotAudited("Nothing was audited: the database of vulnerabilities knows none of the packages.")
    if names:
        raise NotAudited(f"Not audited, because nothing is known about them: {', '.join(names)}.")


def skipped(dependencies: list[dict]) -> list[str]:
    return [package["name"] for package in dependencies if "skip_reason" in package]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
