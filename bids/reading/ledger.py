"""A run after the shopping, as everyone sees it: what each person gets, what it costs them, and what they have paid."""

from dataclasses import dataclass, field
from functools import cached_property

from bids.models.bidding import Bid
from bids.models.distribution import Allocation
from bids.models.runs import Participation

from .lines import lines_of
from .money import with_payments
from .receipts import Comparison, comparison_of
from .sums import ZERO, balance, with_owed


@dataclass
class Thing:
    """A person's bid on a line, bought or not, and what they received for it."""

    line: object
    bid: Bid
    allocation: Allocation | None
    counts_as_picked_up: bool
    why: object = None  # set by `explain` (why.py)

    @property
    def received(self):
        return self.allocation.quantity if self.allocation else ZERO

    @property
    def cost(self):
        return self.allocation.cost if self.allocation else ZERO

    @property
    def differs(self):
        """Whether it is less than they wanted, or more than was fine."""
        return self.bid.quantity is not None and not self.bid.quantity <= self.received <= self.bid.most

    @property
    def is_picked_up(self):
        return self.counts_as_picked_up or bool(self.allocation and self.allocation.picked_up_at)


@dataclass
class Account:
    """A person's share: their things, what they owe for them, and what is marked as paid."""

    participation: Participation
    is_payer: bool
    things: list = field(default_factory=list)
    why: object = None

    @property
    def user(self):
        return self.participation.user

    @property
    def received(self):
        return [thing for thing in self.things if thing.allocation]

    @property
    def picked_up(self):
        return sum(thing.is_picked_up for thing in self.received)

    @property
    def has_all(self):
        return self.picked_up == len(self.received)

    @property
    def extra(self):
        return self.participation.extra_share

    @property
    def total(self):
        return self.participation.total

    @property
    def paid(self):
        return self.participation.paid_amount

    @property
    def still_owes(self):
        """The payer owes nobody for their own things."""
        return ZERO if self.is_payer else balance(self.total, self.paid)[0]

    @property
    def on_its_way(self):
        """Of what they owe; below zero, of what they get back."""
        return self.participation.on_its_way

    @property
    def is_marked(self):
        """Whether something was marked as paid in this run alone, which can be taken back here."""
        return self.participation.is_marked

    @property
    def still_to_pay(self):
        """What they owe and have not said to be on its way."""
        return max(self.still_owes - self.on_its_way, ZERO)

    @property
    def gets_back(self):
        """The amount overpaid."""
        return ZERO if self.is_payer else balance(self.total, self.paid)[1]

    @property
    def is_open(self):
        return bool(self.still_owes or self.gets_back)

    @property
    def owes_something(self):
        return not self.is_payer and bool(self.total or self.paid)


class Ledger:
    """Reads a run once; the reader's own account comes first, the others by name."""

    def __init__(self, run, user):
        self.run = run
        people = with_payments(with_owed(Participation.objects.filter(run=run)))
        people = list(people.select_related("user").by_name())
        self.lines = lines_of(run, people)
        accounts = {person.pk: Account(person, person.user_id == run.payer_id) for person in people}
        allocations = {allocation.bid_id: allocation for allocation in Allocation.objects.filter(item__run=run)}
        for line in self.lines:
            for bid in line.bids:
                account = accounts[bid.participation_id]
                own = account.user.pk in (run.payer_id, run.leader_id)
                account.things.append(Thing(line, bid, allocations.get(bid.pk), own))
        shown = [account for account in accounts.values() if account.things or account.total or not _left(account)]
        self.accounts = sorted(shown, key=lambda account: account.user.pk != user.pk)
        self.mine = next((account for account in self.accounts if account.user.pk == user.pk), None)

    @cached_property
    def comparison(self):
        return comparison_of(self.run)

    def is_shopper(self, user):
        """Whether `user`, the reader, leads the run or helps."""
        return self.run.leader_id == user.pk or bool(self.mine and self.mine.participation.is_helper)

    @property
    def to_decide(self):
        return [line for line in self.lines if line.to_decide]

    @property
    def bought(self):
        return [line for line in self.lines if line.is_bought]

    @property
    def matching(self):
        return [line for line in self.bought if line.matches]

    @property
    def not_bought(self):
        return [line for line in self.lines if not line.is_bought]

    @property
    def by_product(self):
        """Bought lines with the things of everyone who wanted them, and how much is still to be handed out."""
        by_line = {}
        for account in self.accounts:
            for thing in account.things:
                by_line.setdefault(thing.line.item.pk, []).append((account, thing))
        rows = []
        for line in self.bought:
            things = by_line.get(line.item.pk, [])
            waiting = sum((thing.received for _account, thing in things if not thing.is_picked_up), ZERO)
            rows.append((line, things, waiting))
        return rows

    @property
    def goods(self):
        return sum((line.paid for line in self.lines), ZERO)

    @property
    def extra(self):
        return self.comparison.extra

    @property
    def total(self):
        return self.goods + self.extra

    @property
    def handed_out(self):
        return sum(account.picked_up for account in self.accounts)

    @property
    def to_hand_out(self):
        return sum(len(account.received) for account in self.accounts)

    @property
    def people_with_all(self):
        return sum(account.has_all for account in self.accounts if account.received)

    @property
    def people_with_things(self):
        return sum(bool(account.received) for account in self.accounts)

    @property
    def debtors(self):
        """People who owe or have paid something, those with open amounts first."""
        owing = [account for account in self.accounts if account.owes_something]
        return sorted(owing, key=lambda account: not account.is_open)

    @property
    def still_owed(self):
        """What the payer still gets."""
        return sum((account.still_owes for account in self.accounts), ZERO)

    @property
    def to_give_back(self):
        """What the payer gives back; never netted against what they still get."""
        return sum((account.gets_back for account in self.accounts), ZERO)


class Costs(Ledger):
    """The same with extra costs and receipts one by one."""

    def __init__(self, run, user):
        super().__init__(run, user)
        self.extra_costs = list(run.extra_costs.select_related("added_by", "person__user").order_by("pk"))
        self.receipts = list(run.receipts.select_related("added_by").order_by("pk"))

    @cached_property
    def comparison(self):
        extra = sum((cost.amount for cost in self.extra_costs), ZERO)
        receipts = sum((receipt.amount for receipt in self.receipts), ZERO) if self.receipts else None
        return Comparison(self.goods, extra, receipts, self.run.difference_taken or ZERO)


def _left(account):
    return account.participation.left_at is not None
