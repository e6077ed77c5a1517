"""Spec 65: who is notified of what, and nobody else; the bell and the list."""

import uuid
from functools import partial

import pytest
from django.db import transaction
from django.urls import reverse

from accounts.actions.membership import end_membership, join_group
from bids import states
from bids.actions import bidding, costs, distribution, lead, membership, runs, shopping
from bids.actions.bidding import Wish
from bids.models import Event, Notification, Purchase
from bids.reading.history import KINDS, news_of
from bulq.tests.client import signed_in
from stores.tests.factories import make_product

from .cast import D, stage
from .factories import item_of, order

pytestmark = pytest.mark.django_db
EVERYONE = ("adam", "alice", "bob", "hana", "dora", "charlie")


def sent(scene, action):
    """`{person: sentences}` for everyone an action notifies."""
    Notification.objects.all().delete()
    action()
    people = {getattr(scene, name).pk: name for name in EVERYONE}
    found = {}
    for item in news_of(Notification.objects.with_words().order_by("pk")):
        found.setdefault(people[item.notification.user_id], []).append(item.sentence)
    return found


def to_all(sentence, *names):
    return {name: [sentence] for name in names}


# --- Changes of state ------------------------------------------------------------------------------
def moved(origin, to):
    return f"Alice moved the run from “{origin}” to “{to}”"


def complete(run, *, by):
    return distribution.complete(run, waiting=distribution.not_picked_up(run).count(), by=by)


MOVES = {
    (states.ACTIVE, runs.lock_list): moved("Collecting", "Locked"),
    (states.ACTIVE, runs.call_off): moved("Collecting", "Called off"),
    (states.CONFIRMED, runs.unlock_list): moved("Locked", "Collecting"),
    (states.CONFIRMED, runs.start_shopping): moved("Locked", "Shopping"),
    (states.SHOPPING, shopping.stop_shopping): moved("Shopping", "Locked"),
    (states.ADJUSTING, distribution.back_to_shopping): moved("Sort out", "Shopping"),
    (states.DISTRIBUTING, complete): moved("Hand-out", "Handed out"),
    (states.COMPLETED, distribution.reopen_hand_out): moved("Handed out", "Hand-out"),
}


@pytest.mark.parametrize(("state", "action"), MOVES, ids=lambda word: getattr(word, "__name__", ""))
def test_every_participant_hears_of_a_change_of_state_except_the_person_who_made_it(state, action):
    scene = stage(state)
    heard = sent(scene, lambda: action(scene.run, by=scene.alice))
    assert heard == to_all(MOVES[state, action], "bob", "hana")


def test_the_two_states_of_collecting_notify_nobody():
    scene = stage(states.PLANNING)
    assert sent(scene, lambda: order(scene.run, scene.bob, scene.oil, 3)) == {}
    assert scene.state == states.ACTIVE


def test_people_who_have_left_the_run_hear_no_more_of_it():
    """Spec 39."""
    scene = stage()
    membership.leave_run(scene.run, by=scene.bob)
    assert sent(scene, lambda: runs.lock_list(scene.run, by=scene.alice)).keys() == {"hana"}


def test_leader_and_helpers_hear_who_leaves_while_choosing_and_after():
    """Spec 23: by choice or removed, the run or its group, before the shop and from it on."""
    gone = "Bob left the run; their order was dropped"
    scene = stage()
    assert sent(scene, lambda: membership.leave_run(scene.run, by=scene.bob)) == to_all(gone, "alice", "hana")
    scene = stage(states.CONFIRMED)
    heard = sent(scene, lambda: end_membership(scene.group.pk, scene.bob.pk, by=scene.bob))
    assert heard == to_all(gone, "alice", "hana")
    scene = stage(states.DISTRIBUTING)
    heard = sent(scene, lambda: end_membership(scene.group.pk, scene.bob.pk, by=scene.bob))
    assert heard == to_all("Bob left the group; their order stays", "alice", "hana")


def test_the_whole_group_hears_of_a_new_run():
    scene = stage()
    heard = sent(scene, lambda: runs.start_run(scene.group, store=scene.run.store, by=scene.dora))
    assert heard == to_all("Dora started the run", "adam", "alice", "bob", "hana")


# --- The person concerned --------------------------------------------------------------------------
def test_people_hear_that_they_help_and_that_they_no_longer_do():
    scene = stage()
    named = sent(scene, lambda: lead.set_helper(scene.run, scene.bob, True, by=scene.alice))
    assert named == {"bob": ["Alice made you a helper"]}
    ended = sent(scene, lambda: lead.set_helper(scene.run, scene.bob, False, by=scene.alice))
    assert ended == {"bob": ["You are no longer a helper"]}


def test_handing_over_notifies_the_other_side():
    scene = stage()
    offer = partial(lead.offer_lead, scene.run, scene.bob, by=scene.alice)
    assert sent(scene, offer) == {"bob": ["Alice asks you to take over the lead"]}
    withdrawn = sent(scene, lambda: lead.withdraw_lead_offer(scene.run, by=scene.alice))
    assert withdrawn == {"bob": ["Alice no longer asks you to take over the lead"]}
    offer()
    declined = sent(scene, lambda: lead.decline_lead(scene.run, by=scene.bob))
    assert declined == {"alice": ["Bob declined to take over the lead"]}
    offer()
    accepted = sent(scene, lambda: lead.accept_lead(scene.run, by=scene.bob))
    assert accepted == {"alice": ["Bob took over the lead from you"]}


def test_an_admin_who_asked_hears_the_answer_too():
    scene = stage(states.DISTRIBUTING)
    lead.offer_lead(scene.run, scene.bob, by=scene.adam)
    heard = sent(scene, lambda: lead.decline_lead(scene.run, by=scene.bob))
    assert heard == to_all("Bob declined to take over the lead", "adam", "alice")
    lead.offer_lead(scene.run, scene.bob, by=scene.adam)
    heard = sent(scene, lambda: lead.accept_lead(scene.run, by=scene.bob))
    assert heard == {"alice": ["Bob took over the lead from you"], "adam": ["Bob took over the lead from Alice"]}


WISHES = {
    "changed your order: 6": lambda scene: [Wish(scene.oil.pk, D(6))],
    "changed your order: maybe": lambda scene: [Wish(scene.oil.pk, None)],
    "off your order": lambda scene: [Wish(scene.oil.pk, D(0))],
    "changed your comment on": lambda scene: [Wish(scene.oil.pk, D(4), comment="green")],
}


@pytest.mark.parametrize("text", WISHES)
def test_people_hear_when_the_leader_changes_their_order(text):
    scene = stage()
    heard = sent(scene, lambda: bidding.place_bids(scene.run, WISHES[text](scene), by=scene.alice, whose=scene.bob))
    assert heard.keys() == {"bob"}
    [sentence] = heard["bob"]
    assert sentence.startswith("Alice ")
    assert text in sentence


def test_nobody_hears_of_their_own_order():
    scene = stage()
    assert sent(scene, lambda: order(scene.run, scene.bob, scene.oil, 6)) == {}


def test_people_hear_what_is_added_for_them_in_the_shop():
    scene = stage(states.SHOPPING)
    beans = make_product("Beans")
    add = partial(shopping.add_while_shopping, scene.run, beans, quantity=D(2), whose=scene.bob, by=scene.hana)
    heard = sent(scene, add)
    assert heard.keys() == {"bob"}
    assert heard["bob"][0].endswith("of Beans in the shop for you")


def test_people_hear_what_the_leader_sorts_out_for_them():
    scene = stage(states.ADJUSTING)
    heard = sent(
        scene, lambda: distribution.sort_out(scene.run, scene.gouda, D(2), whose=scene.bob, was=D(3), by=scene.alice)
    )
    assert heard.keys() == {"bob"}
    assert "Alice decided for you: 2" in heard["bob"][0]


def test_people_hear_of_a_correction_that_changes_what_they_owe():
    """Spec 37: only Bob has Gouda; everyone has oil."""
    scene = stage(states.DISTRIBUTING)
    gouda = Purchase.objects.get(item=item_of(scene.run, scene.gouda))
    heard = sent(scene, lambda: costs.correct_total(gouda, D(30), was=D(27), by=scene.alice))
    assert heard.keys() == {"bob"}
    assert "€30.00, previously €27.00" in heard["bob"][0]
    oil = Purchase.objects.get(item=item_of(scene.run, scene.oil))
    assert sent(scene, lambda: costs.correct_total(oil, D(48), was=D(40), by=scene.alice)).keys() == {"bob", "hana"}


def test_before_the_hand_out_people_who_want_the_product_hear_of_a_correction():
    scene = stage(states.ADJUSTING)
    gouda = Purchase.objects.get(item=item_of(scene.run, scene.gouda))
    assert sent(scene, lambda: costs.correct_total(gouda, D(30), was=D(27), by=scene.alice)).keys() == {"bob"}


def test_people_hear_of_extra_costs_once_they_change_what_is_owed():
    scene = stage(states.SHOPPING)
    add = partial(costs.add_extra_cost, scene.run, label="Fuel", amount=D(10), by=scene.hana)
    assert sent(scene, add) == {}
    scene = stage(states.DISTRIBUTING)
    heard = sent(scene, lambda: costs.add_extra_cost(scene.run, label="Fuel", amount=D(10), by=scene.hana))
    assert heard.keys() == {"alice", "bob"}
    fuel = scene.run.extra_costs.get()
    assert sent(scene, lambda: costs.remove_extra_cost(fuel, by=scene.hana)).keys() == {"alice", "bob"}


# --- Groups ----------------------------------------------------------------------------------------
def test_a_removed_person_hears_that_and_nothing_else_about_the_group():
    """Spec 24, 65."""
    scene = stage()
    order(scene.run, scene.alice, scene.gouda, 1)
    bidding.place_bids(scene.run, [Wish(scene.oil.pk, D(6))], by=scene.alice, whose=scene.bob)
    heard = sent(scene, lambda: end_membership(scene.group.pk, scene.bob.pk, by=scene.adam))
    gone = "Bob left the run; their order was dropped"
    assert heard == {"bob": ["Adam removed you from the group"]} | to_all(gone, "alice", "hana")
    bidding_left = Notification.objects.filter(user=scene.bob, event__isnull=False).count()
    assert (
        Notification.objects.shown_to(scene.bob).count()
        == Notification.objects.filter(user=scene.bob).count() - bidding_left
    )
    assert "bob" not in sent(scene, lambda: runs.lock_list(scene.run, by=scene.alice))


def test_people_who_leave_by_choice_are_not_told_of_it():
    scene = stage()
    assert "bob" not in sent(scene, lambda: end_membership(scene.group.pk, scene.bob.pk, by=scene.bob))


def test_a_former_members_notifications_are_hidden_until_they_return():
    scene = stage(states.DISTRIBUTING)
    seen = Notification.objects.shown_to(scene.bob).count()
    assert seen
    end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)
    assert not Notification.objects.shown_to(scene.bob).exists()
    join_group(scene.group.join_token, by=scene.bob)
    assert Notification.objects.shown_to(scene.bob).count() == seen


# --- How often -------------------------------------------------------------------------------------
def test_only_the_newest_of_several_unread_ones_about_the_same_thing_is_kept():
    scene = stage()

    def change(amount):
        bidding.place_bids(scene.run, [Wish(scene.oil.pk, D(amount))], by=scene.alice, whose=scene.bob)

    heard = sent(scene, lambda: [change(5), change(6), change(7)])
    assert len(heard["bob"]) == 1
    assert "7" in heard["bob"][0]
    Notification.objects.unread().update(read_at=scene.run.created_at)
    change(8)
    assert Notification.objects.filter(user=scene.bob).count() == 2


def test_ones_of_the_same_kind_about_different_things_are_all_kept():
    """Two people who leave, two costs, two who decline to lead: none hides another."""
    scene = stage(states.DISTRIBUTING)
    fuel = partial(costs.add_extra_cost, scene.run, label="Fuel", amount=D(10), by=scene.hana)
    bags = partial(costs.add_extra_cost, scene.run, label="Bags", amount=D(2), by=scene.hana)
    heard = sent(scene, lambda: [fuel(), bags()])
    assert heard["bob"] == ["Hana added “Fuel”: €10.00", "Hana added “Bags”: €2.00"]
    scene = stage()
    order(scene.run, scene.dora, scene.oil, 1)
    heard = sent(scene, lambda: [membership.leave_run(scene.run, by=person) for person in (scene.bob, scene.dora)])
    assert len(heard["alice"]) == 2
    order(scene.run, scene.bob, scene.oil, 1)
    order(scene.run, scene.dora, scene.oil, 1)

    def ask(person):
        lead.offer_lead(scene.run, person, by=scene.alice)
        lead.decline_lead(scene.run, by=person)

    heard = sent(scene, lambda: [ask(scene.bob), ask(scene.dora)])
    assert len(heard["alice"]) == 2


def test_a_newer_state_replaces_the_older_one_whoever_moved_the_run():
    scene = stage()
    runs.lock_list(scene.run, by=scene.alice)
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    lead.accept_lead(scene.run, by=scene.bob)
    heard = sent(scene, lambda: [runs.unlock_list(scene.run, by=scene.bob), runs.lock_list(scene.run, by=scene.bob)])
    assert heard["hana"] == ["Bob moved the run from “Collecting” to “Locked”"]


# Who hears of each kind of event, besides the person who did it.
HEARD_BY = {
    "run_started": "members",
    **dict.fromkeys(("run_moved", "last_stretch", "last_stretch_begun", "last_stretch_over"), "participants"),
    **dict.fromkeys(("left_run", "left_group"), "leader and helpers"),
    **{"closed_open": "leader", "closed_empty": "leader", "closing_set": "who has not left, if it is earlier"},
    **dict.fromkeys(("closing_soon", "reminded", "packs_to_fill"), "who may act"),
    **dict.fromkeys((name for name, kind in KINDS.items() if kind.to_subject), "whom it is about"),
    **dict.fromkeys((name for name in KINDS if name.startswith("extra_")), "whom it concerns"),
    **dict.fromkeys(("lead_declined", "total_corrected", "difference_split", "merged"), "whom it concerns"),
}
HEARD_BY_NOBODY = {name for name in KINDS if name.startswith(("receipt_", "packs_")) or name.endswith("picked_up")} | {
    *("run_edited", "closing_removed", "ready", "not_ready", "bought", "purchase_edited", "put_back", "not_there"),
    *("back_on_list", "last_time", "list_dropped", "paid", "not_paid", "keeps_order", "sorts_again"),
    *("given_back", "not_given_back"),
}


def test_every_kind_of_event_says_who_hears_of_it():
    assert KINDS.keys() == HEARD_BY.keys() | HEARD_BY_NOBODY


def test_a_rollback_notifies_nobody():
    """D7."""
    scene = stage()
    before = Notification.objects.count(), Event.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        runs.lock_list(scene.run, by=scene.alice)
        raise ZeroDivisionError
    assert (Notification.objects.count(), Event.objects.count()) == before


# --- Bell and list ---------------------------------------------------------------------------------
def bell(client):
    page = client.get("/inbox/").content.decode()
    mark = page.split('id="bell"')[1].split("</a>")[0]
    return mark.split("</span>")[-2].split("<span")[0].split(">")[-1] if "<b>" in mark else "0"


def test_the_bell_and_the_list_agree_after_each_step():
    scene = stage()
    runs.lock_list(scene.run, by=scene.alice)
    bidding_rows = Notification.objects.shown_to(scene.bob).unread()
    client, count = signed_in(scene.bob), bidding_rows.count()
    assert count >= 2  # the new run, and its lock
    while count:
        page = client.get("/inbox/").content.decode()
        assert (bell(client), page.count('class="unread"')) == (str(count), count)
        answer = client.post(reverse("inbox-open", args=[bidding_rows.first().pk]))
        assert answer.url == reverse("run", args=[scene.run.pk])
        count -= 1
    assert bell(client) == "0"
    assert "Mark all as read" not in client.get("/inbox/").content.decode()


def test_marking_all_as_read_marks_only_the_readers_own():
    scene = stage(states.DISTRIBUTING)
    others = Notification.objects.shown_to(scene.hana).unread().count()
    signed_in(scene.bob).post(reverse("inbox-read"))
    assert bell(signed_in(scene.bob)) == "0"
    assert Notification.objects.shown_to(scene.hana).unread().count() == others > 0


def test_nobody_can_read_or_mark_another_persons():
    scene = stage(states.DISTRIBUTING)
    row = Notification.objects.filter(user=scene.hana).first()
    for person in (scene.bob, scene.alice, scene.adam, scene.charlie):
        assert signed_in(person).post(reverse("inbox-open", args=[row.pk])).status_code == 404
    row.refresh_from_db()
    assert row.read_at is None


@pytest.mark.parametrize("name", ["inbox-open", "inbox-read"])
def test_the_same_form_twice_has_one_effect_and_one_without_its_id_has_none(name):
    """D6."""
    scene = stage(states.DISTRIBUTING)
    row = Notification.objects.shown_to(scene.bob).unread().first()
    address = reverse(name, args=[row.pk] if name == "inbox-open" else [])
    client, form = signed_in(scene.bob), {"once": str(uuid.uuid4())}
    assert client.post(address, once=False).status_code == 422
    assert Notification.objects.get(pk=row.pk).read_at is None
    first = client.post(address, form)
    read_at = Notification.objects.get(pk=row.pk).read_at
    second = client.post(address, form)
    assert (first.status_code, first["Location"]) == (second.status_code, second["Location"])
    assert read_at == Notification.objects.get(pk=row.pk).read_at is not None


def test_a_removal_leads_to_the_readers_groups():
    scene = stage()
    end_membership(scene.group.pk, scene.bob.pk, by=scene.adam)
    client = signed_in(scene.bob)
    page = client.get("/inbox/").content.decode()
    assert "Adam removed you from the group" in page
    row = Notification.objects.shown_to(scene.bob).get()
    assert client.post(reverse("inbox-open", args=[row.pk])).url == reverse("groups")


def test_the_bell_counts_to_ninety_nine_at_most():
    scene = stage()
    events = Event.objects.bulk_create(Event(run=scene.run, kind="run_edited", actor=scene.alice) for _ in range(120))
    Notification.objects.bulk_create(Notification(user=scene.dora, event=event) for event in events)
    client = signed_in(scene.dora)
    assert bell(client) == "99+"
    assert "Page 1 of 3" in client.get("/inbox/").content.decode()


@pytest.mark.parametrize("many", [1, 30])
def test_the_list_runs_as_many_queries_for_one_as_for_many(many, django_assert_num_queries):
    scene = stage()
    Notification.objects.all().delete()
    events = Event.objects.bulk_create(Event(run=scene.run, kind="run_edited", actor=scene.alice) for _ in range(many))
    Notification.objects.bulk_create(Notification(user=scene.dora, event=event) for event in events)
    client = signed_in(scene.dora)
    with django_assert_num_queries(6):
        assert client.get("/inbox/").content.decode().count('class="unread"') == many
