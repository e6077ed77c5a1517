"""Querysets compiled once (bulq/kit/prepared.py): the same rows as ordinary ones, for any parameters."""

import pytest
from django.db import connection
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


def test_a_missing_or_unknown_parameter_is_an_error():
    runs = prepared(ordinary_runs)
    with pytest.raises(TypeError):
        runs()
    with pytest.raises(TypeError):
        runs(1, 2)
