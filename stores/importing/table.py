"""A CSV file as rows of cells."""

import csv
from collections import deque
from dataclasses import dataclass

from django.utils.translation import gettext as _

from bulq.kit.errors import BulqError
from bulq.kit.tables import text_of

from .text import LONGEST_LINE, UNREADABLE, encoding_of, lines_of, size_of

SEPARATORS = ",;\t"
MOST_LINES = 10  # of one row, when cells contain line breaks


@dataclass(slots=True)
class Row:
    """The cells of a row that begins in line `number`, or the `problem` because of which it has none."""

    number: int
    cells: list[str]
    problem: str = ""


class Table:
    """The first line with anything in it has the names of the columns; rows without any text are left out."""

    def __init__(self, file, encoding=""):
        self.file = file
        self.size = size_of(file)
        self.encoding, self.is_encoding_given = encoding or encoding_of(file), bool(encoding)
        self._lines = lines_of(file, self.encoding)
        self._waiting = deque()
        self.columns = None
        self.columns = self._header()

    @property
    def part_read(self):
        return min(1.0, self.file.tell() / self.size)

    def _header(self):
        for number, line in self._lines:
            if line is None:
                raise BulqError(
                    _("The first line is too long. It has to contain the names of the columns."), field="file"
                )
            if line.strip(f"{SEPARATORS}\r\n "):
                self.separator = separator_of(line)
                row = self._row(number, line)
                if row.problem:
                    raise BulqError(_("The first line can't be read. Is this a CSV file?"), field="file")
                return row.cells
        raise BulqError(_("This file is empty."), field="file")

    def rows(self):
        while (line := self._next()) is not None:
            row = self._row(*line)
            if row.problem or any(row.cells):
                yield row

    def _next(self):
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def _row(self, number, line):
        if line is None:
            return Row(number, [], _("This line has more than %(most)d characters.") % {"most": LONGEST_LINE})
        if UNREADABLE in line:
            sentence = _("This line has characters that can't be read as %(encoding)s.")
            return Row(number, [], sentence % {"encoding": self.encoding})
        if (cells := self._cells(line)) is None:
            cells = self._cells_of_several(line)
        if cells is None:
            return Row(number, [], _("A quotation mark in this line is not closed, or stands within a cell."))
        return self._fitting(number, [text_of(cell.strip()) for cell in cells])

    def _cells_of_several(self, line):
        """The cells when a line break is within quotation marks; the lines that do not belong to them wait."""
        following = []
        for _attempt in range(MOST_LINES - 1):
            if (after := self._next()) is None:
                break
            following.append(after)
            line += after[1] or UNREADABLE
            if len(line) > LONGEST_LINE or UNREADABLE in line:
                break
            if (cells := self._cells(line)) is not None:
                return cells
        self._waiting.extendleft(reversed(following))
        return None

    def _cells(self, text):
        try:
            # Strict, or a quotation mark that is not closed would take in the rest of the file.
            return next(csv.reader([text], delimiter=self.separator, strict=True), [])
        except csv.Error:
            return None

    def _fitting(self, number, cells):
        width = len(cells if self.columns is None else self.columns)
        if any(cells[width:]):
            return Row(number, [], _("This line has more cells than there are columns."))
        return Row(number, [*cells[:width], *[""] * (width - len(cells))])


def separator_of(header):
    """The one of comma, semicolon and tab that is there most often outside quotation marks."""
    outside = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=outside.count)
