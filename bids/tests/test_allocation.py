"""D2: shares add up, to the last grain, and are fair. Pure arithmetic, so no database."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import assume, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from bids.allocation import agrees, odd_shares, split, total_for

CENT, ONE = Decimal("0.01"), Decimal(1)


def multiples(grain, *, low=0, high=100_000):
    return st.integers(low, high).map(lambda count: count * grain)


grains = st.sampled_from([CENT, ONE])
people = st.integers(1, 10_000)
weights = st.dictionaries(people, multiples(CENT), min_size=1, max_size=12)
seeds = st.text(max_size=8)


def rounded_apart(total, weights, *, grain, seed):
    """Negative control: the obvious code. Each share is right, but their sum is not."""
    whole = sum(weights.values()) or len(weights)
    return {
        person: (total * (weight or (1 if whole == len(weights) else 0)) / whole).quantize(grain, ROUND_HALF_UP)
        for person, weight in weights.items()
    }


def adds_up(division, total, weights, grain, seed="run:product"):
    return sum(division(total, weights, grain=grain, seed=seed).values()) == total


@given(st.integers(-10_000_000, 999_999_999), weights, grains, seeds)
@example(total=1, weights={1: Decimal(0), 2: Decimal(0)}, grain=ONE, seed="")
def test_shares_add_up_to_the_last_minor_unit(total, weights, grain, seed):
    """D2."""
    assert adds_up(split, total * grain, weights, grain, seed)


@given(
    st.integers(-100_000, 100_000), st.dictionaries(people, multiples(CENT, high=12), min_size=1, max_size=6), grains
)
def test_a_share_was_drawn_by_lot_exactly_where_another_seed_can_change_it(total, weights, grain):
    """What is not exact was rounded up or down; with equal remainders the hash decided, otherwise no hash can."""
    shares = split(total * grain, weights, grain=grain, seed="1")
    odd, whole = odd_shares(weights, shares, grain=grain), sum(weights.values())
    by_seed = [split(total * grain, weights, grain=grain, seed=str(number)) for number in range(64)]
    for person, share in shares.items():
        exact = total * grain * (weights[person] / whole if whole else 1 / Decimal(len(weights)))
        assert (person in odd) == (abs(exact - share) > grain / 10_000)
        if person in odd:
            assert odd[person].is_up == (abs(share) > abs(exact))
        is_drawn = len({shares[person] for shares in by_seed}) > 1
        assert is_drawn == (person in odd and odd[person].is_by_lot)


def test_rounding_each_share_by_itself_does_not_add_up():
    """Negative control: Hypothesis finds a wrong sum, in cents and in yen."""
    three = st.dictionaries(people, multiples(CENT, low=1), min_size=2, max_size=6)
    for grain in (CENT, ONE):
        parts = find(
            st.tuples(st.integers(1, 10_000), three),
            lambda case, grain=grain: not adds_up(rounded_apart, case[0] * grain, case[1], grain),
        )
        assert adds_up(split, parts[0] * grain, parts[1], grain)


@given(st.integers(0, 10**9), weights, grains)
def test_each_share_is_a_multiple_of_the_grain_and_within_one_of_its_quota(total, weights, grain):
    """D2: never negative, and nobody is more than a grain away from their exact share."""
    shares, whole = split(total * grain, weights, grain=grain, seed="s"), sum(weights.values())
    for person, share in shares.items():
        assert share >= 0
        assert share % grain == 0
        weight = weights[person] if whole else ONE
        assert abs(share * (whole or len(weights)) - total * grain * weight) < grain * (whole or len(weights))


@given(st.integers(0, 10**9), weights, grains)
def test_a_discount_is_divided_like_its_opposite(total, weights, grain):
    """D2."""
    shares = split(total * grain, weights, grain=grain, seed="s")
    assert split(-total * grain, weights, grain=grain, seed="s") == {person: -share for person, share in shares.items()}


@given(st.data(), weights)
def test_a_discount_of_at_most_the_goods_leaves_nobody_below_zero(data, goods):
    """D2, spec 60."""
    discount = data.draw(st.integers(0, int(sum(goods.values()) / CENT))) * CENT
    shares = split(-discount, goods, grain=CENT, seed="s")
    assert all(goods[person] + share >= 0 for person, share in shares.items())


@given(st.integers(0, 10**6), weights, grains, st.randoms(use_true_random=False))
def test_the_order_of_the_people_changes_nothing(total, weights, grain, random):
    """D2."""
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    first, second = (split(total * grain, rows, grain=grain, seed="s") for rows in (weights, dict(shuffled)))
    assert first == second


def split_by_position(total, weights, *, grain, seed):
    """Negative control: the same split, its ties decided by who comes first in the input."""
    places = {person: place for place, person in enumerate(weights)}
    shares = split(total, {places[person]: weight for person, weight in weights.items()}, grain=grain, seed=seed)
    return {person: shares[places[person]] for person in weights}


def test_a_split_that_looks_at_positions_is_caught():
    """Negative control of the property above."""

    def depends_on_order(people):
        weights = dict.fromkeys(people, ONE)
        turned = dict(reversed(weights.items()))
        return split_by_position(ONE, weights, grain=ONE, seed="s") != split_by_position(
            ONE, turned, grain=ONE, seed="s"
        )

    people_in_order = st.lists(people, min_size=2, max_size=4, unique=True)
    assert find(people_in_order, depends_on_order)
    with pytest.raises(NoSuchExample):
        find(
            people_in_order,
            lambda people: (
                split(ONE, dict.fromkeys(people, ONE), grain=ONE, seed="s")
                != split(ONE, dict.fromkeys(reversed(people), ONE), grain=ONE, seed="s")
            ),
            settings=settings(max_examples=300, database=None),
        )


def test_ties_fall_differently_in_different_runs_and_the_same_in_the_same():
    """Spec 6: a hash of run, product and person decides, so nobody is lucky every time."""
    equal = dict.fromkeys(range(1, 6), ONE)

    def lucky(seed):
        return next(person for person, share in split(ONE, equal, grain=ONE, seed=seed).items() if share)

    winners = [lucky(f"{run}:7") for run in range(400)]
    assert winners == [lucky(f"{run}:7") for run in range(400)]
    assert all(40 <= winners.count(person) <= 120 for person in equal)


def test_yen_have_no_fractions():
    shares = split(Decimal(1000), {1: ONE, 2: ONE, 3: ONE}, grain=ONE, seed="s")
    assert sorted(shares.values()) == [333, 333, 334]
    with pytest.raises(ValueError, match="no multiple"):
        split(Decimal("10.50"), {1: ONE}, grain=ONE, seed="s")


def test_zero_can_be_divided_among_nobody_but_nothing_else_can():
    assert split(Decimal(0), {}, grain=CENT, seed="s") == {}
    with pytest.raises(ValueError, match="nobody"):
        split(CENT, {}, grain=CENT, seed="s")


def test_where_all_weights_are_zero_they_count_as_equal():
    nothing = dict.fromkeys("abc", Decimal(0))
    assert sorted(split(Decimal("0.08"), nothing, grain=CENT, seed="s").values()) == [
        Decimal("0.02"),
        Decimal("0.03"),
        Decimal("0.03"),
    ]


@pytest.mark.parametrize(
    ("quantity", "price", "per", "grain", "total"),
    [
        ("3", "2.50", "1", CENT, "7.50"),
        ("0.33", "1.50", "1", CENT, "0.50"),  # 0.495 goes up
        ("0.5", "0.01", "1", CENT, "0.01"),  # 0.005 goes up
        ("7", "10.00", "12", CENT, "5.83"),
        ("0.5", "333", "1", ONE, "167"),
        ("1.5", "99", "1", ONE, "149"),
    ],
)
def test_a_price_times_a_quantity_is_rounded_half_up(quantity, price, per, grain, total):
    """Spec 52."""
    assert total_for(Decimal(quantity), Decimal(price), per=Decimal(per), grain=grain) == Decimal(total)


@pytest.mark.parametrize(
    ("total", "quantity", "price", "per", "expected"),
    [
        ("7.50", "3", "2.50", "1", True),
        ("7.51", "3", "2.50", "1", True),  # 7.51 / 3 is 2.50 as well
        ("7.49", "3", "2.50", "1", True),
        ("7.52", "3", "2.50", "1", False),
        ("10.00", "12", "10.00", "12", True),
        ("5.83", "7", "10.00", "12", True),
        ("5.82", "7", "10.00", "12", False),  # 9.98 for a pack
    ],
)
def test_a_total_and_a_price_agree_when_either_rounds_to_the_other(total, quantity, price, per, expected):
    """Spec 52."""
    typed = Decimal(total), Decimal(quantity), Decimal(price)
    assert agrees(*typed, per=Decimal(per), grain=CENT) is expected


@given(multiples(CENT, low=1), multiples(CENT, low=1), multiples(CENT, low=1, high=5000), grains)
def test_a_total_computed_from_a_price_always_agrees_with_it(quantity, price, per, grain):
    assume(price % grain == 0)
    assert agrees(total_for(quantity, price, per=per, grain=grain), quantity, price, per=per, grain=grain)
