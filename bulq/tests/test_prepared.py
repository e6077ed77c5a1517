"""Querysets compiled once (bulq/kit/prepared.py): the same rows as ordinary ones, for any parameters."""

import pytest
from django.db import NotSupportedError, connection, transaction
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext

from accounts.models import Group
from accounts.tests.factories import make_group, make_user
from bids.models import Participation, Run
from bids.tests.cast import stage
from bulq.kit.prepared import prepared

pytestmark = pytest.mark.django_db


def ordinary_runs(user):
    return Run.objects.open().visible_to(user).with_names().order_by("pk")


def names(runs):
    return Participation.objects.filter(run__any=runs).order_by("pk").values_list("run_id", "user__name")


def test_rows_equal_those_of_the_queryset_with_related_objects():
    cast = stage("active")
    stage("shopping")
    runs = prepared(ordinary_runs)
    for person in (cast.alice, cast.dora, cast.charlie):
        found, expected = runs(person.pk), list(ordinary_runs(person))
        assert found == expected
        with CaptureQueriesContext(connection) as queries:
            assert [(run.store.name, run.group.name) for run in found] == [
                (run.store.name, run.group.name) for run in expected
            ]
        assert len(queries) == 0
    assert runs(user=cast.alice.pk) == runs(cast.alice.pk)


def test_a_list_is_one_parameter():
    first, second = stage("active").run, stage("active").run
    people = prepared(names)
    for runs in ([], [first.pk], [first.pk, second.pk], [first.pk, 0]):
        assert people(runs) == list(
            Participation.objects.filter(run__in=runs).order_by("pk").values_list("run_id", "user__name")
        )
    assert list(names([first.pk])) == people([first.pk])


def test_it_is_compiled_once(monkeypatch):
    compiled, as_sql = [], SQLCompiler.as_sql
    monkeypatch.setattr(
        SQLCompiler, "as_sql", lambda self, *args, **kw: compiled.append(1) or as_sql(self, *args, **kw)
    )
    runs = prepared(ordinary_runs)
    alice, bob = make_user("Alice"), make_user("Bob")
    runs(alice.pk)
    once = len(compiled)
    for person in (alice, bob) * 3:
        runs(person.pk)
    assert len(compiled) == once > 0


def test_a_bound_parameter_is_a_value_and_never_sql():
    make_group("Club", admin=make_user("Alice"))
    by_name = prepared(lambda name: Group.objects.filter(name=name))
    assert len(by_name("Club")) == 1
    assert by_name("x' OR '1'='1") == []


def test_numbers_larger_than_any_key_find_nothing():
    make_group("Club", admin=make_user("Alice"))
    by_key = prepared(lambda key: Group.objects.filter(pk=key))
    assert by_key(10**30) == by_key(-(10**30)) == []


def test_a_missing_or_unknown_parameter_is_an_error():
    runs = prepared(ordinary_runs)
    with pytest.raises(TypeError):
        runs()
    with pytest.raises(TypeError):
        runs(1, 2)


def test_it_is_planned_once_a_connection(monkeypatch):
    asked = []
    ask = connection.connection.execute
    monkeypatch.setattr(connection.connection, "execute", lambda *args: asked.append(ask(*args)))
    group = make_group("Club", admin=make_user("Alice"))
    by_key, again = (prepared(lambda key: Group.objects.filter(pk=key, name="Club")) for _ in range(2))
    assert by_key(group.pk) == by_key(group.pk) == again(group.pk) == [group]
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as queries:
        by_key(group.pk)
    assert [query["sql"].split()[0] for query in queries] == ["EXECUTE"]


def test_other_values_and_percent_signs_stay_as_they_are():
    group = make_group("50 %s 100%% $1", admin=make_user("Alice"))
    found = prepared(lambda key: Group.objects.filter(name=group.name, pk=key).extra(where=["name LIKE '50 %%'"]))
    assert found(group.pk) == [group]
    assert found(0) == []


def test_where_a_migration_has_changed_a_type_the_next_request_plans_anew():
    by_name = prepared(lambda name: Group.objects.filter(name=name).values_list("name"))
    assert by_name("Club") == []
    closed_at = connection.close_at
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_group ALTER name TYPE text")
            with pytest.raises(NotSupportedError):
                by_name("Club")
            transaction.set_rollback(True)
        assert connection.close_at == 0  # Django closes it when the request ends
    finally:
        connection.close_at = closed_at
