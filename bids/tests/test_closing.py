"""P3, spec 83: a run closes by itself, once, whatever the clocks do."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event as Signal

import pytest
from django.db import models
from django.utils import timezone

from accounts.models import Group
from accounts.tests.racing import linger, race
from bids import states, tasks
from bids.actions import clock, membership, runs
from bids.actions.bidding import Wish, place_bids
from bids.actions.clock import begin_due_stretches, close_due
from bids.actions.closing import NO_CLOSING, ClosingTime, closing_version, move_closing
from bids.actions.stretch import set_last_stretch
from bids.models import Notification, Run
from bids.reading.history import entries_of, news_of
from bids.reading.invariants import problems
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.zones import format_moment
from bulq.tests.client import signed_in

from .cast import D, stage
from .closing import close_in
from .test_crashes import killed_at
from .together import in_transaction, refused

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def moves(run):
    return run.events.filter(kind="run_moved", data__to="confirmed").count()


def heard(user):
    return [news.sentence for news in news_of(Notification.objects.filter(user=user).with_words().order_by("pk"))]


# --- What happens at the closing time --------------------------------------------------------------
def test_at_its_closing_time_a_run_locks_by_itself():
    scene = stage()
    close_in(scene.run, -HOUR)
    tasks.close_due()
    assert scene.state == states.CONFIRMED
    event = scene.last_event()
    assert (event.kind, event.actor) == ("run_moved", None)
    [entry] = entries_of(scene.run, [event])
    assert entry.sentence == "The run closed by itself: the list is locked"
    assert [names for _heading, names in entry.details] == [["Alice", "Bob", "Hana"]]
    for person in (scene.alice, scene.bob, scene.hana):
        assert heard(person)[-1] == entry.sentence
    assert entry.sentence not in heard(scene.dora)


def test_nothing_happens_before():
    scene = stage()
    close_in(scene.run, HOUR)
    tasks.close_due()
    assert scene.state == states.ACTIVE


ONLY_TOLD = [(states.ACTIVE, False), (states.PLANNING, True), (states.PLANNING, False)]


@pytest.mark.parametrize(("state", "locks"), ONLY_TOLD)
def test_otherwise_only_the_leader_is_told_and_once(state, locks):
    scene = stage(state)
    if state == states.PLANNING:
        place_bids(scene.run, [Wish(scene.oil.pk, None)], by=scene.alice)  # a Maybe is no order
    close_in(scene.run, -HOUR, locks_itself=locks)
    before = Notification.objects.count()
    assert (close_due(timezone.now()), close_due(timezone.now())) == (1, 0)
    assert scene.state == state
    assert Notification.objects.count() == before + 1
    ends = "the list is still open" if state == states.ACTIVE else "nobody has ordered anything"
    assert heard(scene.alice)[-1] == f"The closing time has passed, and {ends}"


def test_after_a_pause_every_run_closes_once_and_only_runs_that_are_collecting():
    scenes = {state: stage(state) for state in states.TRANSITIONS}
    for scene in scenes.values():
        close_in(scene.run, -9 * DAY)
    counts = [close_due(timezone.now()) for _clock in range(3)]
    assert counts == [2, 0, 0]
    for state, scene in scenes.items():
        assert scene.state == (states.CONFIRMED if state in states.COLLECTING else state)


# --- Setting and moving it -------------------------------------------------------------------------
def later(hours):
    return ClosingTime(timezone.now() + timedelta(hours=hours))


def move(scene, closing, by=None):
    run = scene.fresh()
    return move_closing(run, closing, by=by or scene.alice, version=closing_version(run))


def test_earlier_is_told_to_everyone_who_may_still_order():
    scene = stage()
    membership.leave_run(scene.run, by=scene.bob)
    Notification.objects.all().delete()

    def told():
        return set(Notification.objects.values_list("user__name", flat=True))

    move(scene, later(50))
    assert told() == {"Adam", "Dora", "Hana"}
    Notification.objects.all().delete()
    move(scene, later(70))
    assert told() == set()
    move(scene, later(60))
    assert told() == {"Adam", "Dora", "Hana"}
    move(scene, NO_CLOSING)
    assert scene.kinds()[-4:] == ["closing_set", "closing_set", "closing_set", "closing_removed"]


def test_a_time_that_has_passed_is_refused_and_a_locked_list_has_none_to_move():
    scene = stage()
    with pytest.raises(BulqError, match="has passed"):
        move(scene, later(-1))
    with pytest.raises(BulqError, match="has passed"):
        runs.start_run(scene.group, store=scene.run.store, by=scene.alice, closing=later(-1))
    runs.lock_list(scene.run, by=scene.alice)
    with pytest.raises(BulqError, match="Unlock it"):
        move(scene, later(5))


def test_someone_who_saw_another_closing_time_is_told():
    scene = stage()
    shown = closing_version(scene.run)
    move(scene, later(5))
    with pytest.raises(ChangedMeanwhile, match="changed to"):
        move_closing(scene.run, later(7), by=scene.alice, version=shown)


def test_a_moved_closing_closes_again():
    scene = stage()
    close_in(scene.run, -HOUR, locks_itself=False)
    close_due(timezone.now())
    closing = move(scene, later(5)).closes_at
    assert close_due(closing - timedelta(seconds=1)) == 0
    assert close_due(closing) == 1
    assert scene.state == states.CONFIRMED


def test_reopening_past_the_closing_time_asks_for_a_new_one_or_none():
    scene = stage()
    close_in(scene.run, -HOUR)
    close_due(timezone.now())
    with pytest.raises(BulqError, match="Choose a new one, or none"):
        runs.unlock_list(scene.run, by=scene.alice)
    assert scene.state == states.CONFIRMED
    new = later(5)
    runs.unlock_list(scene.run, by=scene.alice, closing=new)
    assert (scene.state, scene.run.closes_at) == (states.ACTIVE, new.at)
    runs.lock_list(scene.run, by=scene.alice)
    runs.unlock_list(scene.run, by=scene.alice)  # it is still to come
    assert scene.fresh().closes_at == new.at
    close_in(scene.run, -HOUR)
    close_due(timezone.now())
    runs.unlock_list(scene.run, by=scene.alice, closing=NO_CLOSING)
    assert (scene.state, scene.run.closes_at) == (states.ACTIVE, None)
    assert close_due(timezone.now() + 99 * DAY) == 0


# --- Pages -----------------------------------------------------------------------------------------
def test_a_closing_time_changed_meanwhile_is_shown_and_may_be_replaced():
    scene = stage()
    client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/closing/"
    typed = {"closing_day": (timezone.localdate() + 3 * DAY).isoformat(), "closing_time": "18:00", "version": "|True|"}
    move(scene, later(5))
    refused = client.post(url, typed)
    assert refused.status_code == 409
    assert "Save again to replace it with yours" in refused.text
    version = closing_version(scene.fresh())
    assert f'value="{version}"' in refused.text
    assert client.post(url, typed | {"version": version}).status_code == 302
    assert scene.fresh().closes_at.hour == 18


def test_the_home_page_says_when_what_is_to_be_chosen_closes():
    scene = stage()
    closes_at = move(scene, later(30)).closes_at
    assert f"Closes {format_moment(closes_at, scene.group.zone)}." in signed_in(scene.dora).get("/").text


def test_an_open_list_is_not_asked_about_its_closing_time_before_it_has_passed():
    scene = stage()
    move(scene, later(5))
    runs.lock_list(scene.run, by=scene.alice)
    client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/unlock/"
    assert "People can change amounts again." in client.get(url).text
    assert client.post(url).status_code == 302
    runs.lock_list(scene.run, by=scene.alice)
    close_in(scene.run, -HOUR)
    assert client.post(url).status_code == 422
    assert scene.state == states.CONFIRMED
    assert client.post(url, {"no_closing": "1"}).status_code == 302
    assert (scene.state, scene.run.closes_at) == (states.ACTIVE, None)


# --- Time ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "closes_at",
    [datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)]
    + [datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1)],
    ids=["before the gap", "after it", "the first of two", "the second"],
)
def test_on_days_when_clocks_change_it_closes_at_its_own_moment(closes_at):
    """P3: 02:30 comes twice in Vienna on 31 October 2027: the two are an hour apart."""
    scene = stage()
    Group.objects.update(timezone="Europe/Vienna")
    move(scene, ClosingTime(closes_at))
    assert close_due(closes_at - timedelta(seconds=1)) == 0
    assert close_due(closes_at) == 1


def test_over_years_every_closing_time_is_kept_once_at_the_first_look_after_it():
    """P3: clocks that look now and then, for three years of simulated time."""
    scene, chance = stage(), random.Random(7)
    now, end = timezone.now(), timezone.now() + 3 * 365 * DAY
    closed = 0
    while now < end:
        closes_at = now + timedelta(minutes=chance.randint(1, 60 * 24 * 60))
        move(scene, ClosingTime(closes_at))
        while scene.state == states.ACTIVE:
            before, now = now, now + timedelta(minutes=chance.choice([1, 60, 60 * 24, 60 * 24 * 9]))
            done = [close_due(now) for _clock in range(chance.randint(1, 2))]
            assert (sum(done), before < closes_at) == (int(closes_at <= now), True)
        closed += 1
        runs.unlock_list(scene.run, by=scene.alice, closing=NO_CLOSING)
    assert closed > 20
    assert moves(scene.run) == closed


# --- Any number of clocks, killed at any moment ----------------------------------------------------
def two_clocks(scene, **more):
    close_in(scene.run, -HOUR, **more)
    return race(*[partial(close_due, timezone.now())] * 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locks", [True, False])
def test_two_clocks_at_once_close_a_run_once(locks):
    """P3."""
    scene = stage()
    assert sorted(two_clocks(scene, locks_itself=locks)) == [0, 1]
    assert scene.run.events.filter(actor=None).count() == 1
    assert Notification.objects.filter(event__actor=None, user=scene.alice).count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_clocks_close_it_twice(monkeypatch):
    """Negative control of P3."""
    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_options: rows)
    monkeypatch.setattr(clock, "still_choosing", linger(clock.still_choosing))
    scene = stage()
    two_clocks(scene)
    assert moves(scene.run) == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locks", [True, False])
def test_a_clock_killed_at_any_step_closes_nothing_and_the_next_one_does(locks):
    """P3."""
    scene, write = stage(), 1
    close_in(scene.run, -HOUR, locks_itself=locks)
    state, events = scene.state, scene.run.events.count()
    now = timezone.now()
    while killed_at(write, lambda _scene: close_due(now), scene):
        assert (scene.state, scene.run.events.count()) == (state, events), f"killed before write {write}"
        write += 1
    assert write > 2
    assert scene.run.events.count() == events + 1
    assert close_due(now) == 0


@pytest.mark.django_db(transaction=True)
def test_a_closing_moved_while_the_clock_works_is_not_kept_at_its_old_time(monkeypatch):
    """P3: the clock has read the old time and waits for the lock; the leader moves it meanwhile."""
    scene, written, read = stage(), Signal(), Signal()
    close_in(scene.run, -HOUR)
    close_unless_busy = clock._close_unless_busy

    def close_after_the_move_was_written(*row):
        read.set()
        assert written.wait(10)
        return close_unless_busy(*row)

    monkeypatch.setattr(clock, "_close_unless_busy", close_after_the_move_was_written)

    def before_commit():
        written.set()

    def move_it():
        assert read.wait(10)
        return in_transaction(before_commit, lambda scene: move(scene, later(5)), scene)()

    results = race(move_it, partial(close_due, timezone.now()))
    assert results[1] == 0
    assert scene.state == states.ACTIVE
    assert moves(scene.run) == 0


@pytest.mark.django_db(transaction=True)
def test_a_run_that_closes_while_someone_saves_an_order():
    """P3: the order is in it, or its owner is told; never both, never neither."""
    for _try in range(6):
        scene = stage()
        close_in(scene.run, -HOUR)
        save = partial(place_bids, scene.run, [Wish(scene.oil.pk, D(9), was=D(4))], by=scene.bob)
        saved, closed = race(save, partial(close_due, timezone.now()))
        assert closed == 1
        told = bool(refused([saved]))
        assert (scene.wanted(scene.bob, scene.oil) == D(9)) != told
        assert scene.state == states.CONFIRMED
    assert problems() == []


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_being_saved_for_long_closes_a_minute_later(monkeypatch):
    scene, held, done = stage(), Signal(), Signal()
    close_in(scene.run, -HOUR)

    def hold():
        held.set()
        assert done.wait(30)

    def impatient():
        assert held.wait(10)
        result = close_due(timezone.now())
        done.set()
        return result

    order = in_transaction(hold, lambda scene: place_bids(scene.run, [Wish(scene.oil.pk, D(5))], by=scene.bob), scene)
    results = race(order, impatient)
    assert refused(results[:1]) == []
    assert results[1] == 0
    assert close_due(timezone.now()) == 1
    assert Run.objects.get(pk=scene.run.pk).state == states.CONFIRMED


# --- The last stretch ------------------------------------------------------------------------------
def test_the_last_stretch_begins_so_many_hours_before():
    scene = stage()
    close_in(scene.run, 4 * HOUR, last_stretch_hours=3)
    tasks.close_due()
    assert scene.fresh().last_stretch_at is None
    close_in(scene.run, 3 * HOUR - timedelta(minutes=1), last_stretch_hours=3)
    assert [begin_due_stretches(timezone.now()) for _clock in range(2)] == [1, 0]
    assert scene.fresh().is_filling_packs
    sentence = "The last stretch has begun: only full packs from now on"
    for person in (scene.alice, scene.bob, scene.hana):
        assert heard(person)[-1] == sentence
    assert sentence not in heard(scene.dora)


def test_a_last_stretch_that_the_leader_has_ended_does_not_begin_again():
    scene = stage()
    close_in(scene.run, 2 * HOUR, last_stretch_hours=3)
    begin_due_stretches(timezone.now())
    set_last_stretch(scene.run, False, by=scene.alice)
    assert begin_due_stretches(timezone.now()) == 0


@pytest.mark.parametrize("state", [states.CONFIRMED, states.SHOPPING, states.COMPLETED])
def test_a_list_that_is_locked_has_no_last_stretch_any_more(state):
    scene = stage(state)
    close_in(scene.run, 2 * HOUR, last_stretch_hours=3)
    assert begin_due_stretches(timezone.now()) == 0


def test_it_is_chosen_with_the_closing_time():
    scene, local = stage(), timezone.localtime() + DAY
    client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/closing/"
    form = {"closing_day": f"{local:%Y-%m-%d}", "closing_time": "18:00", "at_closing": "lock", "last_stretch": "6"}
    assert client.post(url, form | {"version": closing_version(scene.fresh())}).status_code == 302
    assert scene.fresh().last_stretch_hours == 6
    assert 'name="last_stretch" value="6"' in client.get(url).text
    refused = client.post(url, form | {"last_stretch": "5", "version": closing_version(scene.fresh())})
    assert refused.status_code == 422
    assert "Choose one of these" in refused.text
    assert scene.fresh().last_stretch_hours == 6
