"""B6, B16: each mistake in the settings has its sentence; what keeps a backup from being made ends it at its start."""

import pytest
from django.core.checks import run_checks

from bulq.backups.configuration import mistakes, obstacles
from bulq.backups.job import back_up

WRONG = {
    "BACKUP_FOLDER": ("", "There is no one place"),
    "BACKUP_S3_BUCKET": ("as-well", "There is no one place"),
    "BACKUP_S3_ACCESS_KEY": ("only one", "belong together"),
    "BACKUP_S3_SECRET_KEY": ("canary", "belong together"),
    "BACKUP_S3_ENDPOINT": ("s3.example", "BACKUP_S3_ENDPOINT is no address"),
    "BACKUP_AT": ("25:00", "BACKUP_AT is “25:00”"),
    "BACKUP_KEEP": ({"daily": -1}, "BACKUP_KEEP_DAILY is -1"),
    "BACKUP_TIME_LIMIT": (0, "BACKUP_TIME_LIMIT is 0"),
    "BACKUP_S3_TIMEOUT": (0, "BACKUP_S3_TIMEOUT is 0"),
    "BACKUP_ALERT_EMAILS": ([], "Nobody would hear"),
    "BACKUP_ALERT_WEBHOOK": ("canary", "BACKUP_ALERT_WEBHOOK is no address"),
    "BACKUP_HEARTBEAT_URL": ("canary", "BACKUP_HEARTBEAT_URL is no address"),
}
NO_OBSTACLE = {"BACKUP_ALERT_EMAILS", "BACKUP_ALERT_WEBHOOK", "BACKUP_HEARTBEAT_URL"}


def test_nothing_is_said_of_good_settings(folder):
    assert mistakes() == []


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_named_without_a_secret(folder, settings, name):
    value, sentence = WRONG[name]
    setattr(settings, name, value)
    [said] = mistakes()
    assert sentence in said
    assert "canary" not in said
    assert bool(obstacles()) == (name not in NO_OBSTACLE)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_backup_ends_at_its_start_and_names_all(something, folder, settings):
    settings.BACKUP_AT, settings.BACKUP_KEEP = "25:00", {"daily": -1}
    run = back_up()
    assert run.state == "failed"
    assert "BACKUP_AT is" in run.error
    assert "BACKUP_KEEP_DAILY is" in run.error
    assert not folder.exists()


@pytest.mark.django_db
def test_the_check_sees_an_old_pg_dump(shim):
    """B6."""
    shim("pg_dump", 'echo "pg_dump (PostgreSQL) 9.6.2"')
    [said] = [one for one in run_checks(tags=["database"], databases=["default"]) if one.id == "bulq.W001"]
    assert "pg_dump is of PostgreSQL 9" in said.msg
    assert [one for one in run_checks() if one.id == "bulq.W001"] == []
