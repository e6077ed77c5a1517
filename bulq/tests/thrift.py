"""Work that every test would repeat with the same result, done once."""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection
from django.test import TransactionTestCase, signals, utils
from psycopg.errors import DeadlockDetected
from whitenoise.middleware import WhiteNoiseMiddleware


def look_for_static_files_once():
    """Every test client creates its own middleware, which would scan all static files: 50 ms."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def add_files_from_finders(self):
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    WhiteNoiseMiddleware.add_files_from_finders = add_files_from_finders


def empty_only_full_tables():
    """Replace TRUNCATE after each test that commits: it makes new files for every table and index, full or not.

    The rows Django itself writes after migrations stay; if a test has changed them, Django's own flush runs.
    """
    flush, last = TransactionTestCase._fixture_teardown, {}
    of_django = [ContentType._meta.db_table, Permission._meta.db_table]

    def _fixture_teardown(self):
        if last.get("rows") != _rows(of_django):
            flush(self)
            last["rows"] = _rows(of_django)
            return
        if full := _full_tables() - set(of_django):
            try:
                _empty(full)
            except OperationalError as error:
                # A page of a browser test may still be answered while its tables are emptied.
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
                _empty(full)

    TransactionTestCase._fixture_teardown = _fixture_teardown


def _empty(tables):
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f'DELETE FROM "{name}"' for name in sorted(tables)))  # one transaction


def _rows(tables):
    parts = [f'(SELECT json_agg(row ORDER BY id)::text FROM "{name}" row)' for name in tables]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts))
        return cursor.fetchone()


def _full_tables():
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    parts = [f'EXISTS (SELECT FROM "{name}")' for name in tables]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts))
        return {name for name, is_full in zip(tables, cursor.fetchone(), strict=True) if is_full}


def tell_of_whole_templates_only():
    """Skip Django's signal for included and extended templates: the test client copies the context for each."""

    def instrumented_test_render(self, context):
        if context.template is self:
            signals.template_rendered.send(sender=self, template=self, context=context)
        return self.nodelist.render(context)

    utils.instrumented_test_render = instrumented_test_render
