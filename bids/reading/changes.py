"""What changed about a line after the shop, read from the history: orders sorted out, and totals corrected."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bids import states
from bids.models.events import Event

KINDS = ("run_moved", "sorted_out", "total_corrected")


@dataclass(frozen=True, slots=True)
class Correction:
    """A total corrected during the hand-out."""

    was: Decimal
    now: Decimal
    by: str
    at: datetime


@dataclass
class Changes:
    """`ordered` has what someone wanted before they changed it in Sort out, by the ids of person and product."""

    ordered: dict = field(default_factory=dict)
    corrections: dict = field(default_factory=lambda: defaultdict(list))


def changes_of(run_ids):
    """`{run id: Changes}` since the run last left the shop, and of totals since the hand-out began; in one query."""
    found = {run_id: Changes() for run_id in run_ids}
    if not found:
        return found
    events = Event.objects.filter(run__in=found, kind__in=KINDS).select_related("actor", "run").order_by("pk")
    for event in events:
        _take_in(found[event.run_id], event)
    return found


def _take_in(changes, event):
    if event.kind == "run_moved":
        if event.data["origin"] == states.SHOPPING:
            changes.ordered.clear()
        if event.data["to"] == states.DISTRIBUTING and event.data["origin"] != states.COMPLETED:
            changes.corrections.clear()
    elif event.kind == "sorted_out":
        changes.ordered.setdefault((event.subject_id or event.actor_id, event.product_id), Decimal(event.data["was"]))
    else:
        was, now = Decimal(event.data["was"]), Decimal(event.data["total"])
        changes.corrections[event.product_id].append(Correction(was, now, event.actor.name, event.at))
