"""How far runs have come, and what is left to do in them for one reader.

The word for a run's state, the sentence about what happens next (`guidance`) and what needs a person (`jobs`) all come
from here, so that no two pages disagree.
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from bids import states
from bids.models.runs import Participation, Run
from bids.states import RunState
from bulq.kit.prepared import prepared

from .lines import lines_by_run
from .receipts import comparisons
from .sums import MONEY, ZERO, balance, on_its_way


@dataclass(frozen=True)
class Part:
    """One person's part in a run, in numbers: products they want, things they get, and things still to pick up."""

    user_id: int
    name: str
    has_left: bool
    is_helper: bool
    is_ready: bool
    wants: int
    receives: int
    waits: int
    total: Decimal
    paid: Decimal | None


@dataclass
class Standing:
    run: Run
    user: User
    parts: list
    # Lines that differ from what is wanted, while they are sorted out.
    to_decide: list
    # What the receipts say more or less, while nobody has decided what happens with it before the hand-out.
    difference: Decimal = ZERO
    # Of the reader's own debt, what is said to be on its way and not confirmed yet.
    on_its_way: Decimal = ZERO

    @property
    def leads(self):
        return self.run.leader_id == self.user.pk

    @property
    def is_payer(self):
        return self.run.payer_id == self.user.pk

    @property
    def mine(self):
        """The reader's part; None for someone who takes no part, or no longer does."""
        return next((part for part in self.parts if part.user_id == self.user.pk and not part.has_left), None)

    @property
    def helps(self):
        return bool(self.mine and self.mine.is_helper)

    @property
    def others_choosing(self):
        """How many others want something and have not said that they are done."""
        others = (part for part in self.parts if part.user_id != self.user.pk and not part.has_left)
        return sum(bool(part.wants) and not part.is_ready for part in others)

    @property
    def is_wanted(self):
        return any(part.wants for part in self.parts)

    @property
    def can_decide(self):
        """Whether a line that differs is the reader's to change: their own in a shortage, any in a surplus.

        Not once they have chosen to keep their order.
        """
        if self.mine is None or self.mine.is_ready:
            return False
        return any(
            line.surplus or any(bid.participation.user_id == self.user.pk for bid in line.bids)
            for line in self.to_decide
        )

    def waits(self, part):
        """How many things someone still has to pick up: the payer's and the leader's own count as picked up."""
        return 0 if part.user_id in (self.run.payer_id, self.run.leader_id) else part.waits

    @property
    def waiting(self):
        return sum(self.waits(part) for part in self.parts)

    def balance(self, part):
        """What someone still owes the payer, and what the payer gives back to them."""
        return (ZERO, ZERO) if part.user_id == self.run.payer_id else balance(part.total, part.paid)

    @property
    def own_balance(self):
        """The reader's own, less what is on its way; they may have left the run with goods from it."""
        own = next((part for part in self.parts if part.user_id == self.user.pk), None)
        if own is None or self.is_payer:
            return ZERO, ZERO
        return balance(own.total, (own.paid or ZERO) + self.on_its_way)

    @property
    def debtors(self):
        """`(name, amount)` of everyone who still has to pay."""
        return [(part.name, owed) for part in self.parts if (owed := self.balance(part)[0])]

    @property
    def creditors(self):
        """`(name, amount)` of everyone to whom the payer gives back an overpayment."""
        return [(part.name, back) for part in self.parts if (back := self.balance(part)[1])]

    @property
    def was_handed_out(self):
        return any(part.receives for part in self.parts)

    @property
    def is_settled(self):
        return self.run.state == states.COMPLETED and not self.debtors and not self.creditors

    @property
    def label(self):
        """The state in a word: a run that is over is settled only once everything is paid."""
        return _("Settled") if self.is_settled else RunState(self.run.state).label


@prepared
def open_runs_of(user):
    return Run.objects.open().visible_to(user).with_names().order_by("pk")


@prepared
def open_runs_at(store, user):
    return Run.objects.open().visible_to(user).filter(store=store).with_names().newest_first()


def standings(runs, user):
    """`{run id: Standing}`, in the same few queries for any number. The runs have to come with leader and payer."""
    runs = list(runs)
    sorting = [run.pk for run in runs if run.state == states.ADJUSTING]
    parts, lines, compared = defaultdict(list), lines_by_run(sorting), comparisons(sorting)
    owing = [run.pk for run in runs if run.has_allocations]
    said = dict(_said(owing, user.pk)) if owing else {}
    for row in _part_rows([run.pk for run in runs]):
        parts[row["run_id"]].append(_part(row))
    return {
        run.pk: Standing(
            run,
            user,
            parts[run.pk],
            [line for line in lines.get(run.pk, ()) if line.to_decide],
            compared[run.pk].open if run.pk in compared else ZERO,
            said.get(run.pk, ZERO),
        )
        for run in runs
    }


def standing_before_shopping(board, user):
    """The standing of the run of an order table, which knows all of it while nothing is bought."""
    nothing = {"receives": 0, "waits": 0, "total": ZERO, "paid": None}
    parts = [_part_on(person, **nothing) for person in board.by_participation.values()]
    return Standing(board.run, user, parts, [])


def _part_on(person, **sums):
    return Part(
        user_id=person.user.pk,
        name=person.user.name,
        has_left=person.left_at is not None,
        is_helper=person.is_helper,
        is_ready=person.is_ready,
        wants=person.products,
        **sums,
    )


def standing_of(run, user):
    return standings([run], user)[run.pk]


@prepared
def _said(runs, user):
    mine = Participation.objects.filter(run__any=runs, user=user).annotate(said=on_its_way())
    return mine.values_list("run_id", "said")


@prepared
def _part_rows(runs):
    """One row per person: the joins follow one chain, so that no sum counts anything twice."""
    people = Participation.objects.filter(run__any=runs).annotate(
        wants=Count("bids__quantity"),
        goods=Coalesce(Sum("bids__allocation__cost"), 0, output_field=MONEY),
        receives=Count("bids__allocation"),
        waits=Count("bids__allocation", filter=Q(bids__allocation__picked_up_at=None)),
    )
    own = ("run_id", "user_id", "user__name", "left_at", "is_helper", "is_ready", "extra_share", "paid_amount")
    return people.order_by("user__name", "user_id").values(*own, "wants", "goods", "receives", "waits")


def _part(row):
    return Part(
        user_id=row["user_id"],
        name=row["user__name"],
        has_left=row["left_at"] is not None,
        is_helper=row["is_helper"],
        is_ready=row["is_ready"],
        wants=row["wants"],
        receives=row["receives"],
        waits=row["waits"],
        total=row["goods"] + row["extra_share"],
        paid=row["paid_amount"],
    )
