"""The bytes of a file as text: which encoding it has, and its lines, however long they are."""

import codecs
import io

from stores.actions.uploads import refuse_size

ENCODINGS = ("utf-8", "utf-16", "cp1250", "cp1251", "cp1252")
UNREADABLE = "\ufffd"
LONGEST_LINE = 20_000  # characters
CHUNK = 1 << 16
# Bytes that are letters of the languages written in one of the two encodings, and rare letters in the other: è æ ð in
# cp1252 are č ć đ in cp1250. The last four are š and ž in both, but where they are used, so are the others.
IN_CP1250 = bytes.fromhex("e8 e6 f0 c8 c6 d0 9a 9e 8a 8e")
IN_CP1252 = bytes.fromhex("e0 e3 e5 ea ec ef f1 f2 f5 f8 f9 fb")


def size_of(file):
    """The size of a file in bytes, with a sentence when there is nothing in it or too much."""
    size = file.seek(0, io.SEEK_END)
    refuse_size(size)
    return size


def encoding_of(file):
    """UTF-8 if it is; otherwise cp1250 or cp1252, whichever has more letters of its languages.

    No error tells those two apart, because nearly every byte is a letter in both.
    """
    file.seek(0)
    start = file.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    utf8, counts = codecs.getincrementaldecoder("utf-8")(), {"cp1250": 0, "cp1252": 0}
    file.seek(0)
    while chunk := file.read(CHUNK):
        counts["cp1250"] += sum(chunk.count(letter) for letter in IN_CP1250)
        counts["cp1252"] += sum(chunk.count(letter) for letter in IN_CP1252)
        utf8 = utf8 and _decodes(utf8, chunk)
    if utf8 and _decodes(utf8, b"", final=True):
        return "utf-8"
    return "cp1252" if counts["cp1252"] >= max(1, counts["cp1250"]) else "cp1250"


def _decodes(decoder, chunk, *, final=False):
    """The decoder, or None when it cannot read the chunk."""
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return None
    return decoder


def lines_of(file, encoding):
    """`(number, text)` of each line, counted from 1; None instead of the text of one that is too long.

    Bytes that are no letters of the encoding become `UNREADABLE`.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    number = 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) < LONGEST_LINE or line.endswith("\n"):
                yield number, line
                continue
            while line and not line.endswith("\n"):
                line = text.readline(CHUNK)
            yield number, None
    finally:
        if not file.closed:
            text.detach()  # otherwise it would close the file
