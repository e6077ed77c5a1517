from django.core.management.base import CommandError
from django.core.management.commands import migrate

from bulq.backups.lock import only_one

PATIENCE = "30min"


class Command(migrate.Command):
    """Never beside a backup: a migration that waits for its tables makes everybody else wait behind it."""

    def handle(self, *args, **options):
        with only_one(wait=PATIENCE) as is_mine:
            if not is_mine:
                raise CommandError(f"For {PATIENCE} a backup was being made. Try again when it has ended.")
            super().handle(*args, **options)
