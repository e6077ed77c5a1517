from django.core.management.base import CommandError

from bulq.kit.names import listed
from stores.models import Store


def store_named(name):
    """The store that a command is about."""
    if store := Store.objects.of_same_name(name=name).first():
        return store
    similar = listed(Store.objects.similar_to(name)[:3])
    raise CommandError(f"There is no store called “{name}”." + (f" Did you mean {similar}?" if similar else ""))
