"""What the statements of prepared querysets say (bulq/kit/prepared.py): a query of them is EXECUTE and a name."""

from django.db import connection


def written_out(sql):
    """The statement itself, where the connection has planned it."""
    if not sql.startswith("EXECUTE bulq_"):
        return sql
    asked = "SELECT statement FROM pg_prepared_statements WHERE name = %s"
    return connection.connection.execute(asked, [sql.split()[1]]).fetchone()[0]
