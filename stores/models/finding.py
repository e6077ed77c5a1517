"""What a search finds and in which order: one rule for products, their other names, stores and groups.

Folding (case, diacritics, Cyrillic) is done by the database alone, for stored and for sought texts, by two functions
made in the migrations.
"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import TrigramSimilarity, TrigramWordSimilarity
from django.db import connection, models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Concat
from django.db.models.lookups import Exact, GreaterThan

LONGEST_SEARCH = 200
EXACT, BEGINNING, WORD, SIMILAR = range(4)  # ranks of what is found, best first
# How similar words have to be, from 0 to 1: "rise" finds "Rice" (0.4). Shorter texts are not compared like this.
LIKENESS = 0.35
SHORTEST_SIMILAR = 3


class Folded(models.Func):
    """Lower case, Latin letters, no diacritics, single blanks between words."""

    function = "bulq_fold"
    output_field = models.TextField()


class Words(models.Func):
    """The same after a blank, so that one pattern finds the beginning of any word; words with đ as dj and as d."""

    function = "bulq_words"
    output_field = models.TextField()


def trigrams(field, name):
    """The index of a column of `Words`. New rows go straight into it: with a list of those still to be filed, plans
    would read all rows after an import until the next vacuum."""
    return GinIndex(fields=[field], opclasses=["gin_trgm_ops"], fastupdate=False, name=name)


class IsAnyOf(models.Func):
    """`IsAnyOf("pk", ArraySubquery(...))`: unlike `in`, beside other conditions it still uses its index."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY ("
    output_field = models.BooleanField()


class Sought:
    """A text that is looked for in columns made by `Words`: by the beginnings of its words, or by similar words.

    Outside a transaction (no page is) words have to be more similar, as PostgreSQL's own threshold asks.
    """

    def __init__(self, text):
        self.text = " ".join(text.replace("\0", " ").split())[:LONGEST_SEARCH]
        self.whole = Folded(Value(self.text))

    def __bool__(self):
        return bool(self.text)

    def begins(self, words):
        parts = [Concat(Value(" "), Folded(Value(part))) for part in self.text.split()]
        begun = Q(*[Q(**{f"{words}__contains": part}) for part in parts])
        return Q(GreaterThan(self.whole, Value(""))) & begun

    def resembles(self, words):
        """Condition that similar words are there. From now on, until the transaction ends, `LIKENESS` is enough."""
        if len(self.text) < SHORTEST_SIMILAR:
            return self.begins(words)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(LIKENESS)])
        return self.begins(words) | Q(**{f"{words}__trigram_word_similar": self.whole})

    def rank(self, words, is_exact=None):
        """How well a found row matches in `words`; `is_exact` is one more condition for an exact match."""
        whole = Concat(Value(" "), self.whole)
        exact = Q(Exact(F(words), whole))
        return Case(
            When(exact | is_exact if is_exact else exact, then=EXACT),
            When(**{f"{words}__startswith": whole}, then=BEGINNING),
            When(self.begins(words), then=WORD),
            default=SIMILAR,
            output_field=models.IntegerField(),
        )

    def likeness(self, words):
        """From 0 to 2, among rows of one rank."""
        return TrigramWordSimilarity(self.whole, words) + TrigramSimilarity(words, self.whole)
