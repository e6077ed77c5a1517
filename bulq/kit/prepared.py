"""Querysets that are compiled to SQL once per process instead of at each call.

Django builds and compiles a queryset anew whenever it is evaluated, which for a query with several joins costs more
than running it. Here a queryset is written as a function of its parameters, with the ORM as anywhere else; the first
call compiles it with placeholders, later ones only bind values.
"""

from copy import copy
from functools import wraps
from inspect import signature

from django.db import DEFAULT_DB_ALIAS, connection
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


class _Compiled:
    def __init__(self, queryset):
        self.queryset = queryset
        self.compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, self.params = self.compiler.as_sql()
        columns = [column[0] for column in self.compiler.select[: self.compiler.col_count]]
        self.converters = self.compiler.get_converters(columns)

    def rows(self, values):
        """The rows of an ordinary queryset whose compiler has already done its work."""
        bound = tuple(values[param.name] if isinstance(param, Param) else param for param in self.params)
        compiler, query = copy(self.compiler), copy(self.queryset.query)
        compiler.connection, compiler.as_sql = connection, lambda *_args, **_options: (self.sql, bound)
        compiler.get_converters = lambda _columns: self.converters
        query.get_compiler = lambda *_args, **_options: compiler
        rows = type(self.queryset)(model=self.queryset.model, query=query)
        rows._iterable_class, rows._fields = self.queryset._iterable_class, self.queryset._fields
        rows._prefetch_related_lookups = self.queryset._prefetch_related_lookups
        return list(rows)
