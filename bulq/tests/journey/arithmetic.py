"""What everyone must owe, computed independently: whole cents and hundredths, nothing imported from the project."""

from collections import defaultdict


def proportional(total, weights):
    """Shares of a whole number by weight, to the last unit; the numbers of the journey leave no ties."""
    whole = sum(weights.values())
    exact = {name: total * weight for name, weight in weights.items()}
    shares = {name: value // whole for name, value in exact.items()}
    rests = sorted(((value % whole, name) for name, value in exact.items()), reverse=True)
    missing = total - sum(shares.values())
    if 0 < missing < len(rests):
        assert rests[missing - 1][0] > rests[missing][0], "a tie: choose other numbers for the journey"
    for _rest, name in rests[:missing]:
        shares[name] += 1
    return shares


def debts(lines, extra):
    """Cents by person. A line is (cents paid, {person: hundredths of a unit received}); extra costs go by value."""
    goods = defaultdict(int)
    for paid, received in lines:
        for name, cents in proportional(paid, received).items():
            goods[name] += cents
    goods = {name: cents for name, cents in goods.items() if cents}
    shares = proportional(extra, goods)
    return {name: goods[name] + shares[name] for name in goods}


def euros(cents):
    return f"€{cents // 100:,}.{cents % 100:02}"
