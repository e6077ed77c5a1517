"""The whole of an import, or a rehearsal of it."""

from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from stores.actions.importing import SKIPPED, Import, Refused

from .columns import positions
from .lines import Reader
from .table import Table
from .text import UNREADABLE

BATCH = 1000  # lines in a transaction
MOST_REASONS = 1000
MOST_EXAMPLES = 5
RIVALS = {"cp1250": "cp1252", "cp1252": "cp1250"}  # which of the two is a guess


@dataclass
class Report:
    """What became of the lines."""

    encoding: str
    rival: str  # the other encoding it could be, if it was guessed
    headings: list[str]
    places: dict[str, int]
    counts: Counter = field(default_factory=Counter)
    reasons: list[tuple[int, str]] = field(default_factory=list)  # line and why it was skipped: the first 1,000
    examples: list[tuple[str, str]] = field(default_factory=list)  # names as they were read, and as they could be

    @property
    def lines(self):
        return self.counts.total()

    @property
    def is_anything_read(self):
        return self.lines > self.counts[SKIPPED]

    @property
    def not_read(self):
        """Headings of columns that are left out."""
        places = self.places.values()
        return [heading for place, heading in enumerate(self.headings) if heading and place not in places]

    def add(self, number, name, outcome, reason):
        self.counts[outcome] += 1
        if outcome == SKIPPED and len(self.reasons) < MOST_REASONS:
            self.reasons.append((number, reason))
        if self.rival and name and len(self.examples) < MOST_EXAMPLES:
            other = name.encode(self.encoding).decode(self.rival, "replace")
            if other != name and UNREADABLE not in other:
                self.examples.append((name, other))


def check(file, encoding="", mapping=None):
    """Refuse a file by how it begins: `BulqError` if it is no table with names of products."""
    positions(Table(file, encoding).columns, mapping or {})


def bring(file, store, *, by=None, is_rehearsal=False, encoding="", mapping=None, on_line=None, on_batch=None):
    """Bring the binary `file`, which can be read twice. Refused as a whole when it is no table with names of products.

    `mapping` names columns (`parse_mapping`). `on_line(number, name, outcome, reason)` is called for each line,
    `on_batch(part)` with the part of the file that is done, from 0 to 1; both in the transaction of their lines. When a
    batch is refused, what was written before stays, and bringing the file again goes on from there.
    """
    table = Table(file, encoding)
    places = positions(table.columns, mapping or {})
    reader, job = Reader(store, table.columns, places), Import(store, by=by, is_rehearsal=is_rehearsal)
    rival = "" if table.is_encoding_given else RIVALS.get(table.encoding, "")
    report = Report(table.encoding, rival, table.columns, places)
    with _taken_back() if is_rehearsal else nullcontext():
        for rows in _batches(table.rows()):
            with transaction.atomic():
                for number, name, outcome, reason in _write(rows, reader, job):
                    report.add(number, name, outcome, reason)
                    if on_line:
                        on_line(number, name, outcome, reason)
                if on_batch:
                    on_batch(table.part_read)
    return report


@contextmanager
def _taken_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _batches(rows):
    while batch := list(islice(rows, BATCH)):
        yield batch


def _write(rows, reader, job):
    """`[(number, name, outcome, reason)]` of the rows, in their order."""
    lines, results = [], {}
    for row in rows:
        try:
            lines.append(reader.line(row))
        except Refused as refusal:
            results[row.number] = ("", SKIPPED, str(refusal))
    for line, result in zip(lines, job.write(lines), strict=True):
        results[line.number] = (line.name, *result)
    return [(row.number, *results[row.number]) for row in rows]
