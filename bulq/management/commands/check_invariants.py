from django.core.management.base import BaseCommand, CommandError

from bids.models.invariants import problems


class Command(BaseCommand):
    help = "Checks that sums, states and references of all runs are as they must be."

    def handle(self, *_args, **_options):
        found = problems()
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            raise CommandError(f"{len(found)} problems found.")
        self.stdout.write("All sums, states and references are as they must be.")
