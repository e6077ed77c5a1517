"""P1: who gets how much of what was bought (spec 34, 75 to 79). Pure arithmetic, so no database."""

import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import assume, find, given
from hypothesis import strategies as st

from bids.allocation import Want, divide, matches, packs_to_buy, split

CENT, ONE = Decimal("0.01"), Decimal(1)


def want(text):
    """`3`, `2-4`, `5!` for all or nothing."""
    low, _dash, high = text.removesuffix("!").partition("-")
    return Want(Decimal(low), Decimal(high) if high else None, text.endswith("!"))


def wants_of(texts):
    return {person: want(text) for person, text in enumerate(texts.split())}


def shared(bought, texts, *, grain=ONE, tolerance=0, seed="run:product"):
    """Quantities in the order of the wishes, and what is left over."""
    shares = divide(Decimal(bought), wants_of(texts), grain=grain, tolerance_percent=tolerance, seed=seed)
    return " ".join(f"{quantity.normalize():f}" for _person, quantity in sorted(shares.quantities.items())), int(
        shares.left_over
    )


@st.composite
def cases(draw, *, grain=None, most=40, people=8, firm=True):
    """A grain, and what people want in multiples of it."""
    grain = grain or draw(st.sampled_from([CENT, ONE]))
    count = draw(st.integers(1, people))
    wants = {}
    for person in draw(st.lists(st.integers(1, 999), min_size=count, max_size=count, unique=True)):
        quantity, room = draw(st.integers(1, most)), draw(st.one_of(st.just(0), st.integers(1, most)))
        limit = (quantity + room) * grain if room else None
        wants[person] = Want(quantity * grain, limit, firm and draw(st.booleans()))
    return grain, wants


def sums(wants):
    return sum(want.quantity for want in wants.values()), sum(want.most for want in wants.values())


def plain(bought, wants, grain):
    return divide(bought, wants, grain=grain, tolerance_percent=0, seed="s")


@pytest.mark.parametrize(
    ("bought", "wishes", "quantities", "left_over"),
    [
        # The examples of spec 79
        (10, "6 5!", "5 5", 0),
        (10, "3 4! 5", "2 4 4", 0),
        (7, "10 5! 3!", "4 0 3", 0),
        (8, "2 2 2 5!", "2 2 2 0", 2),
        # As wanted; filled by what is fine; more than is fine
        (7, "2 5", "2 5", 0),
        (12, "2-4 5 4-6", "3 5 4", 0),
        (12, "2-4 4-10", "3 9", 0),
        (20, "2-4 7-10", "4 10", 6),
        # All or nothing only
        (4, "5!", "0", 4),
        (9, "5! 5!", None, 4),
        # What those who take less leave goes to another that fits
        (6, "1 1 4! 9!", "1 1 4 0", 0),
    ],
)
def test_examples(bought, wishes, quantities, left_over):
    given_out, left = shared(bought, wishes)
    assert left == left_over
    assert quantities is None or sorted(given_out.split()) == sorted(quantities.split())
    assert quantities is None or len(set(quantities.split())) < len(quantities.split()) or given_out == quantities


def test_the_examples_of_the_documents():
    text = (Path(__file__).resolve().parents[2] / "docs" / "division.md").read_text()
    rows = re.findall(r"^\| ([0-9]+) \| ([0-9! -]+) \| ([0-9 ]+) \| ([0-9]+) \|$", text, re.MULTILINE)
    assert len(rows) == 6
    for bought, wishes, quantities, left_over in rows:
        shares = plain(Decimal(bought), wants_of(wishes), ONE)
        given_out = [quantity for _person, quantity in sorted(shares.quantities.items())]
        expected = [Decimal(quantity) for quantity in quantities.split()]
        assert sum(given_out) == sum(expected)
        assert max(abs(ours - theirs) for ours, theirs in zip(given_out, expected, strict=True)) <= 1  # the lot
        assert shares.left_over == int(left_over)


@given(cases(), st.integers(1, 800))
def test_shares_and_what_is_left_over_add_up_to_what_was_bought(case, parts):
    """Nobody gets less than nothing or more than is fine with them, in whole grains."""
    grain, wants = case
    shares = plain(parts * grain, wants, grain)
    assert sum(shares.quantities.values()) + shares.left_over == parts * grain
    assert shares.quantities.keys() == wants.keys()
    assert shares.left_over >= 0
    for person, quantity in shares.quantities.items():
        assert 0 <= quantity <= wants[person].most
        assert quantity % grain == 0


@given(cases(), st.data())
def test_everybody_is_within_their_range_whenever_that_is_possible(case, data):
    grain, wants = case
    low, high = (int(total / grain) for total in sums(wants))
    bought = data.draw(st.integers(low, high)) * grain
    shares = plain(bought, wants, grain)
    assert shares.left_over == 0
    for person, quantity in shares.quantities.items():
        assert wants[person].quantity <= quantity <= wants[person].most


@given(cases(), st.data())
def test_extras_are_within_a_grain_of_their_exact_part_of_the_room(case, data):
    grain, wants = case
    (low, high), room = sums(wants), None
    assume(high > low)
    bought = data.draw(st.integers(int(low / grain), int(high / grain))) * grain
    shares, extra = plain(bought, wants, grain), bought - low
    for person, quantity in shares.quantities.items():
        room = wants[person].most - wants[person].quantity
        assert abs((quantity - wants[person].quantity) * (high - low) - extra * room) < grain * (high - low)


def first_come(bought, wants):
    """Negative control: extras are given out in the order of ordering."""
    left, quantities = bought - sums(wants)[0], {}
    for person, want in wants.items():
        more = min(want.most - want.quantity, left)
        quantities[person], left = want.quantity + more, left - more
    return quantities


@given(cases(), st.integers(1, 800), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(case, parts, random):
    grain, wants = case
    rows = list(wants.items())
    random.shuffle(rows)
    assert plain(parts * grain, wants, grain) == plain(parts * grain, dict(rows), grain)


def test_first_come_first_served_depends_on_the_order():
    """Negative control of the property above."""

    def depends(case):
        grain, wants = case
        low, high = sums(wants)
        bought = low + ((high - low) / grain / 2).to_integral_value() * grain
        return first_come(bought, wants) != first_come(bought, dict(reversed(wants.items())))

    assert find(cases(), depends)


@given(cases(), st.data())
def test_in_a_shortage_all_or_nothing_means_that(case, data):
    """And those who take less together keep at least their proportional part, but for a grain."""
    grain, wants = case
    wanted, _most = sums(wants)
    bought = data.draw(st.integers(0, int(wanted / grain) - 1)) * grain
    shares = plain(bought, wants, grain).quantities
    for person, wish in wants.items():
        assert 0 <= shares[person] <= wish.quantity
        assert not wish.all_or_nothing or shares[person] in (0, wish.quantity)
    flexible = [person for person, wish in wants.items() if not wish.all_or_nothing]
    theirs = sum(wants[person].quantity for person in flexible)
    assert sum(shares[person] for person in flexible) * wanted > bought * theirs - grain * wanted


def reference(bought, wants):
    """How many wishes of all or nothing their part can meet, by trying every set of them. In whole ones."""
    firm = [int(want.quantity) for want in wants.values() if want.all_or_nothing]
    wanted = sum(int(want.quantity) for want in wants.values())
    part = -(-bought * sum(firm) // wanted)
    sets = (chosen for size in range(len(firm) + 1) for chosen in combinations(firm, size))
    return max(len(chosen) for chosen in sets if sum(chosen) <= part)


@given(cases(grain=ONE, most=6, people=5), st.data())
def test_as_many_as_fit_get_all_of_their_wish(case, data):
    """Against every possible choice."""
    _grain, wants = case
    bought = data.draw(st.integers(0, int(sums(wants)[0]) - 1))
    shares = plain(Decimal(bought), wants, ONE).quantities
    met = sum(want.all_or_nothing and shares[person] > 0 for person, want in wants.items())
    assert met >= reference(bought, wants)


@given(cases(grain=ONE, most=6, people=4, firm=False), st.data())
def test_no_other_division_is_nearer_to_the_exact_parts(case, data):
    """Against every possible division of a shortage, and of extras."""
    _grain, wants = case
    low, high = map(int, sums(wants))
    bought = data.draw(st.integers(0, high))
    bases = [int(want.quantity) if bought >= low else 0 for want in wants.values()]
    rooms = [int(want.most - want.quantity) if bought >= low else int(want.quantity) for want in wants.values()]
    rest, room = bought - sum(bases), sum(rooms)
    assume(room)

    def distance(parts):
        return sum((part * room - rest * own) ** 2 for part, own in zip(parts, rooms, strict=True))

    possible = (parts for parts in product(*(range(own + 1) for own in rooms)) if sum(parts) == rest)
    shares = plain(Decimal(bought), wants, ONE).quantities
    ours = [int(shares[person]) - base for person, base in zip(wants, bases, strict=True)]
    assert distance(ours) == min(map(distance, possible))


@given(cases(), st.integers(1, 400), st.booleans())
def test_what_is_left_over_falls_to_the_leader(case, more, has_wish):
    """Spec 59: even above their own limit, and without a wish."""
    grain, wants = case
    leader = min(wants) if has_wish else 0
    bought = sums(wants)[1] + more * grain
    shares = plain(bought, wants, grain)
    quantities = shares.with_rest_for(leader)
    assert sum(quantities.values()) == bought
    assert quantities.pop(leader) == (wants[leader].most if has_wish else 0) + more * grain
    assert quantities == {person: want.most for person, want in wants.items() if person != leader}


@given(cases(grain=CENT, most=4000), st.integers(0, 1000), st.booleans())
def test_a_small_weighing_difference_is_shared_by_everyone(case, permille, is_more):
    """Spec 34, 78: in proportion to what is wanted or, when there is more than is fine, to the limits."""
    _grain, wants = case
    low, high = sums(wants)
    difference = int((high if is_more else low) / CENT * permille / 10_000) * CENT
    bought = high + difference if is_more else low - difference
    assume(bought != low or bought != high)
    assert matches(bought, low, high, tolerance_percent=10)
    shares = divide(bought, wants, grain=CENT, tolerance_percent=10, seed="s")
    bounds = {person: want.most if is_more else want.quantity for person, want in wants.items()}
    assert shares.left_over == 0
    assert sum(shares.quantities.values()) == bought
    if difference:
        assert shares.quantities == split(bought, bounds, grain=CENT, seed="s")


def test_rounding_up_for_everyone_gives_more_than_was_bought():
    """Negative control of the sum: a shortage with each part rounded by itself."""
    wanted = {1: ONE, 2: ONE, 3: ONE}
    assert sum((Decimal(2) * part / 3).quantize(ONE, ROUND_HALF_UP) for part in wanted.values()) == 3


@pytest.mark.parametrize(
    ("bought", "wanted", "most", "tolerance", "expected"),
    [
        ("5", "5", "5", 0, True),
        ("5", "6", "6", 0, False),
        ("59", "60", "60", 0, False),  # counted goods are not weighed
        ("6", "5", "7", 0, True),
        ("7", "5", "7", 0, True),
        ("8", "5", "7", 0, False),
        ("4.50", "5", "5", 10, True),  # 10 % exactly
        ("4.49", "5", "5", 10, False),
        ("5.50", "5", "5", 10, True),
        ("5.51", "5", "5", 10, False),
        ("5.51", "5", "6", 10, True),
        ("6.60", "5", "6", 10, True),
        ("6.61", "5", "6", 10, False),
        ("1", "0", "0", 10, False),
        ("0", "0", "0", 10, True),
    ],
)
def test_when_a_purchase_counts_as_matching(bought, wanted, most, tolerance, expected):
    """Spec 34, 78."""
    numbers = Decimal(bought), Decimal(wanted), Decimal(most)
    assert matches(*numbers, tolerance_percent=tolerance) is expected


@given(cases(), st.one_of(st.none(), st.integers(1, 5000)))
def test_packs_hold_what_is_wanted_and_no_pack_more(case, parts):
    """Spec 77: what is missing is what nobody has said is fine."""
    grain, wants = case
    (wanted, most), pack = sums(wants), None if parts is None else parts * grain
    packs = packs_to_buy(wanted, most, pack)
    assert packs.units >= wanted
    if pack is None:
        assert (packs.units, packs.missing) == (wanted, 0)
        return
    assert packs.units == packs.count * pack
    assert packs.units - wanted < pack
    assert packs.missing == max(packs.units - most, 0)
    assert (packs.missing == 0) == (packs.units <= most)
