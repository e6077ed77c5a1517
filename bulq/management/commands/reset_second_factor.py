from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from bulq.office import second_factor


class Command(BaseCommand):
    help = "Takes away a site admin's app and recovery codes, and ends their sessions; they set up a new app."

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *args, username, **options):
        try:
            person = User.objects.get_by_natural_key(username)
        except User.DoesNotExist:
            raise CommandError(f"Nobody has the username {username}.") from None
        second_factor.reset(person)
        self.stdout.write(f"{person.username} is logged out everywhere and sets up a new app at the next visit.")
