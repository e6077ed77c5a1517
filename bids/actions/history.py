from django.db.models import F

from bids.models import Event, Run
from bulq.kit.live import announce

from .notifications import notify


def happened(kind, *, subject=None, product=None, **data):
    """An event not yet saved; `data` holds the figures of the moment."""
    return Event(
        kind=kind,
        subject=subject,
        product=product,
        data={key: value if isinstance(value, int | str | list) else str(value) for key, value in data.items()},
    )


def record(run, *events, by, concerns=()):
    """Save events of a run, notify people and open pages, and increase the run's version.

    `concerns` are ids of people to notify of them in addition to those their kinds always notify.
    """
    for event in events:
        event.run, event.actor = run, by
    Event.objects.bulk_create(events)
    notify(run, events, by=by, concerns=concerns)
    Run.objects.filter(pk=run.pk).update(version=F("version") + 1)
    announce(f"run:{run.pk}")
    announce(f"group:{run.group_id}")
