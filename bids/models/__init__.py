"""What is stored of a run: one file per subject."""

from .bidding import Bid, BidQuerySet, TakenInstead
from .closing import CalendarEntry, Reminder
from .distribution import Allocation, ExtraCost, ExtraShare, Receipt, Split
from .events import Event
from .notifications import Notification
from .payments import JournalEntry, Payment, PaymentPart, PaymentQuerySet, PaymentState
from .runs import Participation, ParticipationQuerySet, Run, RunQuerySet
from .shopping import Purchase, ShoppingItem

__all__ = [
    "Allocation",
    "Bid",
    "BidQuerySet",
    "CalendarEntry",
    "Event",
    "ExtraCost",
    "ExtraShare",
    "JournalEntry",
    "Notification",
    "Participation",
    "ParticipationQuerySet",
    "Payment",
    "PaymentPart",
    "PaymentQuerySet",
    "PaymentState",
    "Purchase",
    "Receipt",
    "Reminder",
    "Run",
    "RunQuerySet",
    "ShoppingItem",
    "Split",
    "TakenInstead",
]
