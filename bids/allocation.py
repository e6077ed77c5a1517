"""Fair shares: of what was bought among those who want it, and of what was paid among those who got it.

Pure arithmetic; imports nothing of ours. Amounts and quantities are Decimals, multiples of a `grain`: the
smallest part that can be handed out (a whole one, 0.01 kg) or paid (the currency's minor unit). Inside, they are
whole numbers of grains, so nothing is ever rounded twice. docs/division.md explains the rules with examples.

Shares use the largest-remainder method (Hamilton): everyone gets the whole grains of their quota, and the rest goes,
one grain each, to the largest remainders. Equal remainders are ordered by a hash of `seed` and
the person, so neither the order of rows nor who came first decides.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from functools import lru_cache
from hashlib import sha256

HUNDREDTH = Decimal("0.01")


def split(total, weights, *, grain, seed):
    """Divide `total` in proportion to `weights`; the shares add up to `total`, to the last grain.

    `weights` maps a person to a weight of zero or more; if all are zero, everyone weighs the same. A negative
    total (a discount) is divided like its opposite. The largest share of a total never exceeds its weight while
    total <= sum of weights, and is never below it while total >= that sum (all being multiples of `grain`).
    """
    if not weights:
        if total:
            raise ValueError("nobody to divide among")
        return {}
    if total < 0:
        return {person: -share for person, share in split(-total, weights, grain=grain, seed=seed).items()}
    parts = _grains(total, grain)
    scale = {person: _hundredths(weight) for person, weight in weights.items()}
    if not any(scale.values()):
        scale = dict.fromkeys(scale, 1)
    whole = sum(scale.values())
    quotas = {person: divmod(parts * weight, whole) for person, weight in scale.items()}
    left = parts - sum(quota for quota, _ in quotas.values())
    first = _largest_remainders({person: rest for person, (_, rest) in quotas.items()}, left, seed) if left else ()
    return {person: (quota + (person in first)) * grain for person, (quota, _) in quotas.items()}


def _largest_remainders(rests, count, seed):
    """The `count` people with the largest remainders; where the last of these are equal, the hash decides."""
    least = sorted(rests.values(), reverse=True)[count - 1]
    above = {person for person, rest in rests.items() if rest > least}
    equal = [person for person, rest in rests.items() if rest == least]
    if len(above) + len(equal) > count:
        equal = sorted(equal, key=lambda person: _tie_break(seed, person))[: count - len(above)]
    return above.union(equal)


@dataclass(frozen=True, slots=True)
class Odd:
    """How a share that is not exactly in proportion was rounded, and whether only the hash decided that."""

    is_up: bool
    is_by_lot: bool


def odd_shares(weights, shares, *, grain):
    """Of stored shares in proportion to `weights`, those that are not exact: `{person: Odd}`.

    A lot it was where someone with the same remainder was rounded the other way. None if they are not in proportion:
    of two products that became one, each was split by itself.
    """
    parts = {person: abs(_grains(share, grain)) for person, share in shares.items()}
    scale = {person: _hundredths(weights[person]) for person in shares}
    if not any(scale.values()):
        scale = dict.fromkeys(scale, 1)
    total, whole = sum(parts.values()), sum(scale.values())
    odd, ways = {}, {}
    for person, part in parts.items():
        quota, rest = divmod(total * scale[person], whole)
        if part - quota not in ((0, 1) if rest else (0,)):
            return None
        if rest:
            odd[person] = rest, part > quota
            ways.setdefault(rest, set()).add(part > quota)
    return {person: Odd(is_up, len(ways[rest]) > 1) for person, (rest, is_up) in odd.items()}


@dataclass(frozen=True, slots=True)
class Want:
    """What a person wants of a product: `quantity`, and up to `limit` is fine. If there is less, perhaps nothing."""

    quantity: Decimal
    limit: Decimal | None = None
    all_or_nothing: bool = False

    @property
    def most(self):
        return self.quantity if self.limit is None else self.limit


def amount_instead(quantity, grain):
    """A quantity of one product as one of its substitute, whose smallest part may be larger."""
    return (quantity / grain).to_integral_value(ROUND_CEILING) * grain


@dataclass(frozen=True, slots=True)
class Packs:
    """How many packs to buy, what they hold, and how much of that nobody has said is fine."""

    count: Decimal
    units: Decimal
    missing: Decimal


def packs_to_buy(wanted, most, pack):
    """The packs that hold `wanted`; `most` is wanted at most. None are missing if what people said is fine fills them.

    Without a pack size, what is wanted is bought.
    """
    if not pack:
        return Packs(wanted, wanted, Decimal(0))
    count = (wanted / pack).to_integral_value(ROUND_CEILING)
    return Packs(count, count * pack, max(count * pack - most, Decimal(0)))


def matches(bought, wanted, most, *, tolerance_percent):
    """Whether nobody has to decide anything: as wanted, within what is fine, or off by weighing only.

    `tolerance_percent` is 0 for counted products.
    """
    return wanted <= bought <= most or _is_weighed(bought, wanted, most, tolerance_percent)


def _is_weighed(bought, wanted, most, tolerance_percent):
    """Whether `bought` differs from its nearer bound, and only by as much as weighing does."""
    bound = min(max(bought, wanted), most)
    return bound > 0 and 0 < abs(bought - bound) * 100 <= tolerance_percent * bound


@dataclass(frozen=True, slots=True)
class Shares:
    """Quantity by person, and what is left over because nobody said that it is fine."""

    quantities: dict
    left_over: Decimal = Decimal(0)

    def with_rest_for(self, person):
        """The quantities, with what is left over for `person`, who need not want any."""
        if not self.left_over:
            return self.quantities
        return self.quantities | {person: self.quantities.get(person, Decimal(0)) + self.left_over}

    def without_zeros(self, leader):
        """What everyone who gets some gets; what is left over falls to `leader`."""
        return {person: quantity for person, quantity in self.with_rest_for(leader).items() if quantity}


def divide(bought, wants, *, grain, tolerance_percent, seed):
    """Divide what was bought of one product among its people; `wants` maps a person to a `Want`.

    What is above the sum of the quantities is shared in proportion to the room up to the limits. A difference by
    weighing is shared in proportion to what everyone wants (above the limits: to these). A shortage is divided by
    `_divide_shortage`. The shares and what is left over add up to `bought`.
    """
    quantities = {person: want.quantity for person, want in wants.items()}
    limits = {person: want.most for person, want in wants.items()}
    wanted, most = sum(quantities.values(), Decimal(0)), sum(limits.values(), Decimal(0))
    if _is_weighed(bought, wanted, most, tolerance_percent):
        return Shares(split(bought, quantities if bought < wanted else limits, grain=grain, seed=seed))
    if bought < wanted:
        return _divide_shortage(bought, wants, quantities, grain=grain, seed=seed)
    if bought > most:
        return Shares(limits, bought - most)
    if bought == wanted:
        return Shares(quantities)
    rooms = {person: limits[person] - quantity for person, quantity in quantities.items()}
    extras = share_extras(bought - wanted, rooms, grain=grain, seed=seed)
    return Shares({person: quantity + extras.get(person, 0) for person, quantity in quantities.items()})


def share_extras(extra, rooms, *, grain, seed):
    """What is more than wanted, in proportion to each person's room up to the limit, for those who have any."""
    return split(extra, {person: room for person, room in rooms.items() if room}, grain=grain, seed=seed)


def _divide_shortage(bought, wants, quantities, *, grain, seed):
    """Those who want all or nothing have a part in proportion, rounded up; of it, the smallest wishes that fit are met.

    The rest is shared in proportion among those who take less. What these leave meets further wishes that fit wholly.
    """
    firm = sorted(
        (person for person, want in wants.items() if want.all_or_nothing),
        key=lambda person: (quantities[person], _tie_break(seed, person)),
    )
    flexible = {person: quantity for person, quantity in quantities.items() if not wants[person].all_or_nothing}
    wanted_whole, wanted = sum(map(quantities.get, firm), Decimal(0)), sum(quantities.values(), Decimal(0))
    part = -(-_grains(bought, grain) * _hundredths(wanted_whole) // _hundredths(wanted)) * grain
    met, _left = _first_that_fit(firm, quantities, part)
    rest = bought - sum(met.values(), Decimal(0))
    shares = split(min(rest, sum(flexible.values(), Decimal(0))), flexible, grain=grain, seed=seed)
    rest -= sum(shares.values(), Decimal(0))
    met_too, rest = _first_that_fit([person for person in firm if person not in met], quantities, rest)
    return Shares(dict.fromkeys(quantities, Decimal(0)) | shares | met | met_too, rest)


def _first_that_fit(people, quantities, amount):
    """Whose wishes are met wholly out of `amount`, in this order, and what is left of it."""
    met = {}
    for person in people:
        if quantities[person] <= amount:
            met[person] = quantities[person]
            amount -= quantities[person]
    return met, amount


def _grains(value, grain):
    grains, rest = divmod(value, grain)
    if rest:
        raise ValueError(f"{value} is no multiple of {grain}")
    return int(grains)


@lru_cache(maxsize=1024)  # few differ
def _hundredths(weight):
    return _grains(weight, HUNDREDTH)


def _tie_break(seed, person):
    return sha256(f"{seed}:{person}".encode()).digest()


def total_for(quantity, price, *, per, grain):
    """What `quantity` costs at `price` for `per` units, rounded half up to the minor unit `grain`."""
    return (quantity * price / per).quantize(grain, rounding=ROUND_HALF_UP)


def agrees(total, quantity, price, *, per, grain):
    """Whether a typed total and a typed price (for `per` units) can be on the same receipt, either rounded."""
    if total == total_for(quantity, price, per=per, grain=grain):
        return True
    return (total * per / quantity).quantize(grain, rounding=ROUND_HALF_UP) == price
