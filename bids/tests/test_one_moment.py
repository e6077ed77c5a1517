"""A page shows one moment, although it takes several queries and someone else may commit between any two of them.

Each control removes the protection, and the page breaks or its sums no longer fit its rows.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from threading import Event as Signal

import pytest
from django.db import InternalError, connection

from accounts.models import Membership
from accounts.tests.factories import make_user
from accounts.tests.racing import race
from bids import states
from bids.actions.bidding import Wish, place_bids
from bids.actions.costs import correct_total
from bids.models import Purchase
from bulq.middleware import moments
from bulq.tests.client import signed_in
from stores.models import Store
from stores.reading import stores_page
from stores.tests.factories import make_store

from . import adding_up
from .cast import D, stage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MOST_QUERIES = 25
# A writer that has to wait for the reader's lock lets the reader continue.
SECONDS = 0.3


@dataclass
class Page:
    state: str
    address: str
    write: Callable
    read: Callable  # pairs of sums that should be equal
    posted: dict | None = None

    def look(self, client, scene):
        address = f"/runs/{scene.run.pk}/{self.address}"
        answer = client.get(address) if self.posted is None else client.post(address, self.posted_of(scene))
        assert answer.status_code == (200 if self.posted is None else 422)
        return [pair for pair in self.read(adding_up.tree(answer.content.decode())) if pair[0] != pair[1]]

    def posted_of(self, scene):
        return {key.replace("OIL", str(scene.oil.pk)): value for key, value in self.posted.items()}


_numbers = count()


def first_wish(scene):
    """By someone who was not in the run a moment ago."""
    user = make_user("Nora")
    Membership.objects.create(group=scene.group, user=user)
    place_bids(scene.run, [Wish(scene.oil.pk, D(1))], by=user)


def correction(scene):
    """A new total for the cheese: another amount each time."""
    gouda = Purchase.objects.select_related("item__run").get(item__run=scene.run, item__product=scene.gouda)
    correct_total(gouda, D(30) + D("0.01") * next(_numbers), was=gouda.total, by=scene.alice)


PAGES = {
    "order table": Page(states.ACTIVE, "", first_wish, adding_up.board),
    "refused order": Page(states.ACTIVE, "order/", first_wish, adding_up.board, {"q-OIL": "1.5", "was-OIL": "2"}),
    "hand-out": Page(states.DISTRIBUTING, "", correction, adding_up.hand_out),
    "receipts": Page(states.DISTRIBUTING, "costs/", correction, adding_up.costs),
    "slips": Page(states.DISTRIBUTING, "print/", correction, adding_up.slips),
    "preview": Page(states.ADJUSTING, "force/", correction, adding_up.slips),
}


def interrupted_after(number, reading, writing):
    """What `reading()` returns or raises when `writing()` is committed right after its `number`-th query."""
    begun, done, seen = Signal(), Signal(), count(1)

    def interrupt(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if next(seen) == number:
            begun.set()
            done.wait(SECONDS)
        return result

    def reader():
        with connection.execute_wrapper(interrupt):
            try:
                return reading()
            finally:
                begun.set()

    def writer():
        assert begun.wait(30), "the page asked nothing"
        try:
            return writing()
        finally:
            done.set()

    return race(reader, writer)[0], next(seen) > number


def broken(page, scene):
    """What went wrong, wherever the page was interrupted."""
    wrong, client = [], signed_in(scene.alice)
    for number in range(1, MOST_QUERIES):
        found, was_interrupted = interrupted_after(number, lambda: page.look(client, scene), lambda: page.write(scene))
        if found:
            wrong.append((number, found))
        if not was_interrupted:
            return wrong
    raise AssertionError("the page asks more than was interrupted")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_one_moment_whatever_is_committed_while_it_is_read(name):
    page = PAGES[name]
    assert broken(page, stage(page.state)) == []


@pytest.mark.parametrize("name", ["order table", "refused order", "hand-out"])
@pytest.mark.usefixtures("no_lock")
def test_without_the_protection_pages_break(name, monkeypatch):
    """Negative control: neither a snapshot nor a lock."""
    monkeypatch.setattr(moments, "snapshot", nullcontext)
    page = PAGES[name]
    assert broken(page, stage(page.state))


def test_reading_a_page_writes_nothing(monkeypatch):
    """S3: PostgreSQL itself refuses any write by a page that is only read."""
    scene = stage(states.ACTIVE)
    monkeypatch.setattr("bids.views.bidding.Board", lambda run: Store.objects.filter(pk=run.store_id).update(name="X"))
    with pytest.raises(InternalError, match="read-only transaction"):
        signed_in(scene.alice).get(f"/runs/{scene.run.pk}/")


def test_lists_that_a_snapshot_has_computed_are_kept():
    """C1: token and list are of the same moment, so the cached list is right."""
    make_store()
    client = signed_in(make_user("Eve"))
    client.get("/stores/")
    before = len(stores_page(1, 20).object_list)
    make_store()
    client.get("/stores/")
    assert len(stores_page(1, 20).object_list) == before + 1
