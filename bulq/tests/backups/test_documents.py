"""docs/operations.md: a restore from nothing, step by step as written there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bulq.backups import databases
from bulq.backups.job import back_up

from .looking import count, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]
PARTS = ("accounts", "bids", "bulq", "stores", "static", "templates", "locale", "manage.py", "requirements.txt")


def block(title):
    """The commands under a title."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return re.search(rf"^#+ {title}$.*?^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]


def test_a_new_machine_gets_everything_back(something, folder, tmp_path, target):
    """B17: with the code, an empty folder, no database, and the place with the backups."""
    run = back_up()
    machine = tmp_path / "machine"
    machine.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, machine / part)
    name = database_url().rsplit("/", 1)[1]
    given = {"DATABASE_URL": database_url().removesuffix(name) + target, "BACKUP_FOLDER": str(folder)}
    kept = {word: os.environ[word] for word in ("PATH", "REDIS_URL", "SECRET_KEY")}
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block("Restore on a new machine")],
        cwd=machine,
        env={**kept, **given, "HOME": str(machine)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert answer.returncode == 0, answer.stderr
    *_listed, restored, right = answer.stdout.splitlines()
    assert restored.startswith(f"{run.key} was restored into {target}: ")
    assert right == "All sums, states and references are correct."
    assert {table: count(target, table) for table in run.counts} == run.counts
    assert not databases.is_empty(target)
