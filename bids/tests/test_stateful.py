"""The life of a run as a property: whatever people do, in any order, the invariants hold (D2, D4, D8)."""

import inspect
from collections import Counter
from contextlib import closing
from random import Random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bids.actions import bidding, costs, distribution, lead, marks, packs, payments, receipts, runs, shopping, stretch
from bids.states import TRANSITIONS
from stores.tests.factories import make_product, make_weighed_product

from .cast import WAY, stage
from .life import Life
from .trying import FITTING, Watch

RUNS, STEPS = 100, 40
# At first only chance decides what is tried. What is still unseen then is aimed at, for at most this many rounds.
AT_FIRST, MORE_ROUNDS, RUNS_A_ROUND = 50, 65, 10
# Called by other actions, never by a page.
PARTS_OF_ACTIONS = {"move_run", "reopen_run", "drop_out", "lock_run_to_reopen", "follow_with_price", "sorting_refusal"}
PARTS_OF_ACTIONS |= {"add_difference", "store_receipt", "mark_in_run", "unmark_in_run"}


class AnyLife(RuleBasedStateMachine):
    """Begins with a run in some state; everything is undone in the end."""

    stages, products, watch, counts = {}, [], None, Counter()
    beginnings, aimed_at = WAY, []

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.life, self.step = None, 0

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @initialize(number=st.integers(0, 2**32 - 1))
    def begin(self, number):
        scene = self.stages[Random(number).choice(self.beginnings)]
        people = [scene.alice, scene.bob, scene.hana, scene.dora, scene.adam, scene.charlie]
        self.life = Life(scene.run.pk, people, [scene.oil.pk, scene.gouda.pk, *self.products], self.watch, self.counts)
        self.counts["runs"] += 1

    @rule(seed=st.integers(0, 2**32 - 1))
    def go_on(self, seed):
        """Mostly do what fits this stage of the run, sometimes anything; sometimes with another run.

        Hypothesis likes to repeat a number; the step count makes it a different seed each time.
        """
        self.step += 1
        dice = Random(f"{seed}:{self.step}")
        way = dice.random()
        if way < 0.06 and len(self.life.run_ids) > 1:
            self.life.look_at(dice.choice(self.life.run_ids))
        fitting = [name for name, (there, _weight) in FITTING.items() if self.life.run.state in there]
        here = [name for name in fitting if len(FITTING[name][0]) <= 3] or ["start_run"]
        if self.life.run.lead_offered_to_id and way > 0.9:
            here, way = ["accept_lead", "accept_lead", "decline_lead", "withdraw_lead_offer"], 0
        names = here if way < 0.5 else fitting if way < 0.85 else list(FITTING)
        weights = [FITTING[name][1] for name in names] if way < 0.85 else None
        if self.aimed_at and dice.random() < 0.5:
            names, weights = self.aimed_at, None
        self.counts["steps"] += 1
        self.life.dice = dice
        getattr(self.life, dice.choices(names, weights)[0])()


def never_seen(counts):
    """Actions and moves that have not been both done and refused."""
    moves = [(origin, to) for origin, targets in TRANSITIONS.items() for to in targets]
    wanted = [(name, outcome) for name in FITTING for outcome in ("done", "refused")]
    wanted += [(*move, outcome) for move in moves for outcome in ("done", "refused")]
    return [aim for aim in wanted if not counts[aim]]


def aim_at(unseen, counts):
    """Set where runs begin and what is tried most, so that what is still unseen comes up soon."""
    aims = {key[1:] for key in counts if key[0] == "aim"}
    names = {name for name, to in aims if any(to in aim[1:2] for aim in unseen)}
    AnyLife.aimed_at = sorted(names | {aim[0] for aim in unseen if aim[0] in FITTING})
    fitting = {state for name in AnyLife.aimed_at for state in FITTING[name][0]}
    begun = [aim[0] for aim in unseen if aim[0] in WAY]
    AnyLife.beginnings = begun + [state for state in WAY if state in fitting] or WAY


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_people_do_a_run_stays_whole(settings):
    """D2, D4, D8: after each step every invariant holds, and a refusal has changed no table.

    Each action and each move has to have been done and refused at least once, or this fails.
    """
    settings.OPEN_RUNS_PER_GROUP, settings.PRODUCTS_PER_RUN = 2, 3
    AnyLife.stages = {
        state: stage(state, currency="JPY" if number % 3 == 0 else "EUR") for number, state in enumerate(WAY)
    }
    AnyLife.products = [make_weighed_product("Rice").pk, make_product("Eggs", step=6).pk]
    AnyLife.counts = counts = Counter()
    AnyLife.beginnings, AnyLife.aimed_at = WAY, []
    with closing(Watch()) as AnyLife.watch:
        play(counts)
    assert never_seen(counts) == []
    assert counts["runs"] >= RUNS
    assert counts["steps"] >= RUNS * STEPS


def play(counts):
    run_state_machine_as_test(AnyLife, settings=PLAY)
    for _round in range(MORE_ROUNDS):
        if never_seen(counts) or counts["runs"] < RUNS or counts["steps"] < RUNS * STEPS:
            aim_at(never_seen(counts), counts)
            run_state_machine_as_test(AnyLife, settings=PLAY_ON)


PLAY = settings(
    max_examples=AT_FIRST,
    stateful_step_count=STEPS + 1,  # the first is the beginning
    deadline=None,
    derandomize=False,  # under CI Hypothesis would play the same rounds again and again
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
PLAY_ON = settings(PLAY, max_examples=RUNS_A_ROUND)


def test_no_action_is_left_out():
    """Every function of bids/actions that a person can trigger is tried above."""
    found = {
        name
        for module in (bidding, costs, distribution, lead, marks, packs, payments, receipts, runs, shopping, stretch)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if "by" in inspect.signature(function).parameters
    }
    assert found - PARTS_OF_ACTIONS <= FITTING.keys()
