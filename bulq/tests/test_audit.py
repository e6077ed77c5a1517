"""`make audit`, against a service on loopback that answers as OSV does."""

import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev.processes import free_port

pytestmark = [pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
HASH = f"--hash=sha256:{'0' * 64}"
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
# The same vulnerability under another name, as in PyPI's database.
TWIN = {**ADVISORY, "id": "PYSEC-2026-7", "aliases": ["CVE-2026-1234", "GHSA-aaaa-bbbb-cccc"]}


class Service(ThreadingHTTPServer):
    """OSV's `POST /v1/query` for one version of one package, with all it knows about the oven."""

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
            vulnerability
            for vulnerability in (ADVISORY, TWIN)
            for affected in vulnerability["affected"]
            if affected["package"]["name"] == package["name"] and version in affected["versions"]
        ]
        known = self.path == "/v1/query" and package["ecosystem"] == "PyPI"
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(self.server.status if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def service():
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


# What CI runs before the tests, according to its own file.
ON_CI = re.search(
    r"^make audit ARGS=--dry-run.*?(?=^exec )", (ROOT / ".ci" / "run").read_text(), re.DOTALL | re.MULTILINE
)


@pytest.fixture
def audited(tmp_path):
    """`audited(url, *packages, command=...)`: exit code, standard output and error over a lock of these packages."""

    def run(url, *packages, command="make audit"):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        environment |= {"ARGS": f"--vulnerability-service osv --osv-url {url}", "NO_PROXY": "127.0.0.1"}
        environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        if packages:
            environment["LOCK"] = str(tmp_path / "lock.txt")
            (tmp_path / "lock.txt").write_text("".join(f"{package} {HASH}\n" for package in packages))
        command = ["bash", "-euo", "pipefail", "-c", command]
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return result.returncode, result.stdout, result.stderr

    return run


def test_every_package_of_our_own_locks_is_asked_about(service, audited):
    service.asked.clear()
    code, output, _complaints = audited(service.url)
    assert (code, output) == (0, "")
    text = "".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt"))
    everywhere = set(re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE))
    assert everywhere <= set(service.asked)
    assert len(service.asked) == len(set(service.asked)) > 100


@pytest.mark.parametrize("command", ["make audit", ON_CI[0]])
def test_a_vulnerable_package_fails_and_is_named(service, audited, command):
    code, output, _complaints = audited(service.url, "oven==1.2.0", "pan==1.0.0", command=command)
    assert code != 0
    findings = [re.split(r"[,\s]+", line) for line in output.splitlines() if line.startswith("oven")]
    assert findings
    for finding in findings:  # one that is in two databases may come twice
        assert finding[1] == "1.2.0"
        assert {"CVE-2026-1234", "1.2.1", "2.0.1"} <= set(finding)
    assert "pan" not in output


@pytest.mark.parametrize("command", ["make audit", ON_CI[0]])
def test_a_fixed_version_is_not_vulnerable(service, audited, command):
    code, output, _complaints = audited(service.url, "oven==1.2.1", "pan==1.0.0", command=command)
    assert (code, output.strip()) == (0, "")


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-1234"])
def test_it_can_be_excepted_by_any_of_its_names(service, audited, name):
    command = f"make audit EXCEPTED='--ignore-vuln {name}'"
    assert audited(service.url, "oven==1.2.0", command=command)[0] == 0
    assert audited(service.url, "oven==1.2.0", command="make audit EXCEPTED='--ignore-vuln CVE-2026-1'")[0] != 0


def test_an_unreachable_service_does_not_fail_ci(audited):
    url = f"http://127.0.0.1:{free_port()}/v1/query"
    code, output, complaints = audited(url, "oven==1.2.0", command=ON_CI[0])
    assert (code, output.strip()) == (0, "")
    assert url.removesuffix("/v1/query").removeprefix("http://127.0.0.1:") in complaints
    assert audited(url, "oven==1.2.0")[0] != 0


def test_a_refusing_service_does_not_fail_ci(service, audited):
    service.status = 503
    try:
        code, _output, complaints = audited(service.url, "oven==1.2.0", command=ON_CI[0])
    finally:
        service.status = 200
    assert code == 0
    assert "503" in complaints


def test_a_skipped_package_is_named(service, audited):
    code, output, _complaints = audited(
        service.url, "pan==1.0.0", "pot @ https://bulq.test/pot-1.zip", command=ON_CI[0]
    )
    assert code == 0
    assert re.search("^pot .*could not be audited|^pot +[A-Z]", output, re.MULTILINE)


def test_a_vulnerable_package_next_to_a_skipped_one_is_still_found(service, audited):
    code, output, _complaints = audited(
        service.url, "oven==1.2.0", "pot @ https://bulq.test/pot-1.zip", command=ON_CI[0]
    )
    assert code != 0
    assert "CVE-2026-1234" in output


def test_a_lock_that_pins_nothing_is_an_error(service, audited):
    code, _output, complaints = audited(service.url, "oven>=1.2.0", command=ON_CI[0])
    assert code != 0
    assert "oven is not pinned to an exact version" in complaints
