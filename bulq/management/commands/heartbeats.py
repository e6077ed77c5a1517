from django.core.management.base import BaseCommand, CommandError

from bulq.watch.health import WORKERS, last_seen


class Command(BaseCommand):
    help = "Shows when worker and beat last reported; fails if that is too long ago."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", choices=WORKERS, help="only this one")

    def handle(self, *args, name, **options):
        late = []
        for worker, seen in last_seen().items():
            if name in (None, worker):
                at, is_late = seen or (None, True)
                self.stdout.write(f"{worker}: {at.isoformat(timespec='seconds') if at else 'never seen'}")
                late += [worker] * is_late
        if late:
            raise CommandError(f"Not running: {', '.join(late)}.")
