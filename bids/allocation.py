"""Fair shares: of what was bought among those who want it, and of what was paid among those who got it.

Pure arithmetic; imports nothing of ours. Amounts and quantities are Decimals, multiples of a `grain`: the
smallest part that can be handed out (a whole one, 0.01 kg) or paid (the currency's minor unit). Inside, they are
whole numbers of grains, so nothing is ever rounded twice.

Shares use the largest-remainder method (Hamilton): everyone gets the whole grains of their quota, and the rest goes,
one grain each, to the largest remainders. Equal remainders are ordered by a hash of `seed` and
the person, so neither the order of rows nor who came first decides.
"""

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from hashlib import sha256


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
    first = sorted(quotas, key=lambda person: (-quotas[person][1], _tie_break(seed, person)))[:left]
    return {person: (quota + (person in first)) * grain for person, (quota, _) in quotas.items()}


def matches(bought, wanted, *, divisible, tolerance_percent):
    """Whether what was bought is what was wanted: exactly, or by weighing for a divisible product."""
    if bought == wanted:
        return True
    return divisible and wanted > 0 and abs(bought - wanted) * 100 <= tolerance_percent * wanted


def share_out(bought, wishes, *, grain, weighed, leader, seed):
    """Quantity for each person of what was bought of one product.

    A shortage, or a small weighing difference, is divided in proportion to the wishes. In a surplus everyone gets their
    wish, and the rest goes to `leader`, who need not have a wish.
    """
    wanted = sum(wishes.values(), Decimal(0))
    if bought <= wanted or weighed:
        return split(bought, wishes, grain=grain, seed=seed)
    return wishes | {leader: wishes.get(leader, Decimal(0)) + bought - wanted}


def _grains(value, grain):
    grains = value / grain
    if grains != int(grains):
        raise ValueError(f"{value} is no multiple of {grain}")
    return int(grains)


def _hundredths(weight):
    return _grains(weight, Decimal("0.01"))


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


def whole_packs(quantity, pack):
    """`quantity` rounded up to whole packs."""
    return (quantity / pack).to_integral_value(ROUND_CEILING) * pack if pack else quantity
