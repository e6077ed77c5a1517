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


def trigrams(table, **options):
    return GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name=f"{table}_search", **options)


def write_again(apps, schema_editor):
    """Columns that remain where they are: one dropped and added again would change its place in the table."""
    for table, _besides in TABLES:
        model = apps.get_model("stores", table)
        for column in ("sort_name", "search_text"):
            sql, params = model._meta.get_field(column).generated_sql(schema_editor.connection)
            expression = sql % tuple(schema_editor.quote_value(value) for value in params)
            schema_editor.execute(
                f"ALTER TABLE {model._meta.db_table} ALTER COLUMN {column} SET EXPRESSION AS ({expression})",
                params=None,
            )


def words_of(table, besides):
    words = stores.models.Words(Concat("name", models.Value(" "), besides))
    column = models.GeneratedField(db_persist=True, expression=words, output_field=models.TextField())
    return [
        migrations.RemoveIndex(table, f"{table}_search"),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField(table, "search_text", column)]),
        migrations.AddIndex(table, trigrams(table, fastupdate=False)),
    ]


class Migration(migrations.Migration):
    dependencies = [("stores", "0005_seen_by_one_clock")]
    operations = [
        migrations.RunSQL(WORDS, "DROP FUNCTION bulq_words(text)"),
        # Backwards after everything but the first: the columns as they were.
        migrations.RunPython(migrations.RunPython.noop, write_again),
        migrations.RunSQL(FOLD, BEFORE),
        *(step for table in TABLES for step in words_of(*table)),
        migrations.RunPython(write_again, migrations.RunPython.noop),
    ]
