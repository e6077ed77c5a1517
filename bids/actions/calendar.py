"""Counting the changes of a run's entries in calendars: their readers compare nothing else."""

from django.db.models import F
from django.utils import timezone

from bids import states
from bids.models import CalendarEntry, Run

DAY, CLOSING = CalendarEntry.Kind
# Kinds of events that change what a calendar shows, and which entries.
CHANGED_BY = {
    "run_edited": (DAY, CLOSING),
    "run_moved": (DAY, CLOSING),
    "closing_set": (CLOSING,),
    "closing_removed": (CLOSING,),
}


def raise_sequence(runs, kinds=(DAY, CLOSING)):
    """Count a change of these entries of the runs, by id."""
    rows = [CalendarEntry(run_id=run, kind=kind) for run in runs for kind in kinds]
    CalendarEntry.objects.bulk_create(rows, ignore_conflicts=True)
    entries = CalendarEntry.objects.filter(run__in=runs, kind__in=kinds)
    entries.update(sequence=F("sequence") + 1, changed_at=timezone.now())


def raise_sequence_of_names(**named):
    """Count a change of all entries of the runs of a group or store that a calendar may show."""
    runs = Run.objects.filter(**named).exclude(state=states.COMPLETED)
    raise_sequence(list(runs.values_list("pk", flat=True)))


def count_changes(run, events):
    """Called with every event that is recorded, under the lock of the run."""
    kinds = {kind for event in events for kind in CHANGED_BY.get(event.kind, ())}
    if kinds:
        raise_sequence([run.pk], sorted(kinds))
