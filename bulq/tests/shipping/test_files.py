"""O4: docker-compose.yml, Dockerfile, Caddyfile and .env.example, read as their own programs read them."""

import json
import re
import subprocess
from itertools import pairwise

import pytest

from .machine import DOTENV, ROOT, SCRIPTS, compose

OURS = ("web", "live", "worker", "beat", "release")
THEIRS = ("caddy", "db", "redis")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture
def project(tmp_path):
    (tmp_path / "docker-compose.yml").symlink_to(ROOT / "docker-compose.yml")
    return tmp_path


@pytest.fixture
def parsed(project):
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in DOTENV.items()))
    answer = compose(project, "config", "--format", "json")
    assert (answer.returncode, answer.stderr) == (0, "")
    return json.loads(answer.stdout)


@pytest.fixture
def services(parsed):
    return parsed["services"]


def test_what_is_not_filled_in_is_said_by_name(project):
    (project / ".env").write_text((ROOT / ".env.example").read_text())
    answer = compose(project, "config", "--quiet")
    assert answer.returncode != 0
    assert "is not set in .env" in answer.stderr


@pytest.mark.parametrize(
    "command", [("caddy", "validate", "--adapter", "caddyfile", "--config"), ("caddy", "fmt", "--diff"), ("hadolint",)]
)
def test_their_own_linters_have_nothing_to_say(command, tmp_path):
    program, *words = command
    file = ROOT / ("Dockerfile" if program == "hadolint" else "Caddyfile")
    environment = {"DOMAIN": "bulq.example", "HOME": str(tmp_path)}
    answer = subprocess.run(
        [SCRIPTS / program, *words, file], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_a_container_may_do_little_and_use_little(services, name):
    one = services[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert one["security_opt"] == ["no-new-privileges:true"]
    limits = one["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) <= 768 * 2**20
    assert limits["pids"] <= 300
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert "privileged" not in one
    assert "container_name" not in one  # so that there may be several


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_nobody_is_root(services, name):
    if name in OURS:
        assert re.findall(r"^USER (\d+)$", DOCKERFILE, re.M) == ["10001"]
        assert "user" not in services[name]
    else:
        assert int(services[name]["user"].split(":")[0]) > 0


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_who_runs_on_is_looked_after(services, name):
    one = services[name]
    assert ("healthcheck" in one) == (name != "release")
    assert one["restart"] == ("no" if name == "release" else "unless-stopped")


def test_the_order_of_things(services):
    healthy, done = "service_healthy", "service_completed_successfully"
    waits = {
        name: {on: how["condition"] for on, how in one.get("depends_on", {}).items()} for name, one in services.items()
    }
    for name in ("web", "live", "worker", "beat"):
        assert waits[name] == {"release": done, "db": healthy, "redis": healthy}
    assert waits["release"] == {"db": healthy, "redis": healthy}
    assert waits["caddy"] == {"web": healthy, "live": healthy}


def test_only_caddy_can_be_reached(parsed):
    services = parsed["services"]
    assert {name for name, one in services.items() if "ports" in one} == {"caddy"}
    assert [(port["published"], port["protocol"]) for port in services["caddy"]["ports"]] == [
        ("80", "tcp"), ("443", "tcp"), ("443", "udp"),
    ]  # fmt: skip
    assert parsed["networks"]["data"]["internal"] is True
    assert {name: set(one["networks"]) for name, one in services.items() if name in THEIRS} == {
        "caddy": {"public"}, "db": {"data"}, "redis": {"data"},
    }  # fmt: skip


def test_images_are_pinned_and_the_tools_are_of_the_servers_version(services):
    images = [services[name]["image"] for name in THEIRS] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    for image in images:
        assert re.search(r":\d+\.\d+\.?\d*\b", image), image
    server = re.match(r"postgres:(\d+)\.", services["db"]["image"])[1]
    assert f"postgresql-client-{server} " in DOCKERFILE
    assert services["web"]["image"] == "bulq:local"


def test_the_database_is_made_as_in_development(services):
    made = (ROOT / "bulq/dev/postgres.py").read_text()
    assert '"--encoding", "UTF8", "--locale", "C.UTF-8"' in made
    assert services["db"]["environment"]["POSTGRES_INITDB_ARGS"] == "--encoding=UTF8 --locale=C.UTF-8"


def test_volumes_are_named_and_hold_all_that_is_written(parsed):
    named = set(parsed["volumes"])
    for name, one in parsed["services"].items():
        for volume in one.get("volumes", []):
            assert volume.get("read_only") or volume["type"] == "volume", (name, volume)
            assert volume["type"] == "bind" or volume["source"] in named
    made = re.findall(r"/var/lib/bulq/(\w+)", DOCKERFILE)  # owned by who writes there
    written = {
        volume["target"].rpartition("/")[2] for name in OURS for volume in parsed["services"][name].get("volumes", [])
    }
    assert set(made) == written


# --- What an operator sets -------------------------------------------------------------------------
def names_in_settings():
    return set(
        re.findall(
            r'env\.(?:text|required|number|flag|texts|read)\(\s*"(\w+)"', (ROOT / "bulq/settings.py").read_text()
        )
    )


def names_in_example():
    return re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M)


FOR_COMPOSE = {"DOMAIN", "DATABASE_PASSWORD", "BULQ_RELEASE"}
NOT_IN_PRODUCTION = {"DEBUG", "RATELIMIT_ENABLE"}


def test_the_example_names_every_variable_once_and_no_other(services):
    set_by_compose = set(services["release"]["environment"]) - set(DOTENV) - FOR_COMPOSE
    names = names_in_example()
    assert len(names) == len(set(names))
    assert set(names) == names_in_settings() - set_by_compose - NOT_IN_PRODUCTION | FOR_COMPOSE


def test_the_example_holds_no_secret_and_says_what_each_is_for():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in pairwise(lines):
        name, is_one, value = line.removeprefix("#").partition("=")
        if is_one and re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
            assert before.startswith("#"), name
            if re.search("KEY|PASSWORD|DSN|WEBHOOK", name):
                assert value == "", name


def test_the_manual_tells_of_every_variable():
    manual = (ROOT / "docs/operations.md").read_text()
    missing = {name for name in names_in_settings() | FOR_COMPOSE if f"`{name}`" not in manual}
    assert missing == {"RATELIMIT_ENABLE"}  # for development and tests
