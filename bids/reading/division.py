"""How a run's goods and costs divide among its people: for the preview of a forced hand-out and for the hand-out."""

from decimal import Decimal
from hashlib import sha256

from django.db.models import Sum

from bids.allocation import split
from bids.models.runs import Participation
from bulq.kit.money import minor_unit

ZERO = Decimal(0)


def extra_total(run):
    return run.extra_costs.aggregate(sum=Sum("amount"))["sum"] or ZERO


class Division:
    """`quantities` and `costs` by item and participation id, `extras` by participation id.

    Unless quantities are given, every bought line is divided fairly, and the leader takes what nobody took. Extra
    costs are split by the value of what people receive; where nobody receives anything, the payer bears them.
    """

    def __init__(self, run, lines, quantities=None):
        self.run, self.lines = run, [line for line in lines if line.is_bought]
        self.extra = extra_total(run)
        self.people = {person.user_id: person.pk for person in Participation.objects.filter(run=run)}
        leader = self.people[run.leader_id]
        self.quantities = quantities or {line.item.pk: line.shares(leader) for line in self.lines}
        grain = minor_unit(run.currency)
        self.costs = {
            line.item.pk: split(line.paid, self.quantities[line.item.pk], grain=grain, seed=line.seed)
            for line in self.lines
        }
        self.goods = {}
        for costs in self.costs.values():
            for person, cost in costs.items():
                self.goods[person] = self.goods.get(person, ZERO) + cost
        self.extras = self._extras(grain)

    def _extras(self, grain):
        if not self.goods:
            payer = self.people[self.run.payer_id or self.run.leader_id]
            return {payer: self.extra} if self.extra else {}
        return split(self.extra, self.goods, grain=grain, seed=f"{self.run.pk}:extra")

    def total_of(self, person):
        return self.goods.get(person, ZERO) + self.extras.get(person, ZERO)

    def fingerprint(self):
        """Changes whenever anything changes that decides who gets and pays what."""
        facts = [
            (
                line.item.pk,
                str(line.bought),
                str(line.paid),
                sorted((bid.pk, str(bid.quantity), str(bid.limit), bid.all_or_nothing) for bid in line.bids),
            )
            for line in self.lines
        ]
        decided = (facts, str(self.extra), self.run.leader_id, self.run.payer_id)
        return sha256(repr(decided).encode()).hexdigest()


class Preview:
    """A division as a page shows it: each person with what they get and pay, and which lines are forced."""

    def __init__(self, run, lines):
        self.division = Division(run, lines)
        self.fingerprint = self.division.fingerprint()
        self.differing = [line.product for line in lines if line.to_decide]
        people = Participation.objects.filter(run=run).select_related("user").by_name()
        self.people = [
            (person.user, self._things(person.pk), self.division.extras.get(person.pk, ZERO), total)
            for person in people
            if (total := self.division.total_of(person.pk)) or self._things(person.pk)
        ]

    def _things(self, person):
        """Line, quantity, cost and the bid it comes from (None if there was none)."""
        things = []
        for line in self.division.lines:
            quantity = self.division.quantities[line.item.pk].get(person)
            bid = next((bid for bid in line.bids if bid.participation_id == person), None)
            if quantity or bid:
                cost = self.division.costs[line.item.pk].get(person, ZERO)
                things.append((line, quantity or ZERO, cost, bid))
        return things
