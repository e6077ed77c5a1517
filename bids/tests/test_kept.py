"""What is restored equals what was built: the tests that begin with it rely on that."""

import json

import pytest
from django.db import transaction
from django.utils import timezone

from bids import states
from bids.models import Run

from . import cast, kept, stages
from .cast import WAY

TOKENS = {"generation", "token"}


def rows():
    """Without the tokens of cached lists, which are new each time."""
    found = {table: json.loads(text or "[]", parse_float=str) for table, text in kept._rows().items()}
    return {
        table: sorted(str({name: row[name] for name in sorted(row.keys() - TOKENS)}) for row in all_of_it)
        for table, all_of_it in found.items()
    }


def twice(build, *args):
    """What `build` makes of the same empty database twice, and the rows after each time."""
    outcomes = []
    for _ in range(2):
        with transaction.atomic():
            outcomes.append((build(*args), rows()))
            transaction.set_rollback(True)
    return outcomes


@pytest.mark.django_db
@pytest.mark.parametrize("build", [cast.stage, stages.stage])
@pytest.mark.parametrize("state", WAY)
def test_the_second_time_the_same_rows_are_restored(build, state, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(kept.timezone, "now", lambda: now)  # otherwise they move on by the time that has passed
    (first, made), (second, put_back) = twice(build, state)
    assert put_back == made
    assert made["bids_run"] and made["bids_event"]
    assert first is not second
    assert (first.run.pk, first.run.state, first.alice.pk) == (second.run.pk, second.run.state, second.alice.pk)


@pytest.mark.django_db
def test_their_times_move_on():
    with transaction.atomic():
        cast.stage(states.ACTIVE)
        transaction.set_rollback(True)
    began = timezone.now()
    scene = cast.stage(states.ACTIVE)
    age = timezone.now() - Run.objects.get().created_at
    assert Run.objects.get().created_at == scene.run.created_at
    assert age.total_seconds() < (timezone.now() - began).total_seconds() + 5


@pytest.mark.django_db
def test_next_to_other_rows_it_is_built_anew():
    scene, other = cast.stage(states.ACTIVE), cast.stage(states.ACTIVE)
    assert scene.run.pk != other.run.pk
    assert Run.objects.count() == 2
