"""Querysets that are compiled to SQL once per process, and planned once per connection, instead of at each call.

Django builds and compiles a queryset anew whenever it is evaluated, and PostgreSQL plans it anew; for a query with
several joins each costs more than running it. Here a queryset is written as a function of its parameters, with the ORM
as anywhere else; the first call compiles it with placeholders, and PREPAREs it on its connection; later ones only bind
values.
"""

import hashlib
import re
from copy import copy
from functools import wraps
from inspect import signature
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connection
from django.db.models import Expression, Field, ForeignKey, Lookup


class Param(Expression):
    """Stands in a queryset for a value that is bound later. Values are bound as they are: pass keys, not objects."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def as_sql(self, compiler, connection):
        return "%s", [self]


@Field.register_lookup
@ForeignKey.register_lookup
class EqualsAny(Lookup):
    """`filter(run__any=ids)`: like `in`, but the list is one parameter. Of a relation the keys are given."""

    lookup_name = "any"
    prepare_rhs = False

    def get_db_prep_lookup(self, value, connection):
        return "%s", [list(value)]

    def as_sql(self, compiler, connection):
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        return f"{lhs} = ANY({rhs})", (*lhs_params, *rhs_params)


def prepared(build):
    """Decorate a function that returns a queryset; calling it then returns the list of its rows.

    The function is called once, with a `Param` for each parameter: it must not look at their values. Anything else it
    uses (a clock, a setting, a language) stays as it was then.
    """
    parameters = signature(build)
    compiled = []

    @wraps(build)
    def rows(*args, **kwargs):
        if not compiled:
            compiled.append(_Compiled(build(**{name: Param(name) for name in parameters.parameters})))
        return compiled[0].rows(parameters.bind(*args, **kwargs).arguments)

    return rows


SMALLEST, LARGEST = -(2**63), 2**63 - 1  # of a bigint
# The names of what each connection has planned.
_planned = WeakKeyDictionary()


class _Compiled:
    def __init__(self, queryset):
        self.queryset = queryset
        self.compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = self.compiler.as_sql()
        self.params = [param.name for param in params if isinstance(param, Param)]
        # Other values become part of the plan, which may need to know them.
        self.constants = [param for param in params if not isinstance(param, Param)]
        definition = _numbered(sql, params)
        self.name = f"bulq_{hashlib.sha256(repr((definition, self.constants)).encode()).hexdigest()[:16]}"
        self.prepare = f"PREPARE {self.name} AS {definition}"
        self.execute = f"EXECUTE {self.name}"
        if self.params:
            self.execute += f" ({', '.join(['%s'] * len(self.params))})"
        columns = [column[0] for column in self.compiler.select[: self.compiler.col_count]]
        self.converters = self.compiler.get_converters(columns)

    def rows(self, values):
        """The rows of an ordinary queryset whose compiler has already done its work."""
        bound = tuple([_in_range(values[name]) for name in self.params])
        compiler, query = copy(self.compiler), copy(self.queryset.query)
        compiler.connection, compiler.as_sql = connection, lambda *_args, **_options: (self.execute, bound)
        compiler.get_converters = lambda _columns: self.converters
        query.get_compiler = lambda *_args, **_options: compiler
        rows = type(self.queryset)(model=self.queryset.model, query=query)
        rows._iterable_class, rows._fields = self.queryset._iterable_class, self.queryset._fields
        rows._prefetch_related_lookups = self.queryset._prefetch_related_lookups
        self._plan()
        try:
            return list(rows)
        except NotSupportedError:  # a migration has changed the type of a column: the next request plans anew
            connection.close_at = 0
            raise

    def _plan(self):
        connection.close_if_health_check_failed()  # as each cursor does: it may be replaced by another
        connection.ensure_connection()
        planned = _planned.setdefault(connection.connection, set())
        if self.name not in planned:
            with connection.wrap_database_errors:
                connection.connection.execute(self.prepare, self.constants)
            planned.add(self.name)


def _in_range(value):
    """An address may hold a larger number than any column; no row has the largest."""
    return max(SMALLEST, min(value, LARGEST)) if type(value) is int else value


def _numbered(sql, params):
    """The same statement with $1, $2 ... for parameters; constants and percent signs stay as they are."""
    values, number = iter(params), 0

    def replace(found):
        nonlocal number
        if found[0] == "%%" or not isinstance(next(values), Param):
            return found[0]
        number += 1
        return f"${number}"

    return re.sub("%[%s]", replace, sql)
