"""Whom a reminder of a run is for."""

from collections import defaultdict

from django.db.models import Q

from bids.models.runs import Participation, Run


def whom_to_remind(runs):
    """`{run id: ids of people}` of collecting runs, in the same two queries for any number.

    Members of the group who take part and are not done, or who have not answered at all. Not those who left the run, or
    who have switched reminders off, for themselves or as a group.
    """
    wanting = Run.objects.filter(
        pk__in=runs,
        group__sends_reminders=True,
        group__memberships__user__wants_reminders=True,
        group__memberships__user__is_active=True,
    )
    silent = set(
        Participation.objects.filter(Q(is_ready=True) | Q(left_at__isnull=False), run__in=runs).values_list(
            "run_id", "user_id"
        )
    )
    found = defaultdict(set)
    for run, user in wanting.values_list("pk", "group__memberships__user"):
        if (run, user) not in silent:
            found[run].add(user)
    return found
