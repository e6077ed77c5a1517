"""O4: docker-compose.yml, Dockerfile, Caddyfile and .env.example, read as their own programs read them."""

import re
import subprocess
from itertools import pairwise

import pytest

from .machine import DOTENV, ROOT, SCRIPTS, compose, configuration
from .operator import shipped

OURS = ("web", "live", "worker", "beat", "release")
THEIRS = ("caddy", "db", "redis")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    project = tmp_path_factory.mktemp("filled-in")
    (project / "docker-compose.yml").symlink_to(ROOT / "docker-compose.yml")
    lines = DOTENV | dict.fromkeys(SECRETS, "canary")
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return configuration(project)


@pytest.fixture(scope="module")
def services(parsed):
    return parsed["services"]


def test_missing_variables_are_named(tmp_path):
    for name, file in (("docker-compose.yml", "docker-compose.yml"), (".env", ".env.example")):
        (tmp_path / name).symlink_to(ROOT / file)
    answer = compose(tmp_path, "config", "--quiet")
    assert answer.returncode != 0
    assert "is not set in .env" in answer.stderr


@pytest.mark.parametrize(
    "command", [("caddy", "validate", "--adapter", "caddyfile", "--config"), ("caddy", "fmt", "--diff"), ("hadolint",)]
)
def test_their_own_linters_find_nothing(command, tmp_path):
    program, *arguments = command
    file = ROOT / ("Dockerfile" if program == "hadolint" else "Caddyfile")
    environment = {"DOMAIN": "bulq.example", "HOME": str(tmp_path)}
    answer = subprocess.run(
        [SCRIPTS / program, *arguments, file], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_containers_have_few_rights_and_resources(services, name):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) <= 768 * 2**20
    assert limits["pids"] <= 300
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert "privileged" not in service
    assert "container_name" not in service  # so that there can be several


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_no_container_runs_as_root(services, name):
    if name in OURS:
        assert re.findall(r"^USER (\d+)$", DOCKERFILE, re.M) == ["10001"]
        assert "user" not in services[name]
    else:
        assert int(services[name]["user"].split(":")[0]) > 0


@pytest.mark.parametrize("name", [*OURS, *THEIRS])
def test_long_running_services_are_checked_and_restarted(services, name):
    service = services[name]
    assert ("healthcheck" in service) == (name != "release")
    assert service["restart"] == ("no" if name == "release" else "unless-stopped")
    # `up` waits for seconds, not for the first of the usual checks.
    assert name == "release" or service["healthcheck"]["start_interval"] in ("1s", "3s")


def test_services_start_in_order(services):
    """`up` does not wait for a release, which would keep the site down meanwhile."""
    healthy = "service_healthy"
    waits = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    for name in OURS:
        assert waits[name] == {"db": healthy, "redis": healthy}
    assert waits["caddy"] == {"web": healthy, "live": healthy}
    assert {name for name, service in services.items() if service.get("profiles")} == {"release"}


def test_one_service_builds_the_image_and_none_pulls_it(services):
    assert [name for name, service in services.items() if "build" in service] == ["web"]
    assert {(services[name]["image"], services[name]["pull_policy"]) for name in OURS} == {("bulq:local", "never")}


SECRETS = {
    "SECRET_KEY": set(OURS),
    "SECRET_KEY_FALLBACKS": set(OURS),
    "SENTRY_DSN": set(OURS),
    "EMAIL_URL": {"worker", "release", "beat"},  # beat sends alerts when the worker is down
    "DATABASE_PASSWORD": set(),  # it is part of DATABASE_URL
    "BACKUP_S3_ACCESS_KEY": {"worker", "release"},  # which checks all settings
    "BACKUP_S3_SECRET_KEY": {"worker", "release"},
    "BACKUP_HEARTBEAT_URL": {"worker", "release"},
    "BACKUP_ALERT_WEBHOOK": {"worker", "release", "beat"},
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_only_where_it_is_needed(services, name):
    holders = {
        service for service in services if "canary" in (services[service].get("environment", {}).get(name) or "")
    }
    assert holders == SECRETS[name]


def test_every_secret_is_in_the_list():
    secret = re.compile("KEY|PASSWORD|DSN|WEBHOOK|HEARTBEAT|EMAIL_URL")
    assert {name for name in names_in_example() if secret.search(name)} - {"SECRET_KEY", "EMAIL_URL"} <= set(SECRETS)


def test_visitors_keep_their_addresses_and_name_lookups_time_out_soon(parsed):
    """A network without IPv6 of its own shows all IPv6 visitors as one address."""
    assert parsed["networks"]["public"]["enable_ipv6"] is True
    for name in OURS:
        assert parsed["services"][name]["dns_opt"] == ["timeout:1", "attempts:2"]


# --- What enters the image -------------------------------------------------------------------------
LYING_AROUND = (
    *("backups.tar", "backups/bulq-20261126T030000000000Z-0123456789abcdef.dump", ".env", ".env.old", "dump.sql"),
    *("requirements-dev.txt", "requirements-run.txt", "requirements-run.in"),
    *("dev/run.py", "bulq/tests/test_admin.py", "conftest.py"),
    *("docs/operations.md", ".git/config", ".venv/bin/python", ".local/secret_key", "bids/__pycache__/x.pyc"),
)


def test_other_files_stay_out_of_the_image(tmp_path):
    (tmp_path / ".dockerignore").symlink_to(ROOT / ".dockerignore")
    needed = ("manage.py", "gunicorn.conf.py", "requirements.txt", "bulq/settings.py", "bids/reading/board.py")
    needed += (
        "static/away.html",
        "static/too-much.html",
        "templates/503.html",
        "locale/sr_Latn/LC_MESSAGES/django.mo",
        "accounts/urls.py",
        "stores/urls.py",
        "bulq/backups/job.py",
    )
    for file in (*LYING_AROUND, *needed):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert {str(file) for file in shipped(tmp_path)} == set(needed)


def test_the_image_has_no_installer():
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "pip uninstall --yes --quiet setuptools wheel pip" in final
    assert "venv --without-pip" in DOCKERFILE
    assert "requirements-" not in DOCKERFILE


def test_only_caddy_can_be_reached(parsed):
    services = parsed["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"caddy"}
    assert [(port["published"], port["protocol"]) for port in services["caddy"]["ports"]] == [
        ("80", "tcp"), ("443", "tcp"), ("443", "udp"),
    ]  # fmt: skip
    assert parsed["networks"]["data"]["internal"] is True
    assert {name: set(service["networks"]) for name, service in services.items() if name in THEIRS} == {
        "caddy": {"public"}, "db": {"data"}, "redis": {"data"},
    }  # fmt: skip


def test_images_are_pinned_and_client_tools_match_the_server(services):
    images = [services[name]["image"] for name in THEIRS] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    for image in images:
        assert re.search(r":\d+\.\d+\.?\d*\b", image), image
    server = re.match(r"postgres:(\d+)\.", services["db"]["image"])[1]
    assert f"ARG POSTGRES={server}\n" in DOCKERFILE
    assert services["web"]["image"] == "bulq:local"


def test_the_database_is_created_as_in_development(services):
    made = (ROOT / "dev/postgres.py").read_text()
    assert '"--encoding", "UTF8", "--locale", "C.UTF-8"' in made
    assert services["db"]["environment"]["POSTGRES_INITDB_ARGS"] == "--encoding=UTF8 --locale=C.UTF-8"


def test_volumes_are_named_and_hold_everything_written(parsed):
    named = set(parsed["volumes"])
    for name, service in parsed["services"].items():
        for volume in service.get("volumes", []):
            assert volume.get("read_only") or volume["type"] == "volume", (name, volume)
            assert volume["type"] == "bind" or volume["source"] in named
    made = re.findall(r"/var/lib/bulq/(\w+)", DOCKERFILE)  # owned by the account that writes there
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


def test_the_example_names_every_variable_exactly_once(services):
    set_by_compose = set(services["release"]["environment"]) - set(DOTENV) - FOR_COMPOSE - set(SECRETS)
    names = names_in_example()
    assert len(names) == len(set(names))
    assert set(names) == names_in_settings() - set_by_compose - NOT_IN_PRODUCTION | FOR_COMPOSE


def test_the_example_contains_no_secret_and_explains_each_variable():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in pairwise(lines):
        name, is_one, value = line.removeprefix("#").partition("=")
        if is_one and re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
            assert before.startswith("#"), name
            if re.search("KEY|PASSWORD|DSN|WEBHOOK", name):
                assert value == "", name


def test_the_manual_documents_every_variable():
    manual = (ROOT / "docs/operations.md").read_text()
    missing = {name for name in names_in_settings() | FOR_COMPOSE if f"`{name}`" not in manual}
    assert missing == {"RATELIMIT_ENABLE"}  # for development and tests
