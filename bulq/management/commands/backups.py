from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from django.utils.timesince import timesince

from bulq.backups import shelf
from bulq.backups.errors import BackupError
from bulq.backups.lock import only_one
from bulq.backups.places import place
from bulq.models import BackupRun


class Command(BaseCommand):
    help = "Lists the backups, newest first."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--prune", action="store_true", help="delete those that no rule keeps")
        parser.add_argument("--dry-run", action="store_true", help="with --prune: list them, delete nothing")

    def handle(self, *args, prune, dry_run, **options):
        try:
            there = place()
            for line in self._pruned(there, dry_run) if prune else self._listed(there):
                self.stdout.write(line)
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _listed(self, there):
        rows, keys = _rows(), shelf.keys(there)
        for key in keys:
            try:
                manifest = shelf.manifest(there, key)
            except BackupError as error:
                yield str(error)
                continue
            age, count = timesince(manifest.taken_at, timezone.now()), sum(manifest.counts.values())
            yield f"{key}  {age} old  {manifest.size} bytes  {count} rows  verified{_drilled(rows.get(key))}"
        yield f"Backups: {len(keys)}."

    def _pruned(self, there, dry_run):
        if dry_run:
            names = list(shelf.superfluous(there, settings.BACKUP_KEEP))
            yield from names
            yield f"Files to delete: {len(names)}."
            return
        with only_one() as is_mine:
            if not is_mine:
                raise BackupError("A backup is being made. Prune when it is done.")
            names = shelf.prune(there, settings.BACKUP_KEEP)
        yield from names
        yield f"Files deleted: {len(names)}."


def _rows():
    """Rows by key; empty if the database cannot be read."""
    try:
        return {row.key: row for row in BackupRun.objects.exclude(key="")}
    except DatabaseError:
        return {}


def _drilled(row):
    if row is None or row.drilled_at is None:
        return ""
    return f"  not restored in the drill of {row.drilled_at:%Y-%m-%d}" if row.drill_error else "  drilled"
