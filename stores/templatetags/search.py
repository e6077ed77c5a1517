"""Names in what a search has found."""

import re
import unicodedata

from django import template

register = template.Library()


@register.filter
def pieces(name, text):
    """`name` in pieces `(piece, is it the beginning of a word that was looked for)`, so that a page can mark them.

    For the eye only: what is found is decided by the database, which also knows scripts and spellings.
    """
    begun = [_plain(word) for word in text.split()]
    pieces = []
    for word in re.findall(r"\w+|\W+", name):
        lengths = [len(start) for start in begun if start and _plain(word).startswith(start)]
        cut = max(lengths, default=0)
        pieces += [(word[:cut], True)] if cut else []
        pieces += [(word[cut:], False)] if word[cut:] else []
    return pieces


def _plain(word):
    """One letter for each letter, without case and diacritics."""
    return "".join(unicodedata.normalize("NFKD", letter)[0].lower()[0] for letter in word)
