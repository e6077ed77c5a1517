from django.core.management.base import BaseCommand, CommandError

from bulq.backups.errors import FAILURES
from bulq.backups.job import try_out

from .backup import SKIPPED, progress


class Command(BaseCommand):
    help = "Restores a backup into a scratch database, checks it and drops it. Exit code 1: the backup is not usable."

    def add_arguments(self, parser):
        parser.add_argument("key", nargs="?", default="latest", help="which backup (default: the newest)")

    def handle(self, *args, key, **options):
        try:
            run = try_out(key, say=progress(self.stderr))
        except FAILURES as error:
            raise CommandError(str(error)) from error
        if run is None:
            raise CommandError("No drill was made: a backup is being made.", returncode=SKIPPED)
        if run.drill_error:
            raise CommandError(f"{run.key} could not be restored. {run.drill_error}")
        self.stdout.write(f"{run.key}: restored, migrated and checked, {sum(run.counts.values())} rows.")
