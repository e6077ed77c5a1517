"""S1: the site does not start with wrong settings, and reports all mistakes at once, by name only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from bulq.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "SECRET_KEY": "qwertzuiopasdfghjklyxcvbnm1234567890QWERTZUIOPASDFGHJKL",
    "DATABASE_URL": "postgres://bulq:k8Jw2mQ0@db/bulq",
    "REDIS_URL": "redis://redis:6379/0",
    "SERVED_OVER_HTTPS": "true",
    "ALLOWED_HOSTS": "bulq.example",
    "SITE_URL": "https://bulq.example",
    "EMAIL_URL": "smtp://mail.bulq.example",
}


def start(**variables):
    """What Python prints when it reads the settings in this environment; "" if nothing is wrong."""
    variables = {name: text for name, text in variables.items() if text is not None} | {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", "import bulq.settings"]
    result = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=120)
    return result.stderr


def test_with_everything_set_it_starts():
    assert start(**GOOD) == ""


def test_it_can_be_tried_out_on_a_laptop():
    """As Compose does for DOMAIN=localhost."""
    assert start(**GOOD | {"ALLOWED_HOSTS": "localhost,127.0.0.1", "SITE_URL": "https://localhost"}) == ""


WRONG = {
    "SECRET_KEY": (None, "", "short", "a" * 60),
    "DATABASE_URL": (None, "postgres://bulq@db/bulq", "postgres://bulq:bulq@db/bulq", "nonsense://canary"),
    "REDIS_URL": (None,),
    "SERVED_OVER_HTTPS": ("canary",),
    "ALLOWED_HOSTS": (None,),
    "SITE_URL": (None, "http://bulq.example"),
    "DEBUG": ("true", "canary"),
    "EMAIL_URL": (None, "canary://canary"),
    "BULQ_TRUSTED_PROXIES": ("canary", "10.0.0.1/canary"),
    "GROUPS_PER_USER": ("canary", "1.5"),
    "SECRET_KEY_FILE": ("/nowhere/canary",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_named_without_its_value(name):
    for text in WRONG[name]:
        given = GOOD | {name: text}
        if name == "SECRET_KEY_FILE":
            del given["SECRET_KEY"]
        message = start(**given)
        assert f"- {name} " in message, (text, message)
        assert "canary" not in message.partition("ImproperlyConfigured")[2]
        assert message.count("\n- ") <= 2, message


def test_all_mistakes_are_reported_at_once():
    message = start(SERVED_OVER_HTTPS="true", GROUPS_PER_USER="many")
    named = {line.split()[1] for line in message.splitlines() if line.startswith("- ")}
    missing = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "EMAIL_URL", "SITE_URL"}
    assert named == missing | {"GROUPS_PER_USER"}


def test_without_https_it_runs_on_a_private_machine():
    assert start(SECRET_KEY="x", DATABASE_URL="postgres://bulq@localhost/bulq", REDIS_URL="redis://localhost") == ""


def test_secrets_can_be_in_files(tmp_path):
    for name in ("SECRET_KEY", "DATABASE_URL"):
        (tmp_path / name).write_text(GOOD[name] + "\n")
    files = {f"{name}_FILE": str(tmp_path / name) for name in ("SECRET_KEY", "DATABASE_URL")}
    others = {name: text for name, text in GOOD.items() if f"{name}_FILE" not in files}
    assert start(**others, **files) == ""


def test_the_variable_itself_comes_before_its_file(tmp_path):
    """A drill passes its own database to a child that inherits the rest."""
    (tmp_path / "url").write_text("from the file")
    found = Environment({"X": "own", "X_FILE": str(tmp_path / "url"), "Y_FILE": str(tmp_path / "url"), "Z": " "})
    assert [found.text(name, "default") for name in "XYZ"] == ["own", "from the file", "default"]


@pytest.mark.parametrize(
    ("text", "meant"), [("true", True), ("Yes", True), ("1", True), ("off", False), ("0", False), ("", True)]
)
def test_yes_and_no(text, meant):
    found = Environment({"X": text})
    assert found.flag("X", default=True) is meant
    found.refuse_mistakes()


def test_anything_else_is_neither_yes_nor_no():
    found = Environment({"X": "ture"})
    found.flag("X", default=False)
    with pytest.raises(ImproperlyConfigured, match="X is neither true nor false"):
        found.refuse_mistakes()
