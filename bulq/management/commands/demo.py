from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts.models import User
from bulq.demo.catalogue import PASSWORD
from bulq.demo.data import Demo
from stores.models import Store


class Command(BaseCommand):
    help = "Fills an empty database with three groups, a catalogue and runs in every state."

    def add_arguments(self, parser):
        parser.add_argument("--into", metavar="NAME", help="name of the database: required where strangers can log in")

    @transaction.atomic
    def handle(self, *_args, into, **_options):
        name = connection.settings_dict["NAME"]
        if into != name and (settings.SERVED_OVER_HTTPS or into):
            raise CommandError(
                "Everyone knows the password of the demo people. "
                f"If this site is only for trying Bulq out, add --into {name}."
            )
        if User.objects.exists() or Store.objects.exists():
            raise CommandError("This database already contains data; the demo needs an empty one.")
        Demo(PASSWORD).write()
        self.stdout.write(
            f"Demo people: mara, jon, ana (Latin), dragan, milica (Cyrillic), admin (Django admin); "
            f"the password of everyone is “{PASSWORD}”."
        )
