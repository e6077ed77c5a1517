"""B6, B16: each mistake in the settings has its sentence; one that prevents backups ends a backup at once."""

import re
import shutil
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from bulq.backups import databases
from bulq.backups.configuration import mistakes, obstacles
from bulq.backups.job import back_up, try_out

WRONG = {
    "BACKUP_FOLDER": ("", "There has to be exactly one place"),
    "BACKUP_S3_BUCKET": ("as-well", "There has to be exactly one place"),
    "BACKUP_S3_ACCESS_KEY": ("only one", "belong together"),
    "BACKUP_S3_SECRET_KEY": ("canary", "belong together"),
    "BACKUP_S3_ENDPOINT": ("s3.example", "BACKUP_S3_ENDPOINT is not an address"),
    "BACKUP_AT": ("25:00", "BACKUP_AT is “25:00”"),
    "BACKUP_KEEP": ({"daily": -1}, "BACKUP_KEEP_DAILY is -1"),
    "BACKUP_TIME_LIMIT": (0, "BACKUP_TIME_LIMIT is 0"),
    "BACKUP_S3_TIMEOUT": (0, "BACKUP_S3_TIMEOUT is 0"),
    "BACKUP_ALERT_EMAILS": ([], "Nobody would hear"),
    "BACKUP_ALERT_WEBHOOK": ("canary", "BACKUP_ALERT_WEBHOOK is not an address"),
    "BACKUP_HEARTBEAT_URL": ("canary", "BACKUP_HEARTBEAT_URL is not an address"),
}
NO_OBSTACLE = {"BACKUP_ALERT_EMAILS", "BACKUP_ALERT_WEBHOOK", "BACKUP_HEARTBEAT_URL"}


def test_good_settings_have_no_problems(folder):
    assert mistakes() == []


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_named_without_a_secret(folder, settings, name):
    value, sentence = WRONG[name]
    setattr(settings, name, value)
    [mistake] = mistakes()
    assert sentence in mistake
    assert "canary" not in mistake
    assert bool(obstacles()) == (name not in NO_OBSTACLE)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_backup_refuses_to_start_and_names_every_mistake(something, folder, settings):
    settings.BACKUP_AT, settings.BACKUP_KEEP = "25:00", {"daily": -1}
    run = back_up()
    assert run.state == "failed"
    assert "BACKUP_AT is" in run.error
    assert "BACKUP_KEEP_DAILY is" in run.error
    assert not folder.exists()


# --- B6: tools of another version than the server's ------------------------------------------------
# Older ones cannot read what the server stores; newer ones write what the server may not accept again.
OTHERS = [("pg_dump", "9.6.2"), ("pg_dump", "99.1"), ("pg_restore", "9.6.2"), ("pg_restore", "99.1")]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_check_sees_tools_of_another_version(shim):
    for program, version in OTHERS:
        shim(program, f'echo "{program} (PostgreSQL) {version}"')
        [message] = [
            warning for warning in run_checks(tags=["database"], databases=["default"]) if warning.id == "bulq.W001"
        ]
        assert re.search(
            rf"{program} is from PostgreSQL 99?, the server is \d+: install client tools \d+\.", message.msg
        )
        Path(shutil.which(program)).unlink()
    assert [
        warning for warning in run_checks(tags=["database"], databases=["default"]) if warning.id == "bulq.W001"
    ] == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("program", "version"), OTHERS)
def test_with_tools_of_another_version_nothing_is_verified_drilled_or_restored(
    program, version, something, folder, shim, target
):
    """They work, so only their version gives them away: it is checked before anything is read or written."""
    good = back_up()
    assert (good.state, good.error) == ("done", "")
    shim(program, f'[ "$1" = --version ] && echo "{program} (PostgreSQL) {version}" || exec "$real" "$@"')
    sentence = f"{program} is from PostgreSQL {version.partition('.')[0]}, the server is"
    run = back_up()
    assert (run.state, run.verified_at) == ("failed", None)
    assert sentence in run.error
    assert [file.stem for file in folder.glob("*.json")] == [good.key]
    assert sentence in try_out().drill_error
    with pytest.raises(CommandError, match=re.escape(sentence)):
        call_command("restore", "latest", "--into", target)
    assert not databases.exists(target)
