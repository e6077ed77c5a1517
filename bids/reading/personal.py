"""One person's figures over all runs."""

from accounts.models import Membership
from bids.models.runs import Participation, Run


def figures_of(user):
    """Runs joined, led and helped, and groups."""
    mine = Participation.objects.filter(user=user)
    return {
        "joined": mine.count(),
        "helped": mine.filter(is_helper=True).count(),
        "led": Run.objects.filter(leader=user).count(),
        "groups": Membership.objects.filter(user=user).count(),
    }
