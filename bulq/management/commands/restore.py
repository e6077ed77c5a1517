import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from bulq.backups import databases
from bulq.backups.errors import FAILURES
from bulq.backups.places import place
from bulq.backups.restore import flush_cache, restore
from bulq.backups.tools import Clock

from .backup import progress

NOT_RIGHT = 2


class Command(BaseCommand):
    help = "Restores a backup, migrates it and checks its sums. Exit code 1: nothing was changed, 2: see its output."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("key", help="which backup, as `manage.py backups` lists them, or: latest")
        parser.add_argument("--into", metavar="NAME", help="the database (default: the site's own); made if missing")
        parser.add_argument("--replace", metavar="NAME", help="its name again, if it is not empty")

    def handle(self, *args, key, into, replace, **options):
        into = into or connection.settings_dict["NAME"]
        clock = Clock(settings.BACKUP_TIME_LIMIT, progress(self.stderr))
        try:
            may_replace = self._may_replace(into, replace)
            manifest, before, wrong = restore(key, place(), clock, into=into, may_replace=may_replace)
        except FAILURES as error:
            raise CommandError(str(error)) from error
        rows = sum(manifest.counts.values())
        self.stdout.write(f"{manifest.key} was restored into {into}: {rows} rows{'' if wrong else ', sums correct'}.")
        if before:
            self.stdout.write(f"The old database is now called {before}. Drop it when you no longer need it.")
        if not flush_cache():
            self.stderr.write("Redis did not answer: lists of the catalogue may be out of date for 15 minutes.")
        if wrong:
            raise CommandError(f"It is restored, but: {wrong}", returncode=NOT_RIGHT)

    def _may_replace(self, into, typed):
        """Replacing a database with tables requires typing its name."""
        if typed is None and sys.stdin.isatty() and databases.exists(into) and not databases.is_empty(into):
            typed = input(f"{into} is not empty. Type its name to replace it; it is kept under another name: ")
        if typed is not None and typed != into:
            raise CommandError(f"“{typed}” is not the name of the database, which is {into}. Nothing was changed.")
        return typed == into
