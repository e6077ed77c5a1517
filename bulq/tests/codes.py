"""Reads a QR code as drawn on a page, by a library that knows nothing of the one that drew it."""

import re

import zxingcpp

SCALE = 4


def read(size, path):
    """The bytes in a code: a square of `size`, and the lines of its path."""
    side = size * SCALE
    dots = bytearray(b"\xff" * side * side)
    for start, y, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path):
        for row in range(int(y) * SCALE, (int(y) + 1) * SCALE):
            first = row * side + int(start) * SCALE
            dots[first : first + int(length) * SCALE] = bytes(int(length) * SCALE)
    found = zxingcpp.read_barcodes(memoryview(dots).cast("B", (side, side)))
    assert len(found) == 1, "no code, or more than one"
    return found[0]


def codes_on(page):
    """What each code on a page says."""
    drawn = re.findall(r'viewBox="0 0 (\d+) \1"[^>]*><path stroke="#000" d="([^"]+)"', page)
    return [read(int(size), path).bytes.decode() for size, path in drawn]
