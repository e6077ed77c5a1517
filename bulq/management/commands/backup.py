import signal
import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from bulq.backups.job import back_up
from bulq.models import BackupRun
from bulq.watch import alerts

SKIPPED = 2


class Command(BaseCommand):
    help = "Backs the database up now. Exit code 1: it failed, 2: another one is being made."

    def add_arguments(self, parser):
        parser.add_argument("--test-alert", action="store_true", help="make no backup, but alert everyone")

    def handle(self, *args, test_alert, **options):
        if test_alert:
            self._test_alert()
        else:
            self._back_up()

    def _back_up(self):
        # When stopped, it cleans up as after an error: files removed, and a row that says so.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            run = back_up(say=progress(self.stderr))
        except OperationalError as error:
            raise CommandError(f"The backup failed. {error}") from error
        if run.state == BackupRun.State.FAILED:
            raise CommandError(f"The backup failed. {run.error}")
        if run.state == BackupRun.State.SKIPPED:
            raise CommandError(f"No backup was made. {run.error}", returncode=SKIPPED)
        rows = sum(run.counts.values())
        self.stdout.write(f"{run.key}: {run.size} bytes, {rows} rows, verified.")
        if run.error:
            self.stderr.write(self.style.WARNING(run.error))

    def _test_alert(self):
        sentences, all_arrived = alerts.try_out()
        for sentence in sentences:
            self.stdout.write(sentence)
        if not sentences:
            raise CommandError("Nobody is told: set BACKUP_ALERT_EMAILS or BACKUP_ALERT_WEBHOOK.")
        if not all_arrived:
            raise CommandError("Not everyone was reached.")


def progress(output):
    """Report each step to a terminal, and nothing to a log."""
    return (lambda sentence: output.write(f"{sentence} ...")) if output.isatty() else str
