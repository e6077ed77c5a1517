"""A run from the first wish to the last cent, through the actions."""

from decimal import Decimal

import pytest

from accounts.tests.factories import make_user
from bids import states
from bids.actions import costs, distribution, runs, shopping
from bids.models import Allocation
from bids.reading.division import Division
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bids.reading.sums import debts_of, owed_by_person
from stores.tests.factories import make_product, make_weighed_product

from .factories import go_shopping, make_run, order, purchase

pytestmark = pytest.mark.django_db


def test_a_run_from_the_first_wish_to_the_last_cent():
    alice, bob, dora = make_user("Alice"), make_user("Bob"), make_user("Dora")
    run = make_run(leader=alice, members=[bob, dora])
    oil, gouda, rice, none = make_product(), make_weighed_product(), make_weighed_product(), make_product()
    order(run, alice, oil, 2)
    assert run.state == states.PLANNING
    order(run, bob, oil, 4)
    assert run.state == states.ACTIVE
    order(run, bob, gouda, "1.5")
    order(run, dora, gouda, 3)
    order(run, dora, rice, 5)
    order(run, dora, none, 1)
    go_shopping(run)
    purchase(run, oil, 5, "37.00")
    purchase(run, gouda, "4.37", "35.83")
    bought = purchase(run, rice, 7, "14.70")
    shopping.finish_shopping(run, payer=alice, open_lines=1, by=alice)
    run.refresh_from_db()
    assert run.state == states.ADJUSTING
    assert [line.product for line in lines_of(run) if line.to_decide] == [oil, rice]
    distribution.sort_out(run, rice, Decimal(1), was=Decimal(0), by=bob)
    costs.add_extra_cost(run, label="Deposit", amount=Decimal("1.00"), by=alice)
    seen = Division(run, lines_of(run)).fingerprint()
    distribution.force_hand_out(run, seen=seen, by=alice)
    run.refresh_from_db()
    assert run.state == states.DISTRIBUTING
    assert sum(owed_by_person(run).values()) == Decimal("37.00") + Decimal("35.83") + Decimal("14.70") + 1
    costs.correct_total(bought, Decimal("15.00"), was=Decimal("14.70"), by=alice)
    owed = {person.user: owed_by_person(run)[person.pk] for person in run.participations.all()}
    assert sum(owed.values()) == Decimal("88.83") - Decimal("35.83") + Decimal("35.83")
    received = Allocation.objects.filter(item__run=run, bid__product=gouda).values_list("quantity", flat=True)
    assert sorted(received) == [Decimal("1.46"), Decimal("2.91")]
    costs.set_paid(run, bob, True, owed=owed[bob], by=alice)
    waiting = distribution.not_picked_up(run).count()
    distribution.complete(run, waiting=waiting, by=alice)
    owes, due = debts_of(alice)
    assert problems() == []
    assert owes == []
    assert [(debt.debtor, debt.amount) for debt in due] == [(dora, owed[dora])]


def test_a_run_in_which_nothing_was_bought_is_completed():
    run = make_run()
    order(run, run.leader, make_product(), 2)
    go_shopping(run)
    shopping.finish_shopping(run, payer=run.leader, open_lines=1, by=run.leader)
    run.refresh_from_db()
    assert run.state == states.COMPLETED
    distribution.back_to_shopping(run, by=run.leader)
    run.refresh_from_db()
    assert run.state == states.SHOPPING


def test_calling_off():
    run = make_run()
    runs.call_off(run, by=run.leader)
    run.refresh_from_db()
    assert run.state == states.CANCELLED
