from django.db.models import F

from bids.models import Event, Run
from bulq.kit.live import announce

from .notifications import notify


def happened(kind, *, subject=None, product=None, concerns=(), **data):
    """An event not yet saved; `data` holds the figures of the moment.

    `concerns` are ids of people to notify in addition to those its kind always notifies.
    """
    event = Event(
        kind=kind,
        subject=subject,
        product=product,
        data={key: value if isinstance(value, int | str | list) else str(value) for key, value in data.items()},
    )
    event.concerns = concerns
    return event


def record(run, *events, by):
    """Save events of a run, notify people and open pages, and increase the run's version."""
    for event in events:
        event.run, event.actor = run, by
    Event.objects.bulk_create(events)
    notify(run, events, by=by)
    Run.objects.filter(pk=run.pk).update(version=F("version") + 1)
    announce(f"run:{run.pk}")
    announce(f"group:{run.group_id}")
