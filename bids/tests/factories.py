from decimal import Decimal

from accounts.tests.factories import make_group, make_user
from bids.actions.bidding import Wish, place_bids
from bids.actions.runs import lock_list, start_run, start_shopping
from bids.actions.shopping import buy
from bids.models import ShoppingItem
from stores.tests.factories import make_store


def make_run(*, leader=None, members=(), store=None, group=None, **fields):
    """A run in which people are choosing, in a group of the leader and the members."""
    leader = leader or make_user("Alice")
    group = group or make_group(admin=leader, members=members)
    return start_run(group, store=store or make_store(currency=group.currency), by=leader, **fields)


def order(run, user, product, quantity, comment=None):
    """Store what `user` wants; None is “Maybe”."""
    amount = None if quantity is None else Decimal(str(quantity))
    outcome = place_bids(run, [Wish(product.pk, amount, comment)], by=user)
    assert not outcome.refusals, outcome.refusals
    run.refresh_from_db()


def go_shopping(run):
    lock_list(run, by=run.leader)
    start_shopping(run, by=run.leader)
    run.refresh_from_db()


def item_of(run, product):
    return ShoppingItem.objects.select_related("run", "product").get(run=run, product=product)


def purchase(run, product, quantity, total, by=None):
    item = item_of(run, product)
    return buy(
        item,
        quantity=Decimal(str(quantity)),
        total=Decimal(str(total)),
        seen=item.version,
        by=by or run.leader,
    )
