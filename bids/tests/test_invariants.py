"""D8: `manage.py check_invariants` checks what must hold, and finds everything that can be wrong."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.tests.factories import make_group, make_user
from bids import states
from bids.reading import invariants
from bids.reading.invariants import problems

from .cast import WAY, stage

pytestmark = pytest.mark.django_db


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("state", [*WAY, states.CANCELLED])
def test_a_run_is_whole_in_every_state(state):
    stage(state)
    assert problems() == []


# the check that finds it, the state of the run, the damage to the database, the sentence about it
# Each purchase keeps its price, but the price belongs to an offer at a store where nobody was.
MOVED_OFFERS = (
    "WITH elsewhere AS (INSERT INTO stores_store"
    " (name, name_key, chain, address, currency, is_currency_fixed, is_verified, created_at, generation)"
    " VALUES ('Elsewhere', 'elsewhere', '', '', 'EUR', true, false, now(), gen_random_uuid()) RETURNING id)"
    " UPDATE stores_offer SET store_id = elsewhere.id FROM elsewhere"
)
# Of one of those who owe something to the payer, in a state, and then a part of it.
PAYMENT = (
    "WITH payment AS (INSERT INTO bids_payment"
    " (group_id, sender_id, receiver_id, amount, said_amount, day, note, state, created_by_id, created_at)"
    " SELECT group_id, user_id, payer_id, 1, 1, now(), '', '{}', payer_id, now() FROM bids_run"
    " JOIN bids_participation ON run_id = bids_run.id WHERE user_id <> payer_id LIMIT 1 RETURNING *) "
)
ITS_PART = (
    "INSERT INTO bids_paymentpart (payment_id, participation_id, amount)"
    " SELECT payment.id, part.id, 1 FROM payment JOIN bids_participation part ON user_id {} sender_id LIMIT 1"
)
CORRUPTIONS = [
    (
        "_payments_add_up",
        "completed",
        "UPDATE bids_participation SET paid_amount = 1, paid_at = now()",
        "but the confirmed payments come to 0",
    ),
    ("_payments_add_up", "completed", PAYMENT.format("confirmed") + ITS_PART.format("="), "has paid None, but"),
    ("_parts_of_payments", "completed", PAYMENT.format("refused") + ITS_PART.format("="), "was refused or taken back"),
    ("_parts_of_payments", "completed", PAYMENT.format("said") + ITS_PART.format("<>"), "not between its two people"),
    ("_journals", "completed", PAYMENT.format("said") + "SELECT 1", "is said, but its last step is none"),
    ("_lines_add_up", "distributing", "UPDATE bids_purchase SET quantity = quantity + 1", "is allocated"),
    ("_lines_add_up", "completed", "UPDATE bids_allocation SET cost = cost + 0.01", "is allocated"),
    ("_lines_add_up", "distributing", "DELETE FROM bids_allocation", "is allocated"),
    ("_runs_add_up", "distributing", "UPDATE bids_participation SET extra_share = 0.01", "but people owe"),
    ("_runs_add_up", "completed", "UPDATE bids_purchase SET total = total + 0.01", "but people owe"),
    (
        "_discounts_are_covered",
        "distributing",
        "INSERT INTO bids_extracost (run_id, label, amount, added_by_id, added_at)"
        " SELECT id, '', -99, leader_id, now() FROM bids_run",
        "discounts of -99.00 on goods of 67.00",
    ),
    (
        "_extra_costs_go",
        "distributing",
        "WITH cost AS (INSERT INTO bids_extracost (run_id, label, amount, added_by_id, added_at)"
        " SELECT id, '', 9, leader_id, now() FROM bids_run)"
        " UPDATE bids_participation SET extra_share = 3",
        "but they are split so that it is about",
    ),
    (
        "_parts_of_extra",
        "distributing",
        "INSERT INTO bids_extrashare (participation_id, how, amount) SELECT id, 'value', 1 FROM bids_participation",
        "but the parts of it come to 1.00",
    ),
    (
        "_parts_of_extra",
        "distributing",
        "WITH cost AS (INSERT INTO bids_extracost (run_id, label, amount, added_by_id, added_at)"
        " SELECT id, '', 3, leader_id, now() FROM bids_run), part AS (INSERT INTO bids_extrashare"
        " (participation_id, how, amount) SELECT id, 'equal', 1 FROM bids_participation)"
        " UPDATE bids_participation SET extra_share = 1",
        "(value) are split into 0",
    ),
    ("_differences", "completed", "UPDATE bids_run SET difference_taken = 1", "but there are no receipts"),
    ("_differences", "shopping", "UPDATE bids_run SET difference_taken = 1", "before the end of the shop"),
    ("_nobody_owes", "distributing", "UPDATE bids_participation SET extra_share = -99", "owes less than nothing"),
    ("_allocations_belong", "distributing", "UPDATE bids_run SET state = 'adjusting'", "without a hand-out"),
    (
        "_allocations_belong",
        "distributing",
        "UPDATE bids_allocation SET item_id = (SELECT max(id) FROM bids_shoppingitem)",
        "do not belong together",
    ),
    ("_allocations_belong", "distributing", "UPDATE bids_bid SET quantity = NULL", "only interested"),
    ("_allocations_belong", "active", "UPDATE bids_participation SET extra_share = 1", "before the hand-out"),
    (
        "_leaders_take_part",
        "active",
        "UPDATE bids_run SET leader_id = (SELECT id FROM accounts_user WHERE name = 'Dora')",
        "its leader does not take part",
    ),
    ("_leaders_take_part", "active", "UPDATE bids_participation SET is_helper = true", "its leader is a helper"),
    (
        "_leaders_take_part",
        "completed",
        "UPDATE bids_run SET payer_id = (SELECT id FROM accounts_user WHERE name = 'Dora')",
        "its payer has no part",
    ),
    ("_open_runs", "shopping", "DELETE FROM accounts_membership WHERE NOT is_admin", "without being in the group"),
    (
        "_open_runs",
        "completed",
        "UPDATE bids_run SET lead_offered_by_id = leader_id,"
        " lead_offered_to_id = (SELECT id FROM accounts_user WHERE name = 'Bob')",
        "has ended, but its lead is still offered",
    ),
    (
        "_open_runs",
        "active",
        "UPDATE bids_run SET lead_offered_by_id = leader_id,"
        " lead_offered_to_id = (SELECT id FROM accounts_user WHERE name = 'Dora')",
        "offered to someone who does not take part",
    ),
    ("_open_runs", "active", "UPDATE accounts_group SET archived_at = now()", "open in an archived group"),
    ("_states_fit", "active", "UPDATE bids_run SET state = 'planning'", "but it is still planned"),
    ("_states_fit", "shopping", "UPDATE bids_run SET state = 'confirmed'", "a shopping list before the shop"),
    (
        "_states_fit",
        "shopping",
        "UPDATE bids_run SET state = 'adjusting', payer_id = leader_id",
        "still open after the shop",
    ),
    (
        "_states_fit",
        "adjusting",
        "UPDATE bids_shoppingitem SET not_there_at = now(), not_there_by_id = (SELECT leader_id FROM bids_run)",
        "bought and not there",
    ),
    ("_states_fit", "shopping", "UPDATE bids_bid SET quantity = NULL", "but nobody wants it"),
    ("_states_fit", "shopping", "DELETE FROM bids_shoppingitem", "wanted, but not on the list"),
    ("_quantities", "active", "UPDATE bids_bid SET quantity = 1.5", "1.50 of a counted product"),
    ("_quantities", "adjusting", "UPDATE bids_purchase SET quantity = 1.5", "1.50 of a counted product"),
    ("_quantities", "completed", "UPDATE bids_allocation SET quantity = 1.5", "1.50 of a counted product"),
    (
        "_amounts_fit",
        "completed",
        "WITH yen AS (UPDATE accounts_group SET currency = 'JPY') UPDATE bids_purchase SET total = 66.50",
        "66.50 is no amount of JPY",
    ),
    ("_currencies", "active", "UPDATE stores_store SET currency = 'JPY'", "the store's currency is not the group's"),
    ("_observations", "adjusting", "UPDATE stores_price SET amount = 1", "does not say what it says"),
    ("_observations", "adjusting", "UPDATE stores_price SET quantity = 1", "does not say what it says"),
    ("_observations", "adjusting", "UPDATE stores_price SET withdrawn_at = now()", "does not say what it says"),
    ("_observations", "adjusting", "UPDATE bids_purchase SET price_id = NULL", "does not say what it says"),
    ("_observations", "adjusting", "UPDATE bids_purchase SET total = 0", "a gift with a price"),
    (
        "_observations",
        "adjusting",
        "INSERT INTO stores_price (offer_id, amount, quantity, note, seen_at, is_of_purchase)"
        " SELECT offer_id, 1, 1, '', now(), true FROM stores_price LIMIT 1",
        "of a purchase that is not there",
    ),
    ("_observations", "adjusting", MOVED_OFFERS, "another product or store"),
    ("_what_is_in_use", "active", "UPDATE accounts_group SET is_currency_fixed = false", "its currency may change"),
    ("_what_is_in_use", "active", "UPDATE stores_store SET is_currency_fixed = false", "its currency may change"),
    ("_what_is_in_use", "active", "UPDATE stores_product SET is_unit_fixed = false", "its unit may change"),
    ("_groups_have_admins", "active", "UPDATE accounts_membership SET is_admin = false", "nobody administers it"),
]


def checks_that_see():
    return {check.__name__ for check in invariants.CHECKS if list(check())}


@pytest.mark.parametrize(("check", "state", "statement", "sentence"), CORRUPTIONS)
def test_each_problem_is_named(check, state, statement, sentence):
    """D8."""
    stage(states.RunState(state))
    sql(statement)
    assert any(name.startswith(check) for name in checks_that_see())
    assert any(sentence in problem for problem in problems()), problems()


def test_every_check_has_a_corruption():
    """A check that nothing in the list above triggers would check nothing."""
    named = {check for check, *_rest in CORRUPTIONS}
    assert [check.__name__ for check in invariants.CHECKS if not check.__name__.startswith(tuple(named))] == []


def test_the_command_fails_when_something_is_wrong(capsys):
    """D8: nightly, and after a restore, the exit code is what counts."""
    stage(states.DISTRIBUTING)
    call_command("check_invariants")
    assert "references are correct" in capsys.readouterr().out
    make_group("Empty", admin=make_user("Eva"))
    sql("UPDATE bids_participation SET extra_share = 1")
    with pytest.raises(CommandError, match="Problems found: 4") as failed:
        call_command("check_invariants")
    assert failed.value.returncode == 1
    assert "but people owe" in capsys.readouterr().out
