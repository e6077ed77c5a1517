"""Which backups are kept: the newest of each of the last days, weeks and months."""

from collections.abc import Mapping
from datetime import datetime

PERIODS = {
    "daily": lambda time: time.date(),
    "weekly": lambda time: time.isocalendar()[:2],
    "monthly": lambda time: (time.year, time.month),
}
FEWEST = 3


def kept(times: Mapping[str, datetime], policy: Mapping[str, int]) -> set[str]:
    """Keys of the verified backups (key: when, in UTC) that some rule keeps; never fewer than the newest three.

    A rule `{"daily": 7}` keeps the newest backup of each of the last seven days on which there was one, so that
    nights without a backup cost none of the older ones.
    """
    newest_first = sorted(times, key=lambda key: (times[key], key), reverse=True)
    keep = set(newest_first[:FEWEST])
    for rule, count in policy.items():
        newest = {}
        for key in newest_first:
            newest.setdefault(PERIODS[rule](times[key]), key)
        keep.update(list(newest.values())[:count])
    return keep
