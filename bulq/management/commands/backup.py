import signal
import sys

from django.core.management.base import BaseCommand, CommandError

from bulq.backups.job import back_up
from bulq.models import BackupRun

SKIPPED = 2


class Command(BaseCommand):
    help = "Backs the database up now. Exit code 1: it failed, 2: another one is being made."

    def handle(self, *args, **options):
        # Told to stop, it leaves like after a mistake: with its files gone and a row that says so.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        run = back_up()
        if run.state == BackupRun.State.FAILED:
            raise CommandError(f"The backup failed. {run.error}")
        if run.state == BackupRun.State.SKIPPED:
            raise CommandError(f"No backup was made. {run.error}", returncode=SKIPPED)
        rows = sum(run.counts.values())
        self.stdout.write(f"{run.key}: {run.size} bytes, {rows} rows, verified.")
        if run.error:
            self.stderr.write(self.style.WARNING(run.error))
