"""Which products, and which stores, look the same: their names share most trigrams, and no number differs.

Found by the trigram indexes, for the rows that are asked about only: comparing everything with everything would keep
the worker busy for minutes in a large catalogue.
"""

from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, models
from django.db.models import F, OuterRef, Q, Value
from django.db.models.functions import MD5, JSONObject
from django.db.models.lookups import Exact

from stores.models import Folded, Product, ProductAlias, ProductPair, Store, StorePair

ALIKE = 0.6  # trigrams that two names share, from 0 to 1
MOST = 10  # names that one name resembles: of a series, any more would only be in the way
PAIRS = {Product: ProductPair, Store: StorePair}
# Two rows that differ in these are never the same.
SAME = {Product: ("unit", "kind"), Store: ("currency",)}


class Numbers(models.Func):
    """The numbers in a folded text: "milk 1 5%" and "milk 3 5%" are two things, however similar they look."""

    template = r"btrim(regexp_replace(%(expressions)s, '[^0-9]+', ' ', 'g'))"
    output_field = models.TextField()


@dataclass(frozen=True)
class Names:
    """Rows of `model` with a `text` of trigrams. Each is a name of the row in `of`, reached by the `path`."""

    model: type
    text: str
    of: str = "pk"
    path: str = ""


OWN, OTHER = Names(Product, "search_text"), Names(ProductAlias, "key", "product_id", "product__")
STORES = Names(Store, "search_text")
COMPARED = {Product: ((OWN, OWN), (OWN, OTHER), (OTHER, OWN)), Store: ((STORES, STORES),)}


def not_compared(model):
    """Rows that are new, renamed or changed since they were compared, the newest first.

    `compare_as` is the digest of how they are now.
    """
    parts = ["search_text", *SAME[model]]
    if model is Product:
        names = ProductAlias.objects.filter(product=OuterRef("pk")).order_by("key").values("key")
        parts.append(_joined("array_to_string", ArraySubquery(names), Value("|")))
    digest = MD5(_joined("concat_ws", Value("|"), *parts))
    return model.objects.annotate(compare_as=digest).exclude(compared_as=F("compare_as")).order_by("-pk")


def _joined(function, *expressions):
    return models.Func(*expressions, function=function, output_field=models.TextField())


def alike(model, keys):
    """Pairs of the rows `keys` with any others: `{(older, newer): likeness}`. Only in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, true)", [str(ALIKE)])
    pairs = {}
    for mine, theirs in COMPARED[model]:
        for key, found in _resembled(mine, theirs, SAME[model]).filter(**{f"{mine.of}__in": keys}):
            for other in found:
                pair = min(key, other["key"]), max(key, other["key"])
                pairs[pair] = max(other["likeness"], pairs.get(pair, 0))
    return pairs


def _resembled(mine, theirs, same):
    """For each name of `mine`, the row it belongs to and what it resembles of `theirs`."""
    others = theirs.model.objects.filter(
        **{f"{theirs.text}__trigram_similar": OuterRef(mine.text)},
        **{f"{theirs.path}{column}": OuterRef(f"{mine.path}{column}") for column in same},
    ).exclude(**{theirs.of: OuterRef(mine.of)})
    numbers = Numbers(Folded("name"))
    no_number_differs = Q(numbers=OuterRef("numbers")) | Q(numbers="") | Q(Exact(OuterRef("numbers"), Value("")))
    found = (
        others.annotate(numbers=numbers, likeness=TrigramSimilarity(theirs.text, OuterRef(mine.text)))
        .filter(no_number_differs)
        .order_by("-likeness", "-pk")
        .values(found=JSONObject(key=theirs.of, likeness="likeness"))
    )
    named = mine.model.objects.annotate(numbers=numbers, found=ArraySubquery(found[:MOST]))
    return named.values_list(mine.of, "found")
