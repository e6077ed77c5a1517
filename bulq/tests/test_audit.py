"""`make audit`, against a service on loopback that answers as OSV does."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev import audit
from dev.processes import free_port

pytestmark = [pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")
TODAY = datetime.now(UTC).date()
HASH = f"--hash=sha256:{'0' * 64}"
FINDING = "oven 1.2.0: PYSEC-2026-7 CVE-2026-1234 GHSA-aaaa-bbbb-cccc; fixed in 1.2.1, 2.0.1.\n"
ADVISORY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "schema_version": "1.7.3",
    "summary": "The oven can be opened while it is hot",
    "aliases": ["CVE-2026-1234", "PYSEC-2026-7"],
    "modified": "2026-11-02T08:00:00Z",
    "published": "2026-11-01T08:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "oven", "purl": "pkg:pypi/oven"},
            "ranges": [
                {
                    "type": "ECOSYSTEM",
                    "events": [
                        *({"introduced": "0"}, {"fixed": "1.2.1"}),
                        *({"introduced": "2.0.0"}, {"fixed": "2.0.1"}),
                    ],
                }
            ],
            "versions": ["1.1.0", "1.2.0", "2.0.0"],
        }
    ],
}
# The same hole under another name, as the database of PyPI tells of it.
TWIN = {**ADVISORY, "id": "PYSEC-2026-7", "aliases": ["CVE-2026-1234", "GHSA-aaaa-bbbb-cccc"]}


class Service(ThreadingHTTPServer):
    """OSV's `POST /v1/query` about one version of one package, with all it knows of the oven."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked, self.status = [], 200

    @property
    def url(self):
        return "http://{}:{}/v1/query".format(*self.server_address)


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package, version = query["package"], query["version"]
        self.server.asked.append((package["name"], version))
        found = [
            one
            for one in (ADVISORY, TWIN)
            for affected in one["affected"]
            if affected["package"]["name"] == package["name"] and version in affected["versions"]
        ]
        known = self.path == "/v1/query" and package["ecosystem"] == "PyPI"
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(self.server.status if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        pass


@pytest.fixture(scope="module")
def service():
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def audited(tmp_path):
    """`audited(url, *packages, excepted=...)`: exit code, standard output and error over locks of these packages."""

    def run(url, *packages, excepted=""):
        for lock in LOCKS if packages else ():
            (tmp_path / lock).write_text("".join(f"{package} {HASH}\n" for package in packages))
        (tmp_path / "pyproject.toml").write_text(f"[tool.bulq.audit]\nexceptions = [{excepted}]\n")
        command = [sys.executable, "-m", "dev.audit", "--osv-url", url, str(tmp_path)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_PROXY": "127.0.0.1"}
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout, result.stderr

    return run


def excepted(name, until):
    return f'{{id = "{name}", until = {until}, why = "ours is never hot"}}'


def nothing_in(packages):
    return 0, f"Packages audited: {packages}. Nothing has to be done.\n", ""


def test_every_package_of_our_own_locks_is_asked_about(service, audited, tmp_path):
    service.asked.clear()
    for lock in LOCKS:
        shutil.copy(ROOT / lock, tmp_path)
    text = "".join((tmp_path / lock).read_text() for lock in LOCKS)
    everywhere = set(re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE))
    assert audited(service.url) == nothing_in(len(service.asked))
    assert everywhere <= set(service.asked)
    assert len(service.asked) == len(set(service.asked)) > 100


def test_a_vulnerable_package_is_one_line(service, audited):
    assert audited(service.url, "oven==1.2.0", "pan==1.0.0") == (1, "", FINDING)


def test_a_mended_version_is_none(service, audited):
    assert audited(service.url, "oven==1.2.1", "pan==1.0.0") == nothing_in(2)


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-1234"])
def test_it_may_be_excepted_by_any_of_its_names_until_the_end_of_a_day(service, audited, name):
    assert audited(service.url, "oven==1.2.0", excepted=excepted(name, TODAY + timedelta(days=1))) == nothing_in(1)


def test_an_exception_past_its_date_excepts_nothing(service, audited):
    yesterday = TODAY - timedelta(days=1)
    code, _output, complaints = audited(service.url, "oven==1.2.0", excepted=excepted("CVE-2026-1234", yesterday))
    assert (code, complaints) == (1, f"The exception for CVE-2026-1234 ended on {yesterday}.\n{FINDING}")


def test_an_exception_that_excepts_nothing_has_to_go(service, audited):
    code, _output, complaints = audited(service.url, "oven==1.2.1", excepted=excepted("CVE-2026-1234", "2999-12-31"))
    assert (code, complaints) == (1, "The exception for CVE-2026-1234 excepts nothing any more: delete it.\n")


@pytest.mark.parametrize(
    "entry",
    ['{id = "CVE-1"}', '{id = "CVE-1", until = 2999-12-31, why = ""}', '{id = "CVE-1", until = "x", why = "y"}'],
)
def test_an_exception_needs_a_date_and_a_reason(service, audited, entry):
    code, _output, complaints = audited(service.url, "pan==1.0.0", excepted=entry)
    assert code == 1
    assert complaints.startswith("An exception has an id, a date until when, and why; this one is ")


def test_a_service_that_is_not_there_is_nobodys_fault(audited):
    url = f"http://127.0.0.1:{free_port()}/v1/query"
    code, output, complaints = audited(url, "oven==1.2.0", excepted=excepted("CVE-2026-1234", "2999-12-31"))
    assert (code, output) == (3, "")
    assert complaints.startswith(f"Nothing was audited: {url} could not be asked (")
    assert len(complaints.splitlines()) == 1


def test_an_exception_past_its_date_is_one_even_then(audited):
    url = f"http://127.0.0.1:{free_port()}/v1/query"
    code, _output, complaints = audited(url, "oven==1.2.0", excepted=excepted("CVE-2026-1234", "2026-01-01"))
    assert code == 1
    assert complaints.endswith("The exception for CVE-2026-1234 ended on 2026-01-01.\n")


def test_a_service_that_refuses_is_nobodys_fault(service, audited):
    service.status = 503
    try:
        code, _output, complaints = audited(service.url, "oven==1.2.0")
    finally:
        service.status = 200
    assert code == 3
    assert complaints.startswith(f"Nothing was audited: {service.url} could not be asked (")


def test_a_package_that_is_passed_over_is_named(service, audited):
    """pip-audit says of it that no vulnerability is known; an exception may be for it."""
    packages = ("pan==1.0.0", "pot @ https://bulq.test/pot-1.zip")
    code, _output, complaints = audited(service.url, *packages, excepted=excepted("CVE-2026-1", "2999-12-31"))
    assert (code, complaints) == (3, "Not audited, because nothing is known about them: pot.\n")


def test_that_nothing_was_audited_is_said(service, audited):
    code, _output, complaints = audited(service.url, "pot @ https://bulq.test/pot-1.zip")
    assert code == 3
    assert complaints.startswith("Nothing was audited: ")


def test_a_vulnerable_package_beside_one_passed_over_is_still_found(service, audited):
    code, _output, complaints = audited(service.url, "oven==1.2.0", "pot @ https://bulq.test/pot-1.zip")
    assert code == 1
    assert complaints.endswith(FINDING)


def test_a_lock_that_pins_nothing_is_our_own_mistake(service, audited):
    code, _output, complaints = audited(service.url, "oven>=1.2.0")
    assert code == 1
    assert complaints.startswith("The locks could not be audited: ")


def test_our_own_exceptions_are_well_written():
    """Whether they still except something, only the real service knows."""
    audit.read_exceptions(ROOT)
