"""D4: what the database itself refuses, by raw SQL. None of our code is in between."""

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from bids import states
from bids.actions.payments import say_paid
from bids.models import (
    Allocation,
    Bid,
    ExtraCost,
    ExtraShare,
    JournalEntry,
    Participation,
    Payment,
    PaymentPart,
    Purchase,
    Receipt,
    Run,
    ShoppingItem,
    Split,
    TakenInstead,
)
from bids.states import RunState

from .cast import D, stage
from .factories import make_run

pytestmark = pytest.mark.django_db


def sql(statement, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def change(row, column, value):
    """Column names and tables are ours; the value goes as text, which PostgreSQL reads as the column's type."""
    table = row._meta.db_table
    sql(f'UPDATE "{table}" SET "{column}" = %s WHERE id = %s', value, row.pk)


# model, column, constraint, lowest, just below, highest, just above
BOUNDS = [
    (Bid, "quantity", "bid_quantity_within", "0.01", "0.00", "99999.00", "99999.01"),
    (Bid, "limit", "bid_limit_within|bid_limit_above", "4.01", "0.00", "99999.00", "99999.01"),
    (TakenInstead, "quantity", "taken_instead_quantity_within", "0.01", "0.00", "99999.00", "99999.01"),
    (Purchase, "quantity", "purchase_quantity_within", "0.01", "0.00", "99999.00", "99999.01"),
    (Purchase, "total", "purchase_total_within", "0.00", "-0.01", "9999999.99", None),
    (Allocation, "quantity", "allocation_quantity_within", "0.01", "0.00", "99999.00", "99999.01"),
    (Allocation, "left_over", "allocation_left_over_(within|is_part)", "0.00", "-0.01", "3.00", "3.01"),
    (Allocation, "cost", "allocation_cost_within", "0.00", "-0.01", "9999999.99", None),
    (ExtraCost, "amount", "extra_cost_amount_within", "-9999999.99", None, "9999999.99", None),
    (ExtraShare, "amount", "extra_share_amount_within", "-9999999.99", None, "9999999.99", None),
    (Receipt, "amount", "receipt_amount_within", "0.01", "0.00", "9999999.99", None),
    (Run, "difference_taken", "run_difference_taken_within", "-9999999.99", None, "9999999.99", None),
    (Payment, "amount", "payment_amount_within", "0.00", "-0.01", "9999999.99", None),
    (Payment, "said_amount", "payment_said_amount_within", "0.00", "-0.01", "9999999.99", None),
    (PaymentPart, "amount", "payment_part_amount_(within|not_zero)", "-9999999.99", "0.00", "9999999.99", None),
    (JournalEntry, "amount", "journal_entry_amount_within", "0.00", "-0.01", "9999999.99", None),
    (Participation, "extra_share", "participation_extra_share_within", "-9999999.99", None, "9999999.99", None),
    (Participation, "paid_amount", "participation_paid_amount_within", "0.00", "-0.01", "9999999.99", None),
]
IDS = [f"{model.__name__}.{column}" for model, column, *_rest in BOUNDS]


@pytest.fixture
def scene():
    made = stage(states.DISTRIBUTING)
    ExtraCost.objects.create(run=made.run, label="Deposit", amount=1, added_by=made.alice)
    ExtraShare.objects.create(participation=made.part_of(made.bob), how=Split.VALUE, amount=1)
    Receipt.objects.create(run=made.run, amount=68, added_by=made.alice)
    say_paid(made.group, made.alice, D(47), owed=D(47), by=made.bob)
    item = ShoppingItem.objects.filter(run=made.run).first()
    TakenInstead.objects.create(item=item, bid=Bid.objects.of_run(made.run).last(), quantity=1)
    Participation.objects.update(paid_amount=1, paid_at="2026-11-28T12:00Z", paid_marked_by=made.alice)
    return made


@pytest.mark.parametrize(("model", "column", "constraint", "low", "below", "high", "above"), BOUNDS, ids=IDS)
def test_a_quantity_or_an_amount_stays_within_its_bounds(scene, model, column, constraint, low, below, high, above):
    """D4, spec 4: both bounds, and NaN, which sorts above every number."""
    row = model.objects.first()
    for value in (low, high):
        change(row, column, value)
    for value in filter(None, (below, above, "NaN")):
        with pytest.raises(IntegrityError, match=constraint):
            change(row, column, value)


@pytest.mark.parametrize(("model", "column", "constraint", "low", "below", "high", "above"), BOUNDS, ids=IDS)
def test_numbers_too_long_for_the_column_are_refused_by_its_type(
    scene, model, column, constraint, low, below, high, above
):
    """D4: infinities as well. Beyond the bound of an amount there is no room in the column."""
    row = model.objects.first()
    for value in ("100000000", "-100000000", "Infinity", "-Infinity"):
        with pytest.raises((DataError, IntegrityError)):
            change(row, column, value)


def test_every_quantity_and_amount_of_a_run_is_in_this_list():
    """D4: no new column is forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name LIKE 'bids_%%' AND data_type IN"
            " ('numeric', 'real', 'double precision')"
        )
        assert set(cursor.fetchall()) == {(model._meta.db_table, column) for model, column, *_rest in BOUNDS}


def test_a_discount_or_cost_of_zero_is_refused(scene):
    with pytest.raises(IntegrityError, match="extra_cost_amount_not_zero"):
        change(ExtraCost.objects.get(), "amount", "0")


def test_an_extra_cost_for_one_person_names_them(scene):
    cost = ExtraCost.objects.get()
    with pytest.raises(IntegrityError, match="extra_cost_has_its_person"):
        change(cost, "how", "person")
    with pytest.raises(IntegrityError, match="extra_cost_has_its_person"):
        change(cost, "person_id", Participation.objects.first().pk)
    with pytest.raises(IntegrityError, match="extra_cost_has_its_person"):
        change(cost, "how", "random")


def test_a_person_has_one_bid_for_a_product(scene):
    """D4."""
    with pytest.raises(IntegrityError, match="one_bid"):
        sql(
            "INSERT INTO bids_bid (participation_id, product_id, quantity, comment, created_at)"
            " SELECT participation_id, product_id, 1, '', now() FROM bids_bid LIMIT 1"
        )


def test_a_person_has_one_participation_in_a_run(scene):
    """D4."""
    with pytest.raises(IntegrityError, match="one_participation"):
        sql(
            "INSERT INTO bids_participation (run_id, user_id, is_helper, is_ready, joined_at, extra_share)"
            " SELECT run_id, user_id, false, false, now(), 0 FROM bids_participation LIMIT 1"
        )


def test_a_product_has_one_line_in_a_run(scene):
    """D4."""
    with pytest.raises(IntegrityError, match="one_line"):
        sql(
            "INSERT INTO bids_shoppingitem (run_id, product_id, version)"
            " SELECT run_id, product_id, 0 FROM bids_shoppingitem LIMIT 1"
        )


def test_a_bid_has_one_allocation(scene):
    """D4."""
    with pytest.raises(IntegrityError, match="bids_allocation_bid_id_key"):
        sql(
            "INSERT INTO bids_allocation (bid_id, item_id, quantity, cost)"
            " SELECT bid_id, item_id, 1, 1 FROM bids_allocation LIMIT 1"
        )


def test_a_purchase_has_one_price(scene):
    """D4."""
    with pytest.raises(IntegrityError, match="bids_purchase_price_id_key"):
        sql("UPDATE bids_purchase SET price_id = (SELECT min(price_id) FROM bids_purchase)")


def test_a_run_has_exactly_one_leader():
    """D4: the column holds one person and cannot be empty."""
    with pytest.raises(IntegrityError, match="leader_id"):
        change(make_run(), "leader_id", None)


def test_a_run_needs_a_payer_only_after_shopping():
    """D4."""
    run = make_run()
    for state in (states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED):
        with pytest.raises(IntegrityError, match="run_has_payer_after_the_shop"):
            change(run, "state", state)
        change(stage(state).run, "state", state)
    for state in (states.PLANNING, states.ACTIVE, states.CONFIRMED, states.SHOPPING, states.CANCELLED):
        change(run, "state", state)


@pytest.mark.parametrize("state", ["", "closed", "Planning", "planning "])
def test_a_run_is_in_a_known_state(state):
    """D4."""
    with pytest.raises(IntegrityError, match="run_state_known"):
        change(make_run(), "state", state)
    assert state not in RunState.values


def test_one_person_asks_one_other_person_to_take_the_lead(scene):
    """D4: one pending request is two columns, both or neither, and never to the leader."""
    ask = "UPDATE bids_run SET lead_offered_to_id = %s, lead_offered_by_id = %s"
    sql(ask, scene.bob.pk, scene.alice.pk)
    for to, by in ((scene.bob.pk, None), (None, scene.alice.pk), (scene.alice.pk, scene.adam.pk)):
        with pytest.raises(IntegrityError, match="run_lead_offered_to_another"):
            sql(ask, to, by)
    run = Run.objects.get()
    assert (run.lead_offered_to, run.lead_offered_by) == (scene.bob, scene.alice)


def test_a_payment_mark_has_an_amount_and_a_time(scene):
    person = Participation.objects.first()
    for column in ("paid_amount", "paid_at"):
        with pytest.raises(IntegrityError, match="participation_paid_whole"):
            change(person, column, None)


def test_people_who_have_left_neither_help_nor_are_ready(scene):
    helper, other = scene.part_of(scene.hana), scene.part_of(scene.bob)
    change(other, "left_at", "2026-11-28T12:00Z")
    for person, column, value in ((helper, "left_at", "2026-11-28T12:00Z"), (other, "is_ready", True)):
        with pytest.raises(IntegrityError, match="participation_left_has_no_role"):
            change(person, column, value)


@pytest.mark.parametrize(
    ("model", "columns", "constraint"),
    [
        (ShoppingItem, ("not_there_at", "not_there_by_id"), "item_not_there_whole"),
        (Allocation, ("picked_up_at", "picked_up_by_id"), "allocation_picked_up_whole"),
    ],
)
def test_a_mark_has_a_time_and_a_person(scene, model, columns, constraint):
    row, values = model.objects.first(), ("2026-11-28T12:00Z", scene.alice.pk)
    for column, value in zip(columns, values, strict=True):
        with pytest.raises(IntegrityError, match=constraint):
            change(row, column, value)


@pytest.mark.parametrize("table", ["accounts_user", "stores_product", "stores_store", "accounts_group"])
def test_rows_that_a_run_refers_to_cannot_be_deleted(scene, table):
    """D4: no orphans."""
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
