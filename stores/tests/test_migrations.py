"""O3: the migrations of this app go forward, back and forward again."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from stores.models import Product

from .factories import make_offer, make_product, make_store


def migrate(*targets):
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())


def schema():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, is_nullable, generation_expression"
            " FROM information_schema.columns WHERE table_name LIKE 'stores\\_%' ORDER BY 1, 2"
        )
        columns = cursor.fetchall()
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'stores\\_%' ORDER BY 1"
        )
        constraints = [row for row in cursor.fetchall() if "FOREIGN KEY" not in row[1]]
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'stores\\_%' ORDER BY 1")
        return columns, constraints, cursor.fetchall()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_forward_back_and_forward_again_makes_the_same_tables():
    make_offer(make_product("Čaj"), make_store(), price=1)
    before = schema()
    try:
        migrate(("stores", "0001_fold"))
        assert schema() == ([], [], [])
        migrate(("stores", None))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_proc WHERE proname = 'bulq_fold'")
            assert cursor.fetchone() == (0,)
    finally:
        migrate()
    assert schema() == before
    make_product("Čaj")
    assert Product.objects.search("caj").count() == 1


def test_no_migration_is_missing(db):
    call_command("makemigrations", "stores", check=True, dry_run=True, verbosity=0, skip_checks=True)
