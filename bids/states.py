"""The life of a run on one screen. Imports nothing of ours."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RunState(TextChoices):
    PLANNING = "planning", _("Collecting")
    ACTIVE = "active", _("Collecting")
    CONFIRMED = "confirmed", _("Locked")
    SHOPPING = "shopping", _("Shopping")
    ADJUSTING = "adjusting", _("Sort out")
    DISTRIBUTING = "distributing", _("Hand-out")
    # Settled once everything is paid as well (`reading/standing.py`).
    COMPLETED = "completed", _("Handed out")
    CANCELLED = "cancelled", _("Called off")


PLANNING, ACTIVE, CONFIRMED, SHOPPING, ADJUSTING, DISTRIBUTING, COMPLETED, CANCELLED = RunState

COLLECTING = frozenset({PLANNING, ACTIVE})
BEFORE_THE_SHOP = COLLECTING | {CONFIRMED}
CAN_BE_CALLED_OFF = BEFORE_THE_SHOP | {SHOPPING, ADJUSTING}
FROM_THE_SHOP_ON = frozenset({SHOPPING, ADJUSTING, DISTRIBUTING})
AFTER_THE_SHOP = frozenset({ADJUSTING, DISTRIBUTING, COMPLETED})
WITH_ALLOCATIONS = frozenset({DISTRIBUTING, COMPLETED})
ENDED = frozenset({COMPLETED, CANCELLED})
OPEN = frozenset(RunState) - ENDED
EXPORTABLE = frozenset({CONFIRMED}) | FROM_THE_SHOP_ON | {COMPLETED}

# From each state, the states a run may move to. Cancelled is final.
TRANSITIONS = {
    PLANNING: {ACTIVE, CONFIRMED, CANCELLED},
    ACTIVE: {CONFIRMED, CANCELLED},
    CONFIRMED: {ACTIVE, SHOPPING, CANCELLED},
    SHOPPING: {CONFIRMED, ADJUSTING, DISTRIBUTING, COMPLETED, CANCELLED},
    ADJUSTING: {SHOPPING, DISTRIBUTING, CANCELLED},
    DISTRIBUTING: {SHOPPING, COMPLETED},
    COMPLETED: {SHOPPING, DISTRIBUTING},
    CANCELLED: set(),
}
