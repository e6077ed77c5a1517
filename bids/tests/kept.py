"""Scenes that many tests begin with: built once by the app's own actions, then restored by one statement."""

import copy
import json
from functools import cache, wraps

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from stores.models import Store
from stores.models.generations import PRODUCTS, STORES, renew

APPS = ("accounts", "stores", "bids", "bulq")
# A test has done something already if there are rows in one of these.
FIRST = ("accounts_user", "accounts_group", "stores_store", "stores_product")


def kept(build):
    """Build it again only where it cannot be restored: next to other rows, outside a transaction, or on another day."""
    copies = {}

    @wraps(build)
    def wrapper(*args, **kwargs):
        if not connection.in_atomic_block or not _is_untouched():
            return build(*args, **kwargs)
        before = _rows()
        key = (args, tuple(sorted(kwargs.items())), json.dumps(before), timezone.localdate())
        if key not in copies:
            made = build(*args, **kwargs)
            after = _rows()
            new = {table: rows for table, rows in after.items() if rows != before[table]}
            copies[key] = copy.deepcopy(made), new, timezone.now()
            return made
        made, new, then = copies[key]
        passed = timezone.now() - then
        _put_back(new, passed)
        return _later(copy.deepcopy(made), passed)

    return wrapper


@cache
def _tables():
    """The writable columns of each table, and whether each holds a time."""
    found = {}
    for label in APPS:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            fields = [field for field in model._meta.concrete_fields if not field.generated]
            found[model._meta.db_table] = {field.column: isinstance(field, models.DateTimeField) for field in fields}
    return found


def _is_untouched():
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + " OR ".join(f"EXISTS (SELECT FROM {table})" for table in FIRST))
        return not cursor.fetchone()[0]


def _rows():
    """The content of every table as JSON text, which loses no digit of a number or a time."""
    parts = [f"(SELECT json_agg(row)::text FROM {table} row)" for table in _tables()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts))
        return dict(zip(_tables(), cursor.fetchone(), strict=True))


def _put_back(new, passed):
    tables, statements, parameters = _tables(), [], []
    for table, rows in new.items():
        columns = ", ".join(f'"{name}"' for name in tables[table])
        values = ", ".join(f'"{name}" + %s' if is_time else f'"{name}"' for name, is_time in tables[table].items())
        statements += [
            f"DELETE FROM {table}",
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM json_populate_recordset(NULL::{table}, %s)",
        ]
        parameters += [*[passed for is_time in tables[table].values() if is_time], rows or "[]"]
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements), parameters)
    # What an earlier test has cached does not belong to these rows.
    renew(Store, list(Store.objects.values_list("pk", flat=True)), [STORES, PRODUCTS])


def _later(made, passed):
    """The same objects, with times moved on as much as those of their rows."""
    seen, todo = set(), [made]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, models.Model):
            for field in item._meta.concrete_fields:
                if isinstance(field, models.DateTimeField) and item.__dict__.get(field.attname):
                    item.__dict__[field.attname] += passed
            todo += item._state.fields_cache.values()
        elif item is not None:
            todo += [part for part in vars(item).values() if isinstance(part, models.Model)]
    return made
