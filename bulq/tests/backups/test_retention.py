"""B10, B11: which backups stay."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bulq.backups.retention import kept

POLICY = {"daily": 7, "weekly": 4, "monthly": 12}
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def reference(times, policy):
    """Written independently: walk through the periods, and look for the newest in each."""
    keep, everything = set(), sorted(times, key=lambda key: (times[key], key))
    names = {"daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m"}
    for rule, count in policy.items():
        periods = sorted({times[key].strftime(names[rule]) for key in everything})
        for period in periods[len(periods) - min(count, len(periods)) :]:
            keep.add([key for key in everything if times[key].strftime(names[rule]) == period][-1])
    return keep | set(everything[-3:])


@given(st.lists(TIMES, max_size=60), st.dictionaries(st.sampled_from(sorted(POLICY)), st.integers(0, 12)))
def test_the_newest_of_each_day_week_and_month_are_kept(moments, policy):
    """B10."""
    times = {f"key{n}": moment for n, moment in enumerate(moments)}
    assert kept(times, policy) == reference(times, policy)


@given(st.lists(TIMES, min_size=1, max_size=60), st.permutations(range(60)))
def test_neither_the_order_nor_an_empty_policy_loses_the_newest(moments, order):
    """B11: the newest always stays, and never fewer than three."""
    times = {f"key{n}": moment for n, moment in enumerate(moments)}
    shuffled = dict(sorted(times.items(), key=lambda item: order[int(item[0][3:])]))
    assert kept(shuffled, {}) == kept(times, {})
    assert max(times.values()) in {times[key] for key in kept(times, {})}
    assert len(kept(times, {})) == min(3, len(times))


def test_eight_hundred_nights_with_failures():
    """B10: pruning after each success never leaves a gap that the rules would have filled."""
    chance, there, day = Random(7), {}, datetime(2025, 1, 1, 3, tzinfo=UTC)
    for night in range(800):
        now = day + timedelta(days=night, minutes=chance.randint(0, 50))
        if chance.random() < 0.7:
            there[f"b{night}"] = now
            there = {key: there[key] for key in kept(there, POLICY)}
    days = {time.date() for time in there.values()}
    assert len(there) <= 7 + 4 + 12
    assert len([day for day in days if day > (now - timedelta(days=12)).date()]) >= 7
    assert len({(time.year, time.month) for time in there.values()}) == 12
