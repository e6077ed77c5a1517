from bids.models import Event
from bulq.kit.live import announce

from .calendar import count_changes
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
    """Save events of a run, and notify people and open pages. `by` is None for what the clock did.

    `concerns` are ids of people to notify of them in addition to those their kinds always notify.
    """
    for event in events:
        event.run, event.actor = run, by
    Event.objects.bulk_create(events)
    count_changes(run, events)
    notify(run, events, by=by, concerns=concerns)
    announce(f"run:{run.pk}")
    announce(f"group:{run.group_id}")
