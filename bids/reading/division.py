"""How a run's goods and costs divide among its people: for the preview of a forced hand-out and for the hand-out."""

from decimal import Decimal
from hashlib import sha256

from bids.allocation import split
from bids.models.distribution import Allocation, ExtraCost, ExtraShare, Split
from bids.models.runs import Participation
from bulq.kit.money import minor_unit

ZERO = Decimal(0)


class Division:
    """`quantities` and `costs` by item and participation id, `extras` by participation id, `left_over` by item.

    `parts` has the extras apart, by the way they are split (`ExtraShare.how`).

    Unless quantities are given, every bought line is divided fairly, and the leader takes what nobody took. Extra
    costs are split among those who receive something, unless one person pays them; where nobody receives anything,
    they all stay with the payer. All that are split in one way are split once, as their net sum.
    """

    def __init__(self, run, lines, quantities=None):
        self.run, self.all_lines = run, lines
        self.lines = [line for line in lines if line.is_bought]
        self.extra_costs = list(run.extra_costs.order_by("pk"))
        self.people = {person.user_id: person.pk for person in Participation.objects.filter(run=run)}
        self.leader = self.people[run.leader_id]
        shares = {} if quantities else {line.item.pk: line.division() for line in self.lines}
        self.left_over = {item: share.left_over for item, share in shares.items()}
        self.quantities = quantities or {item: share.without_zeros(self.leader) for item, share in shares.items()}
        self.grain = minor_unit(run.currency)
        self.costs = {
            line.item.pk: split(line.paid, self.quantities[line.item.pk], grain=self.grain, seed=line.seed)
            for line in self.lines
        }
        self.goods = {}
        for costs in self.costs.values():
            for person, cost in costs.items():
                self.goods[person] = self.goods.get(person, ZERO) + cost
        self.parts = self.parts_of(self.extra_costs)
        self.extras = {person: sum(parts.values()) for person, parts in self.parts.items()}

    def parts_of(self, extra_costs):
        """What each participation id pays of these, by the way they are split."""
        if not self.goods:
            payer, all_of_it = self.people[self.run.payer_id or self.run.leader_id], _sum(extra_costs)
            return {payer: {ExtraShare.PAYER: all_of_it}} if all_of_it else {}
        by_value = _sum(cost for cost in extra_costs if cost.how == Split.VALUE)
        equal = _sum(cost for cost in extra_costs if cost.how == Split.EQUAL)
        heads = dict.fromkeys(self.goods, Decimal(1))
        by_value = split(by_value, self.goods, grain=self.grain, seed=f"{self.run.pk}:extra")
        equal = split(equal, heads, grain=self.grain, seed=f"{self.run.pk}:equal")
        parts = {person: {Split.VALUE: by_value[person], Split.EQUAL: equal[person]} for person in self.goods}
        for cost in extra_costs:
            if cost.how == Split.PERSON:
                own = parts.setdefault(cost.person_id, {})
                own[Split.PERSON] = own.get(Split.PERSON, ZERO) + cost.amount
        return parts

    def shares_of(self, extra_costs):
        """What each participation id pays of these."""
        return {person: sum(parts.values()) for person, parts in self.parts_of(extra_costs).items()}

    def total_of(self, person):
        return self.goods.get(person, ZERO) + self.extras.get(person, ZERO)

    def below_zero(self, extra_costs=None):
        """Participation ids of people who would owe less than nothing."""
        extras = self.extras if extra_costs is None else self.shares_of(extra_costs)
        return [person for person, extra in extras.items() if self.goods.get(person, ZERO) + extra < 0]

    def most_of(self, discount):
        """How high one of the discounts can be at most, so that nobody owes less than nothing.

        None if someone would even without it.
        """
        others = [cost for cost in self.extra_costs if cost.pk != discount.pk]
        if self.below_zero(others):
            return None
        low, high = 0, int(-discount.amount / self.grain)
        while high - low > 1:
            middle = (low + high) // 2
            tried = ExtraCost(how=discount.how, person_id=discount.person_id, amount=-middle * self.grain)
            low, high = (low, middle) if self.below_zero([*others, tried]) else (middle, high)
        return low * self.grain

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
        beside = [(cost.pk, str(cost.amount), cost.how, cost.person_id) for cost in self.extra_costs]
        decided = (facts, beside, self.run.leader_id, self.run.payer_id)
        return sha256(repr(decided).encode()).hexdigest()


def _sum(extra_costs):
    return sum((cost.amount for cost in extra_costs), ZERO)


def division_of(run, lines):
    """The division of a run: what people receive as it is stored, or as the preview has it before the hand-out."""
    quantities = {}
    if run.has_allocations:
        received = Allocation.objects.filter(item__run=run).order_by("pk")
        for item, person, quantity in received.values_list("item", "bid__participation", "quantity"):
            quantities.setdefault(item, {})[person] = quantity
    return Division(run, lines, quantities)
