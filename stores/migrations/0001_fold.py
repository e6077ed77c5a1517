from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

# unaccent() is only STABLE, because its dictionary could be changed; naming the dictionary makes it safe to call
# it immutable, which indexes and generated columns ask for. The names are qualified so that pg_restore, which
# works without a search path, finds them.
CREATE = """
CREATE FUNCTION bulq_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, $1));
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        migrations.RunSQL(CREATE, "DROP FUNCTION bulq_fold(text)"),
    ]
