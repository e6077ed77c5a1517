from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from bids.reading.invariants import problems


class Command(BaseCommand):
    help = "Checks that sums, states and references of all runs are correct."

    def add_arguments(self, parser):
        parser.add_argument("--migrate", action="store_true", help="run missing migrations first")

    def handle(self, *_args, migrate, **_options):
        if migrate:
            call_command("migrate", interactive=False, skip_checks=True, verbosity=0)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database does not match this release: run manage.py migrate first.")
        found = problems()
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            raise CommandError(f"Problems found: {len(found)}.")
        self.stdout.write("All sums, states and references are correct.")
