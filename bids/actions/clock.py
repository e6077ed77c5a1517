"""What the clock does at the closing time of a run. It asks the database what is due; messages only wake it."""

import logging

from django.db import transaction

from bids import states
from bids.access import RUN_WITH
from bids.models import Bid, Run
from bulq.kit.errors import Busy
from bulq.kit.locks import busy_when_locked

from .history import happened, record
from .runs import move_run, still_choosing

log = logging.getLogger(__name__)


def close_due(now):
    """Close runs whose closing time has come. Returns how many.

    Any number of clocks may do this at once, and a pause is made up for. A run that someone is saving just now has its
    turn a minute later.
    """
    due = Run.objects.due(now).order_by("closes_at", "pk").values_list("pk", "state", "closes_at")
    return sum(_close_unless_busy(*row, now) for row in list(due))


def _close_unless_busy(pk, state, closes_at, now):
    try:
        return _close(pk, state, closes_at, now)
    except Busy:
        log.info("Run %s is being changed and closes a minute later", pk)
        return False


def begin_due_stretches(now):
    """Begin the last stretch of runs that have so many hours left. Returns how many."""
    due = Run.objects.with_stretch_due(now).order_by("closes_at", "pk").values_list("pk", flat=True)
    return sum(_begin_stretch(pk, now) for pk in list(due))


@transaction.atomic
def _begin_stretch(pk, now):
    """For one run, unless someone is saving it just now, or another clock has begun it."""
    due = Run.objects.with_stretch_due(now).filter(pk=pk).select_related(*RUN_WITH)
    run = due.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if run is None:
        return False
    run.last_stretch_at = now
    run.save(update_fields=["last_stretch_at"])
    told = run.participations.current().values_list("user_id", flat=True)
    record(run, happened("last_stretch_begun"), by=None, concerns=set(told))
    return True


@transaction.atomic
def _close(pk, state, closes_at, now):
    """Close one run, if it is still as it was read: another clock or a moved time makes this do nothing."""
    as_read = Run.objects.due(now).filter(pk=pk, state=state, closes_at=closes_at).select_related(*RUN_WITH)
    with busy_when_locked():
        run = as_read.select_for_update(of=("self",), no_key=True).first()
    if run is None:
        return False
    run.closing_handled_at = now
    run.save(update_fields=["closing_handled_at"])
    if not Bid.objects.of_run(run).real().exists():
        record(run, happened("closed_empty"), by=None, concerns={run.leader_id})
    elif run.locks_itself:
        move_run(run, states.CONFIRMED, by=None, still_choosing=[user.name for user in still_choosing(run)])
    else:
        record(run, happened("closed_open"), by=None, concerns={run.leader_id})
    return True
