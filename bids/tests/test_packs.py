"""Spec 80, 81, P2: the leader decides about packs that are not full; in the last stretch they only get fuller."""

import re
from functools import partial

import pytest

from accounts.tests.racing import race
from bids import states
from bids.actions.bidding import Terms, Wish, place_bids, set_ready, undo_removal
from bids.actions.membership import leave_run
from bids.actions.packs import close_packs, undo_packs
from bids.actions.runs import lock_list, unlock_list
from bids.actions.stretch import set_last_stretch
from bids.models import Bid, Notification
from bids.reading.board import Board
from bids.reading.invariants import problems
from bids.reading.packs import open_packs
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in
from stores.tests.factories import make_offer, make_product

from .cast import WAY, D, stage

pytestmark = pytest.mark.django_db


def packed():
    """Alice wants 2 oil, Bob 4, Hana 2, in packs of 5: two packs are bought, 2 are missing."""
    scene = stage(states.ACTIVE)
    make_offer(scene.oil, scene.run.store, pack_size=5, price="10.00", quantity=5)
    return scene


@pytest.fixture
def scene():
    return packed()


def wish(scene, user, quantity, limit=None, *, firm=False, product=None, **fields):
    terms = Terms(None if limit is None else D(limit), firm)
    return place_bids(scene.run, [Wish((product or scene.oil).pk, D(quantity), terms=terms, **fields)], by=user)


def pack_of(scene):
    return next(iter(open_packs(Board(scene.run))), None)


def close(scene, choice, by=None):
    pack = pack_of(scene)
    [event] = close_packs(scene.run, {scene.oil.pk: (choice, pack.fingerprint())}, by=by or scene.alice)
    return event


def orders(scene):
    columns = ("participation__user__name", "quantity", "limit", "all_or_nothing", "substitute_text", "comment")
    return sorted(Bid.objects.of_run(scene.run).filter(product=scene.oil).values_list(*columns))


def amounts(scene):
    return {name: quantity for name, quantity, *_rest in orders(scene)}


class TestWhatIsOpen:
    def test_a_pack_says_what_each_choice_means(self, scene):
        pack = pack_of(scene)
        assert (pack.keep, pack.over, pack.over_cost, pack.down) == (10, 2, D("4.00"), 5)
        lowered = {change.person.label: change.after for change in pack.lowered}
        assert lowered.keys() == {"Alice", "Bob", "Hana"}
        assert sum(lowered.values()) == 5
        assert lowered["Bob"] in (2, 3)
        assert len(pack.dropped) == 3

    def test_what_fills_with_what_is_fine_is_not_open(self, scene):
        wish(scene, scene.bob, 4, 6)
        assert pack_of(scene) is None
        assert Board(scene.run).open_packs == 0

    def test_one_pack_cannot_be_rounded_down(self, scene):
        for user in (scene.alice, scene.hana):
            place_bids(scene.run, [Wish(scene.oil.pk, D(0))], by=user)
        assert pack_of(scene).lowered == []

    def test_it_says_if_all_or_nothing_leaves_the_pack_open_again(self, scene):
        """Of one pack of 5, Bob's 7 can have nothing, and the others want 3 together."""
        assert pack_of(scene).opens_again is False
        place_bids(scene.run, [Wish(scene.oil.pk, D(0))], by=scene.hana)
        wish(scene, scene.bob, 7, firm=True)
        pack = pack_of(scene)
        assert {change.person.label: change.after for change in pack.lowered} == {"Alice": 2, "Bob": 0}
        assert pack.opens_again is True

    def test_a_minimum_that_is_not_reached_is_named(self, scene):
        make_offer(scene.gouda, scene.run.store, min_quantity=5)
        [_oil, gouda] = open_packs(Board(scene.run))
        assert (gouda.minimum, gouda.over, gouda.lowered) == (5, 0, [])


class TestChoosing:
    def test_rounding_down_lowers_everyone_and_tells_them(self, scene):
        set_ready(scene.run, True, by=scene.bob)
        expected = {change.person.user.name: change.after for change in pack_of(scene).lowered}
        close(scene, "down")
        assert amounts(scene) == {name: after for name, after in expected.items() if after}
        assert sum(amounts(scene).values()) == 5
        assert not scene.part_of(scene.bob).is_ready
        told = Notification.objects.filter(event__kind__in=["lowered_for_packs", "dropped_for_packs"])
        assert set(told.values_list("user", flat=True)) == {scene.bob.pk, scene.hana.pk}
        assert problems() == []

    def test_dropping_takes_it_off_for_everybody(self, scene):
        close(scene, "drop")
        assert amounts(scene) == {}
        assert problems() == []

    def test_keeping_changes_nothing(self, scene):
        before = scene.kinds()
        assert close_packs(scene.run, {scene.oil.pk: ("keep", pack_of(scene).fingerprint())}, by=scene.alice) == []
        assert scene.kinds() == before

    @pytest.mark.parametrize("choice", ["down", "drop"])
    def test_undo_brings_back_every_wish_limit_and_comment(self, scene, choice):
        """P2."""
        terms = Terms(D(5), True, "rape")
        place_bids(scene.run, [Wish(scene.oil.pk, D(4), "the green one", terms=terms)], by=scene.bob)
        wish(scene, scene.hana, 3)
        wish(scene, scene.alice, 4)
        before = orders(scene)
        event = close(scene, choice)
        assert orders(scene) != before
        assert undo_packs(scene.run, event, by=scene.alice) == ""
        assert orders(scene) == before
        with pytest.raises(ChangedMeanwhile, match="Everyone has changed"):
            undo_packs(scene.run, event, by=scene.alice)
        assert orders(scene) == before
        assert problems() == []

    def test_undo_leaves_what_somebody_has_changed_since(self, scene):
        event = close(scene, "drop")
        wish(scene, scene.hana, 5)
        assert undo_packs(scene.run, event, by=scene.alice) == "Hana"
        assert amounts(scene) == {"Alice": 2, "Bob": 4, "Hana": 5}

    def test_undo_leaves_out_who_has_left(self, scene):
        event = close(scene, "drop")
        leave_run(scene.run, by=scene.hana)
        undo_packs(scene.run, event, by=scene.alice)
        assert amounts(scene) == {"Alice": 2, "Bob": 4}

    def test_a_choice_about_an_older_page_is_not_made(self, scene):
        seen = pack_of(scene).fingerprint()
        wish(scene, scene.bob, 5)
        with pytest.raises(ChangedMeanwhile, match="An order has changed"):
            close_packs(scene.run, {scene.oil.pk: ("drop", seen)}, by=scene.alice)
        assert amounts(scene)["Bob"] == 5

    def test_all_choices_are_made_or_none(self, scene):
        tabs = make_product()
        make_offer(tabs, scene.run.store, pack_size=4)
        wish(scene, scene.bob, 3, product=tabs)
        choices = {scene.oil.pk: ("drop", pack_of(scene).fingerprint()), tabs.pk: ("drop", "outdated")}
        with pytest.raises(ChangedMeanwhile):
            close_packs(scene.run, choices, by=scene.alice)
        assert amounts(scene)

    @pytest.mark.parametrize("user", ["bob", "hana", "dora"])
    def test_only_the_leader_decides(self, scene, user):
        with pytest.raises(NotAllowed):
            close(scene, "drop", by=getattr(scene, user))

    def test_only_while_the_run_collects(self, scene):
        event = close(scene, "drop")
        lock_list(scene.run, by=scene.alice)
        with pytest.raises(ChangedMeanwhile):
            close_packs(scene.run, {scene.oil.pk: ("drop", "")}, by=scene.alice)
        with pytest.raises(ChangedMeanwhile):
            undo_packs(scene.run, event, by=scene.alice)


class TestThePage:
    def test_it_asks_saves_and_takes_back(self, scene):
        client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/packs/"
        page = client.get(url).text
        assert "2 pieces over, offered in Sort out; what nobody takes is yours, up to €4.00." in page
        data = {f"pack-{scene.oil.pk}": "down", f"seen-{scene.oil.pk}": pack_of(scene).fingerprint()}
        done = client.post(url, data | {"lock": "1"}, follow=True)
        assert "Lock the list?" in done.text
        [undo] = set(re.findall(r"/runs/[0-9]+/packs/undo/[0-9]+/", done.text))
        assert "are back" in client.post(undo, follow=True).text
        assert amounts(scene) == {"Alice": 2, "Bob": 4, "Hana": 2}

    def test_what_has_changed_meanwhile_is_shown_and_the_choice_kept(self, scene):
        client, url = signed_in(scene.alice), f"/runs/{scene.run.pk}/packs/"
        data = {f"pack-{scene.oil.pk}": "drop", f"seen-{scene.oil.pk}": pack_of(scene).fingerprint()}
        wish(scene, scene.bob, 5)
        again = client.post(url, data)
        assert again.status_code == 409
        assert 'value="drop" checked' in again.text

    @pytest.mark.parametrize("data", [{"pack-x": "drop"}, {"pack-1": "burn"}, {"pack-99999999999": "drop"}, {}])
    def test_whatever_is_sent_is_no_server_error(self, scene, data):
        assert signed_in(scene.alice).post(f"/runs/{scene.run.pk}/packs/", data).status_code in (302, 409)

    def test_nothing_open_leads_to_locking(self, scene):
        wish(scene, scene.bob, 4, 6)
        assert "All packs are full" in signed_in(scene.alice).get(f"/runs/{scene.run.pk}/packs/").text

    @pytest.mark.parametrize("state", [state for state in WAY if state not in states.COLLECTING])
    def test_later_it_leads_to_the_run(self, state):
        scene = stage(state)
        assert signed_in(scene.alice).get(f"/runs/{scene.run.pk}/packs/").status_code == 302


class TestTheLastStretch:
    @pytest.fixture
    def stretch(self, scene):
        """2 are missing for the second pack."""
        set_last_stretch(scene.run, True, by=scene.alice)
        return scene

    def test_everyone_is_told_once(self, stretch):
        set_last_stretch(stretch.run, True, by=stretch.alice)
        told = Notification.objects.filter(event__kind="last_stretch").values_list("user", flat=True)
        assert sorted(told) == sorted([stretch.bob.pk, stretch.hana.pk])

    @pytest.mark.parametrize(
        ("quantity", "sentence"),
        [
            (3, "Not taken: then 3 would be missing for full packs. Stay at 4, or ask Alice."),
            (7, "Stay at 4, take 11, say that up to 11 is fine, or ask Alice."),
        ],
    )
    def test_nobody_makes_a_pack_emptier(self, stretch, quantity, sentence):
        outcome = wish(stretch, stretch.bob, quantity)
        assert sentence in outcome.refusals[stretch.oil.pk][0]
        assert amounts(stretch)["Bob"] == 4

    def test_who_takes_everything_off_leaves_a_pack_emptier_too(self, stretch):
        wish(stretch, stretch.bob, 6)
        assert wish(stretch, stretch.bob, 0).refusals

    @pytest.mark.parametrize(("quantity", "limit"), [(5, None), (6, None), (4, 6), (11, None), (7, 11), (4, 5)])
    def test_fuller_is_fine(self, stretch, quantity, limit):
        assert not wish(stretch, stretch.bob, quantity, limit).refusals

    def test_taking_back_a_limit_makes_it_emptier(self, stretch):
        wish(stretch, stretch.bob, 4, 6)
        assert wish(stretch, stretch.bob, 4, 5).refusals
        assert wish(stretch, stretch.bob, 4).refusals

    def test_maybe_and_leaving_count_as_nothing(self, stretch):
        wish(stretch, stretch.bob, 6)
        assert place_bids(stretch.run, [Wish(stretch.oil.pk, None)], by=stretch.bob).refusals
        with pytest.raises(BulqError, match="without you these would not be full"):
            leave_run(stretch.run, by=stretch.bob)

    def test_a_new_product_needs_a_full_pack(self, stretch):
        tabs = make_product()
        make_offer(tabs, stretch.run.store, pack_size=4)
        assert wish(stretch, stretch.hana, 1, product=tabs).refusals
        assert not wish(stretch, stretch.hana, 1, 4, product=tabs).refusals
        assert not wish(stretch, stretch.hana, 1, product=make_product()).refusals  # sold singly

    def test_the_leader_may(self, stretch):
        assert not wish(stretch, stretch.alice, 1).refusals
        lowered = place_bids(stretch.run, [Wish(stretch.oil.pk, D(1))], by=stretch.alice, whose=stretch.bob)
        assert not lowered.refusals

    def test_it_can_be_ended(self, stretch):
        set_last_stretch(stretch.run, False, by=stretch.alice)
        assert not wish(stretch, stretch.bob, 3).refusals

    def test_undo_is_a_change_like_any_other(self, stretch):
        set_last_stretch(stretch.run, False, by=stretch.alice)
        wish(stretch, stretch.bob, 3)
        [event] = place_bids(stretch.run, [Wish(stretch.oil.pk, D(0))], by=stretch.hana).removed
        set_last_stretch(stretch.run, True, by=stretch.alice)
        with pytest.raises(BulqError, match="Not taken"):
            undo_removal(stretch.run, event, by=stretch.hana)

    def test_it_outlasts_a_lock(self, stretch):
        lock_list(stretch.run, by=stretch.alice)
        with pytest.raises(ChangedMeanwhile):
            set_last_stretch(stretch.run, False, by=stretch.alice)
        unlock_list(stretch.run, by=stretch.alice)
        assert wish(stretch, stretch.bob, 3).refusals

    def test_the_page_has_the_taps_that_fill(self, stretch):
        client, pk = signed_in(stretch.bob), stretch.oil.pk
        page = client.get(f"/runs/{stretch.run.pk}/").text
        part = page.split('id="to-fill"')[1].split("</section>")[0]
        assert re.findall(r">([^<]*)</button>", part) == ["+1", "+2 fills it", "up to 6 is fine"]
        form = {"q": "4", "was": "4", "m": "6", "s": "less", "i": "", "had": "|less|"}
        form = {f"{name}-{pk}": text for name, text in form.items()}
        assert client.post(f"/runs/{stretch.run.pk}/order/", form).status_code == 302
        assert "All packs are full." in client.get(f"/runs/{stretch.run.pk}/").text

    def test_the_refusal_stands_at_the_line(self, stretch):
        pk = stretch.oil.pk
        answer = signed_in(stretch.bob).post(f"/runs/{stretch.run.pk}/order/", {f"q-{pk}": "3", f"was-{pk}": "4"})
        assert answer.status_code == 422
        error = answer.text.split(f'id="line-err-{pk}"')[1].split("</p>")[0]
        assert "Stay at 4, or ask Alice." in error


def missing_after_a_storm():
    """Bob and Hana each take the 2 that are missing: for both together, 3 more would be needed."""
    scene = packed()
    set_last_stretch(scene.run, True, by=scene.alice)
    tries = [(scene.bob, 6), (scene.hana, 4)] * 10
    race(*(partial(wish, scene, user, quantity) for user, quantity in tries))
    return Board(scene.run).rows[0].packs.missing


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_people_at_once_make_no_pack_emptier():
    """P2."""
    assert missing_after_a_storm() == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_do(no_lock):
    """Negative control of P2."""
    assert any(missing_after_a_storm() for _try in range(8)), "all packs stayed full"
