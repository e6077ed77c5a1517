from django.db.models import F

from bids.models import Event, Run


def happened(kind, *, subject=None, product=None, **data):
    """An event still to be recorded; `data` are the figures of the moment."""
    return Event(
        kind=kind,
        subject=subject,
        product=product,
        data={key: value if isinstance(value, int | str | list) else str(value) for key, value in data.items()},
    )


def record(run, *events, by):
    """Write what happened in a run, and let its version grow."""
    for event in events:
        event.run, event.actor = run, by
    Event.objects.bulk_create(events)
    Run.objects.filter(pk=run.pk).update(version=F("version") + 1)
