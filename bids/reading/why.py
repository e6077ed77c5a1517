"""Why an amount is what it is: the way from what someone wanted to what they pay, told from what is stored.

Nothing is split again here. Shares, costs and the parts of extra costs are read as they were written
(`actions/costs.py`) or, before the hand-out, as a `Division` would write them. Only reasons are added (`reasons.py`).
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from bids.allocation import Odd, odd_shares
from bids.models.distribution import Allocation, ExtraCost, ExtraShare, Split
from bulq.kit.money import minor_unit

from .changes import changes_of
from .division import Division
from .lines import Line, lines_by_run
from .reasons import Case, Reason, Share

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class WhyThing:
    """One thing of one person. `wanted` is None for someone who did not order it.

    `all_wanted` is what everyone wanted together, `ordered` what this person wanted before Sort out. `odd_piece` and
    `odd_cent` are None where the share is exactly in proportion. `is_united` is for what was two products then.
    """

    line: Line
    currency: str
    share: Share
    reason: Reason
    wanted: Decimal | None
    limit: Decimal | None
    all_or_nothing: bool
    ordered: Decimal | None
    all_wanted: Decimal
    is_united: bool
    odd_piece: Odd | None
    odd_cent: Odd | None
    corrections: tuple

    @property
    def cost(self):
        return self.share.cost

    @property
    def asked(self):
        return self.wanted or ZERO

    @property
    def differs(self):
        """Whether it is less than they wanted, or more than was fine."""
        return not self.asked <= self.share.quantity <= (self.limit or self.asked)

    @property
    def grain(self):
        return minor_unit(self.currency)

    @property
    def packs(self):
        """How many whole packs were bought, if they were."""
        pack = self.line.item.pack_size
        return int(self.line.bought / pack) if pack and self.line.bought and not self.line.bought % pack else None


@dataclass(frozen=True, slots=True)
class WhyPart:
    """A person's part of the extra costs that are split in one way: `amount` of `costs`.

    By value it is in proportion of `goods` to `all_goods`; where those were free, and in equal parts, of `heads`.
    """

    how: str
    currency: str
    costs: tuple
    amount: Decimal
    goods: Decimal
    all_goods: Decimal
    heads: int
    odd: Odd | None

    @property
    def sum(self):
        return sum((cost.amount for cost in self.costs), ZERO)

    @property
    def grain(self):
        return minor_unit(self.currency)

    @property
    def is_by_value(self):
        return self.how == Split.VALUE and bool(self.all_goods)

    @property
    def is_equal(self):
        return self.how in (Split.VALUE, Split.EQUAL) and not self.is_by_value


@dataclass(frozen=True, slots=True)
class Why:
    """All of a person's total in a run: their things and their parts of the extra costs."""

    currency: str
    things: tuple = ()
    parts: tuple = ()

    @property
    def received(self):
        return [thing for thing in self.things if thing.share.quantity]

    @property
    def goods(self):
        return sum((thing.cost for thing in self.things), ZERO)

    @property
    def extra(self):
        return sum((part.amount for part in self.parts), ZERO)

    @property
    def total(self):
        return self.goods + self.extra

    @property
    def by_item(self):
        return {thing.line.item.pk: thing for thing in self.things}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run's whys are told from: by item and participation id the shares, by participation id the parts."""

    currency: str
    lines: list
    shares: dict
    parts: dict
    extra_costs: list
    changes: object


def why_of(participations):
    """`{participation id: Why}`, in the same few queries for any number of runs.

    The participations come with their runs and these with their groups (`select_related("run__group")`).
    """
    runs = {part.run_id: part.run for part in participations}
    shares, parts, costs = _stored_shares(list(runs)), _stored_parts(list(runs)), _extra_costs(list(runs))
    changes, lines = changes_of(list(runs)), lines_by_run(list(runs))
    wanted, whys = {part.pk for part in participations}, {}
    for pk, run in runs.items():
        facts = Facts(run.currency, lines[pk], shares, parts[pk], costs[pk], changes[pk])
        whys |= {person: why for person, why in _whys(facts).items() if person in wanted}
    return {part.pk: whys.get(part.pk) or Why(part.run.currency) for part in participations}


def explain(ledger):
    """Give everyone in a ledger, and each of their things, its why: three queries more than the ledger took."""
    run = ledger.run
    if not run.has_allocations:
        return
    shares = defaultdict(dict)
    for account in ledger.accounts:
        for thing in account.received:
            shares[thing.line.item.pk][account.participation.pk] = _share(thing.allocation)
    parts, costs = _stored_parts([run.pk])[run.pk], _extra_costs([run.pk])[run.pk]
    whys = _whys(Facts(run.currency, ledger.lines, shares, parts, costs, changes_of([run.pk])[run.pk]))
    for account in ledger.accounts:
        account.why = whys.get(account.participation.pk) or Why(run.currency)
        by_item = account.why.by_item
        for thing in account.things:
            thing.why = by_item[thing.line.item.pk]


def whys_of_division(division):
    """The same before the hand-out, if it began now; of a `Division`."""
    shares = {
        item: {
            person: Share(
                quantity,
                division.costs[item][person],
                division.left_over.get(item, ZERO) if person == division.leader else ZERO,
            )
            for person, quantity in quantities.items()
        }
        for item, quantities in division.quantities.items()
    }
    run = division.run
    changes = changes_of([run.pk])[run.pk]
    return _whys(Facts(run.currency, division.all_lines, shares, division.parts, division.extra_costs, changes))


def why_now(ledger):
    """In Sort out, what would be the reader's if it stayed as it is; None without a part in it."""
    if ledger.run.has_allocations or not ledger.mine:
        return None
    return whys_of_division(Division(ledger.run, ledger.lines)).get(ledger.mine.participation.pk)


def _share(allocation):
    return Share(allocation.quantity, allocation.cost, allocation.left_over)


def _stored_shares(run_ids):
    shares = defaultdict(dict)
    for allocation in Allocation.objects.filter(item__run__in=run_ids).select_related("bid"):
        shares[allocation.item_id][allocation.bid.participation_id] = _share(allocation)
    return shares


def _stored_parts(run_ids):
    parts = defaultdict(lambda: defaultdict(dict))
    rows = ExtraShare.objects.filter(participation__run__in=run_ids).order_by("pk")
    for run, person, how, amount in rows.values_list("participation__run", "participation", "how", "amount"):
        parts[run][person][how] = amount
    return parts


def _extra_costs(run_ids):
    costs = defaultdict(list)
    for cost in ExtraCost.objects.filter(run__in=run_ids).order_by("pk"):
        costs[cost.run_id].append(cost)
    return costs


def _whys(facts):
    things = defaultdict(list)
    for line in facts.lines:
        for person, thing in _things_of(line, facts):
            things[person].append(thing)
    parts = _parts_of(facts, {person: sum((thing.cost for thing in own), ZERO) for person, own in things.items()})
    return {
        person: Why(facts.currency, tuple(things[person]), tuple(parts[person]))
        for person in things.keys() | parts.keys()
    }


def _things_of(line, facts):
    """Each person of a line with their thing."""
    shares = facts.shares.get(line.item.pk, {})
    nothing = Share()
    # An order that was only made for what nobody took is no order.
    bids = {bid.participation_id: bid for bid in line.bids if not _is_made_of_rest(bid, shares)}
    case = Case(line, bids, {person: shares.get(person, nothing) for person in bids.keys() | shares.keys()})
    costs = {person: share.cost for person, share in shares.items()}
    odd_pieces, odd_cents = case.odd_pieces, {}
    if shares:
        weights = {person: share.quantity for person, share in shares.items()}
        odd_cents = odd_shares(weights, costs, grain=minor_unit(facts.currency))
    if is_united := odd_pieces is None or odd_cents is None:
        odd_pieces, odd_cents = {}, {}
    corrections = tuple(facts.changes.corrections.get(line.product.pk, ()))
    users = {bid.participation_id: bid.participation.user_id for bid in line.bids}
    for person, share in case.shares.items():
        bid = bids.get(person)
        yield (
            person,
            WhyThing(
                line=line,
                currency=facts.currency,
                share=share,
                reason=Reason.AS_WANTED if is_united else case.reason_of(person),
                wanted=bid and bid.quantity,
                limit=bid and bid.limit,
                all_or_nothing=bool(bid and bid.all_or_nothing),
                ordered=facts.changes.ordered.get((users.get(person), line.product.pk)),
                all_wanted=case.wanted,
                is_united=is_united,
                odd_piece=odd_pieces.get(person),
                odd_cent=odd_cents.get(person),
                corrections=corrections,
            ),
        )


def _is_made_of_rest(bid, shares):
    share = shares.get(bid.participation_id)
    return bool(share) and bid.quantity == share.quantity == share.left_over


def _parts_of(facts, goods):
    """`{participation id: [WhyPart]}`; `goods` are what each person's things cost."""
    costs = defaultdict(list)
    for cost in facts.extra_costs:
        costs[cost.how].append(cost)
    items = [line.item.pk for line in facts.lines]
    received = {person for item in items for person in facts.shares.get(item, ())}
    all_goods = sum(goods.values(), ZERO)
    weights = {
        Split.VALUE: {person: goods[person] for person in received},
        Split.EQUAL: dict.fromkeys(received, Decimal(1)),
    }
    odd = {how: _odd_parts(facts, how, people) for how, people in weights.items()}
    found = defaultdict(list)
    for how, _label in ExtraShare.WAYS:
        for person, parts in facts.parts.items():
            if not parts.get(how):
                continue
            mine = [cost for cost in costs[how] if how != Split.PERSON or cost.person_id == person]
            found[person].append(
                WhyPart(
                    how=how,
                    currency=facts.currency,
                    costs=tuple(mine if how != ExtraShare.PAYER else facts.extra_costs),
                    amount=parts[how],
                    goods=goods.get(person, ZERO),
                    all_goods=all_goods,
                    heads=len(received),
                    odd=odd.get(how, {}).get(person),
                )
            )
    return found


def _odd_parts(facts, how, weights):
    shares = {person: facts.parts.get(person, {}).get(how, ZERO) for person in weights}
    return (odd_shares(weights, shares, grain=minor_unit(facts.currency)) or {}) if any(shares.values()) else {}
