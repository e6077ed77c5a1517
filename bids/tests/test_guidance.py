"""Who must act, for each reader: a cell for every state, role, and situation of the reader (spec 32)."""

import pytest
from django.conf import settings

from bids import states
from bids.actions import bidding, distribution, lead
from bids.actions.bidding import Wish
from bids.actions.costs import correct_total, set_paid
from bids.actions.distribution import set_picked_up
from bids.models import Allocation, Purchase, Run
from bids.reading.guidance import next_step
from bids.reading.jobs import JobKind, jobs_of
from bids.reading.standing import standing_of, standings
from bids.reading.sums import owed_by_person
from bids.templatetags.jobs import TEXTS, job_texts
from bulq.tests.client import signed_in

from .cast import D, leave_the_shop, stage
from .factories import go_shopping, make_run, order, purchase

pytestmark = pytest.mark.django_db
PEOPLE = ("alice", "bob", "hana", "dora")


def ready(scene, *names):
    for name in names:
        bidding.set_ready(scene.run, True, by=getattr(scene, name))


def pay(scene, *names):
    for name in names:
        person = getattr(scene, name)
        set_paid(scene.run, person, True, owed=owed_by_person(scene.run)[scene.part_of(person).pk], by=scene.alice)


def hand_to(scene, *names):
    for name in names:
        rows = Allocation.objects.filter(item__run=scene.run, bid__participation__user=getattr(scene, name))
        set_picked_up(scene.run, rows, True, by=scene.alice)


# --- The situations --------------------------------------------------------------------------------
def nobody_chose():
    scene = stage(states.PLANNING)
    bidding.place_bids(scene.run, [Wish(scene.oil.pk, D(0))], by=scene.alice)
    return scene


def some_choose():
    scene = stage()
    ready(scene, "hana")
    return scene


def only_the_leader_chooses():
    scene = stage()
    ready(scene, "bob", "hana")
    return scene


def all_are_done():
    scene = only_the_leader_chooses()
    ready(scene, "alice")
    return scene


def lead_offered():
    scene = stage()
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    return scene


def short_of_gouda():
    return stage(states.ADJUSTING)


def oil_left_over():
    return stage(states.ADJUSTING, oil="9", gouda="3")


def sorted_out():
    scene = stage(states.ADJUSTING)
    distribution.sort_out(scene.run, scene.gouda, D(2), was=D(3), by=scene.bob)
    return scene


def paid_before_pick_up():
    scene = stage(states.DISTRIBUTING)
    pay(scene, "bob", "hana")
    return scene


def picked_up_not_paid():
    scene = stage(states.DISTRIBUTING)
    hand_to(scene, "bob", "hana")
    return scene


def bob_is_all_set():
    scene = stage(states.DISTRIBUTING)
    hand_to(scene, "bob")
    pay(scene, "bob")
    return scene


def paid_too_much():
    scene = bob_is_all_set()
    gouda = Purchase.objects.get(item__run=scene.run, item__product=scene.gouda)
    correct_total(gouda, D(23), was=D(27), by=scene.alice)
    return scene


def hana_paid_in_the_shop():
    """The leader owes, a helper is the payer."""
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 8, "40")
    leave_the_shop(scene.run, payer=scene.hana)
    return scene


def leader_took_nothing():
    scene = stage(states.PLANNING)
    bidding.place_bids(scene.run, [Wish(scene.oil.pk, D(0))], by=scene.alice)
    order(scene.run, scene.bob, scene.oil, 8)
    go_shopping(scene.run)
    purchase(scene.run, scene.oil, 8, "40")
    leave_the_shop(scene.run)
    return scene


def over(scene):
    distribution.complete(scene.run, waiting=distribution.not_picked_up(scene.run).count(), by=scene.alice)
    return scene


def nothing_was_bought():
    scene = stage(states.SHOPPING)
    leave_the_shop(scene.run)
    return scene


CHOOSE = "Choose what you want. Alice locks the list when everyone is done."
SAY_DONE = "Say when you are done choosing. Alice then locks the list."
DONE = "You are done choosing. Waiting for Alice to lock the list."
HANDS_OUT = "Alice is handing out the goods."
ALL_SET = "You are all set. Alice is handing out the rest."
OFF = "This run was called off. Nobody owes anything."
SETTLED = "Settled: everything is handed out and paid."
# In each situation, what the leader, a participant, a helper and a member outside the run read.
TABLE = {
    nobody_chose: (
        "You and everyone in the group can choose now. Lock the list when everyone is done.",
        CHOOSE, CHOOSE, CHOOSE,
    ),
    some_choose: ("1 person is still choosing. Lock the list when everyone is done.", SAY_DONE, DONE, CHOOSE),
    only_the_leader_chooses: ("Only you are still choosing. Lock the list when you are done.", DONE, DONE, CHOOSE),
    all_are_done: ("Everyone is done choosing. You can lock the list now.", DONE, DONE, CHOOSE),
    lead_offered: ("Waiting for Bob to take over the lead.", SAY_DONE, SAY_DONE, CHOOSE),
    lambda: stage(states.CONFIRMED): ("You can go shopping now.", *["Waiting for Alice to go shopping."] * 3),
    lambda: stage(states.SHOPPING): (
        "You are shopping.", "Alice is shopping.", "Alice is shopping, and you help.", "Alice is shopping.",
    ),
    short_of_gouda: (
        "Not everything came as ordered. Sort out who takes what, then start the hand-out.",
        "Not everything came as ordered. Decide what you take; Alice then starts the hand-out.",
        "Alice is sorting out what differs from the orders.",
        "Alice is sorting out what differs from the orders.",
    ),
    oil_left_over: (
        "Not everything came as ordered. Sort out who takes what, then start the hand-out.",
        "Not everything came as ordered. Decide what you take; Alice then starts the hand-out.",
        "Not everything came as ordered. Decide what you take; Alice then starts the hand-out.",
        "Alice is sorting out what differs from the orders.",
    ),
    sorted_out: ("Everything is sorted out. Start the hand-out.", *["Waiting for Alice to start the hand-out."] * 3),
    lambda: stage(states.DISTRIBUTING): (
        "Hand out the goods, and note who has paid. 2 people still have to pay you €57.00 in total.",
        "Pick up your things from Alice. You still owe Alice €47.00.",
        "Help Alice hand out the goods. Pick up your things from Alice. You still owe Alice €10.00.",
        HANDS_OUT,
    ),
    paid_before_pick_up: (
        "Hand out the goods.",
        "Pick up your things from Alice.",
        "Help Alice hand out the goods. Pick up your things from Alice.",
        HANDS_OUT,
    ),
    picked_up_not_paid: (
        "Everything is handed out. Finish the hand-out. 2 people still have to pay you €57.00 in total.",
        "You still owe Alice €47.00.",
        "You still owe Alice €10.00.",
        HANDS_OUT,
    ),
    bob_is_all_set: (
        "Hand out the goods, and note who has paid. 1 person still has to pay you €10.00.",
        ALL_SET,
        "Help Alice hand out the goods. Pick up your things from Alice. You still owe Alice €10.00.",
        HANDS_OUT,
    ),
    paid_too_much: (
        "Hand out the goods, and note who has paid. 1 person still has to pay you €10.00. You give Bob €4.00 back.",
        "Alice gives you €4.00 back.",
        "Help Alice hand out the goods. Pick up your things from Alice. You still owe Alice €10.00.",
        HANDS_OUT,
    ),
    hana_paid_in_the_shop: (
        "Hand out the goods, and note who has paid. You still owe Hana €10.00.",
        "Pick up your things from Alice. You still owe Hana €20.00.",
        "Help Alice hand out the goods. 2 people still have to pay you €30.00 in total.",
        HANDS_OUT,
    ),
    leader_took_nothing: (
        "Hand out the goods, and note who has paid. 1 person still has to pay you €40.00.",
        "Pick up your things from Alice. You still owe Alice €40.00.",
        "Help Alice hand out the goods.",
        HANDS_OUT,
    ),
    lambda: over(picked_up_not_paid()): (
        "Handed out. 2 people still have to pay you €57.00 in total.",
        "Handed out. You still owe Alice €47.00.",
        "Handed out. You still owe Alice €10.00.",
        "Handed out. 2 people still have to pay €57.00 in total.",
    ),
    lambda: over(paid_too_much()): (
        "Handed out. 1 person still has to pay you €10.00. You give Bob €4.00 back.",
        "Handed out. Alice gives you €4.00 back.",
        "Handed out. You still owe Alice €10.00.",
        "Handed out. 1 person still has to pay €10.00. Alice gives Bob €4.00 back.",
    ),
    lambda: over(paid_before_pick_up()): (SETTLED,) * 4,
    nothing_was_bought: ("This run is over. Nothing was bought.",) * 4,
    lambda: stage(states.CANCELLED): (OFF,) * 4,
}  # fmt: skip
# What the home page asks of them, where it asks for anything besides choosing.
JOBS = {
    all_are_done: ("Lock the list", None, None, None),
    lead_offered: (None, "Alice asks you to lead", None, None),
    short_of_gouda: ("Sort out", "Sort out", None, None),
    oil_left_over: ("Sort out", "Sort out", "Sort out", None),
    sorted_out: ("Start the hand-out", None, None, None),
    paid_before_pick_up: ("Hand out", "Your things are ready", "Your things are ready", None),
    picked_up_not_paid: ("Finish the hand-out", "You owe Alice €47.00", "You owe Alice €10.00", None),
    bob_is_all_set: ("Hand out", None, "Your things are ready", None),
    paid_too_much: ("Hand out", "You are still owed €4.00", "Your things are ready", None),
    hana_paid_in_the_shop: ("Hand out", "Your things are ready", "You are still owed €30.00", None),
    leader_took_nothing: ("Hand out", "Your things are ready", None, None),
}


@pytest.mark.parametrize("situation", TABLE, ids=lambda build: build.__name__)
def test_the_sentence_follows_from_what_is_left_to_do_for_the_reader(situation):
    scene = situation()
    run = Run.objects.with_names().get(pk=scene.run.pk)
    sentences = tuple(next_step(standing_of(run, getattr(scene, name))) for name in PEOPLE)
    assert sentences == TABLE[situation]


@pytest.mark.parametrize("situation", JOBS, ids=lambda build: build.__name__)
def test_the_jobs_follow_from_it_too(situation):
    scene = situation()
    for name, expected in zip(PEOPLE, JOBS[situation], strict=True):
        user = getattr(scene, name)
        runs = Run.objects.open().visible_to(user).with_names()
        jobs = jobs_of(user, standings(runs, user).values())
        titles = [job_texts(job).title for job in jobs if job.urgency != 4]
        assert titles[0].startswith(expected) if expected else titles == [], (name, titles)


def test_every_kind_of_job_has_its_texts_and_a_symbol_that_exists():
    symbols = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    assert set(TEXTS) == set(JobKind)
    assert [texts.icon for texts in TEXTS.values() if f'id="{texts.icon}"' not in symbols] == []


@pytest.mark.slow
def test_every_state_is_covered():
    shown = {situation().state for situation in TABLE}
    assert shown == set(states.RunState)


def test_people_outside_a_hand_out_have_nothing_to_do():
    """Nor has a leader who ordered nothing: the page says so, and asks for nothing."""
    scene = stage(states.DISTRIBUTING)
    for user in (scene.dora, scene.adam):
        page = signed_in(user).get("/").content.decode()
        assert "Nothing to do." in page
        assert "Pick up" not in page


def test_the_word_for_a_run_is_the_same_on_every_page():
    """Handed out while money is open, settled after that: on its own page, in its group, at home, in history, inbox."""
    scene = stage(states.DISTRIBUTING)
    hand_to(scene, "bob", "hana")
    over(scene)
    client, addresses = signed_in(scene.dora), [f"/runs/{scene.run.pk}/", f"/groups/{scene.group.pk}/"]
    for address in [*addresses, f"/runs/{scene.run.pk}/history/"]:
        page = client.get(address).content.decode()
        assert "Handed out" in page, address
        assert "Settled:" not in page
        assert ">Settled</span>" not in page.replace("<span>Settled</span>", ""), address
    assert "to “Handed out”" in signed_in(scene.bob).get("/inbox/").content.decode()
    pay(scene, "bob", "hana")
    for address in addresses:
        assert "Settled: everything is handed out and paid." in client.get(address).content.decode()


def test_lists_run_as_many_queries_for_one_run_as_for_many(django_assert_num_queries):
    scene = stage(states.ADJUSTING)
    for _ in range(3):
        run = make_run(leader=scene.alice, group=scene.group)
        order(run, scene.bob, scene.gouda, 1)
    runs = Run.objects.filter(group=scene.group).with_names()
    with django_assert_num_queries(7):
        assert len([next_step(standing) for standing in standings(runs, scene.bob).values()]) == 4
