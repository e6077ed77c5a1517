"""A store's catalogue from a CSV file.

`text` finds out the encoding, `table` the rows, `columns` what is what, `lines` checks each line by itself, and `bring`
gives them to the action (stores/actions/importing.py), 1,000 at a time.
"""

from .bringing import Report, bring, check
from .columns import NAMES, parse_mapping
from .text import ENCODINGS

__all__ = ["ENCODINGS", "NAMES", "Report", "bring", "check", "parse_mapping"]
