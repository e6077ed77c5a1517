from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from bulq.demo.catalogue import PASSWORD
from bulq.demo.data import Demo
from stores.models import Store


class Command(BaseCommand):
    help = "Fills an empty database with three groups, a catalogue and runs in every state."

    @transaction.atomic
    def handle(self, *_args, **_options):
        if User.objects.exists() or Store.objects.exists():
            raise CommandError("This database holds data already; demo data are for an empty one.")
        Demo(PASSWORD).write()
        self.stdout.write(
            f"Demo people: mara, jon, ana (Latin), dragan, milica (Cyrillic), admin (Django admin); "
            f"the password of everybody is “{PASSWORD}”."
        )
