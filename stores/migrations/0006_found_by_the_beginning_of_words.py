from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models
from django.db.models.functions import Concat

import stores.models

# What searches and sorting compare: the text in lower case, without diacritics and in Latin letters, its words
# separated by single blanks. Nothing here depends on a dictionary or on the collation of the database, so stored keys
# stay right when those change.
FOLD = r"""
CREATE OR REPLACE FUNCTION bulq_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(translate(regexp_replace(normalize(translate(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
        lower(normalize($1, NFKC) COLLATE "pg_c_utf8"),
        'ђ', 'dj'), 'đ', 'dj'), 'љ', 'lj'), 'њ', 'nj'), 'џ', 'dz'), 'ѕ', 'dz'), 'щ', 'sc'), 'ю', 'ju'), 'я', 'ja'),
        'є', 'je'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
    'абвгґдежзиіјйклмнопрстћуфхцчшыэłøıðьъ',
    'abvggdezziijjklmnoprstcufhccsyeloid'), NFKD),
    '[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]', '', 'g'),
    E'-‐‒–—―/\\()[]{}<>",;:.!?&+*=|#~@^„“”«»‚·•''’‘`',
    repeat(' ', 40)), '\s+', ' ', 'g'));
"""
BEFORE = """
CREATE OR REPLACE FUNCTION bulq_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, $1));
"""
# With a leading blank, so that one pattern finds the beginning of any word. Words with đ are there twice: people type
# it as dj and as d.
WORDS = """
CREATE FUNCTION bulq_words(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ' ' || bulq_fold($1) || CASE
    WHEN $1 ~ '[đĐђЂ]' THEN ' ' || bulq_fold(translate($1, 'đĐђЂ', 'dDdD')) ELSE '' END;
"""

TABLES = (("store", "chain"), ("product", "brand"))


def stored(expression):
    return models.GeneratedField(db_persist=True, expression=expression, output_field=models.TextField())


def trigrams(field, name):
    return GinIndex(fields=[field], opclasses=["gin_trgm_ops"], fastupdate=False, name=name)


def written_again(table, besides):
    """Columns whose function has changed, with what `Words` makes of both texts."""
    return [
        migrations.RemoveIndex(table, f"{table}_sort_name"),
        migrations.RemoveIndex(table, f"{table}_search"),
        migrations.RemoveField(table, "sort_name"),
        migrations.RemoveField(table, "search_text"),
        migrations.AddField(table, "sort_name", stored(stores.models.Folded("name"))),
        migrations.AddField(
            table, "search_text", stored(stores.models.Words(Concat("name", models.Value(" "), besides)))
        ),
        migrations.AddIndex(table, models.Index(fields=["sort_name"], name=f"{table}_sort_name")),
        migrations.AddIndex(table, trigrams("search_text", f"{table}_search")),
    ]


class Migration(migrations.Migration):
    dependencies = [("stores", "0005_seen_by_one_clock")]
    operations = [
        migrations.RunSQL(FOLD, migrations.RunSQL.noop),
        migrations.RunSQL(WORDS, "DROP FUNCTION bulq_words(text)"),
        *(step for table in TABLES for step in written_again(*table)),
        # Backwards this comes first, before the columns are written again.
        migrations.RunSQL(migrations.RunSQL.noop, BEFORE),
    ]
