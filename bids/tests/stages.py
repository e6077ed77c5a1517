"""A run brought to each stage, with the fixed cast: Alice leads, Bob takes part and helps, Eve takes part, Dora is in
the group but not in the run, Charlie is in another group."""

from decimal import Decimal
from types import SimpleNamespace

from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import costs, distribution, lead, shopping
from bids.actions.runs import lock_list
from bids.models import Allocation, Bid
from bids.reading.division import Division
from bids.reading.lines import lines_of
from stores.tests.factories import make_offer, make_product, make_store, make_weighed_product

from .factories import go_shopping, item_of, make_run, order, purchase
from .kept import kept


@kept
def stage(state, *, day=None):
    """The cast, the products and the run at `state`; a run that is sorted out lacks one oil."""
    cast = {name.lower(): make_user(name) for name in ("Alice", "Bob", "Eve", "Dora", "Charlie")}
    one = SimpleNamespace(**cast)
    one.group = make_group(admin=one.alice, members=[one.bob, one.eve, one.dora])
    one.other_group = make_group("Elsewhere", admin=one.charlie)
    one.store = make_store()
    one.oil, one.gouda, one.tabs = make_product(), make_weighed_product(), make_product()
    one.spare = make_product()
    make_offer(one.oil, one.store, pack_size=6, price="44.40", quantity=6)
    one.run = make_run(leader=one.alice, group=one.group, store=one.store, day=day)
    if state == states.PLANNING:
        return one
    order(one.run, one.bob, one.oil, 4, "the green one")
    order(one.run, one.eve, one.oil, 2)
    order(one.run, one.eve, one.gouda, "1.5")
    order(one.run, one.bob, one.tabs, 1)
    lead.set_helper(one.run, one.bob, True, by=one.alice)
    _bring_on(one, state)
    one.run.refresh_from_db()
    one.bid = Bid.objects.of_run(one.run).filter(product=one.oil).first()
    one.allocation = Allocation.objects.filter(item__run=one.run, bid__participation__user=one.eve).first()
    return one


def _bring_on(one, state):
    if state == states.ACTIVE:
        return
    if state == states.CONFIRMED:
        lock_list(one.run, by=one.alice)
        return
    go_shopping(one.run)
    one.item = item_of(one.run, one.oil)
    if state == states.SHOPPING:
        one.purchase = purchase(one.run, one.gouda, "1.50", "12.30", by=one.bob)
        return
    purchase(one.run, one.gouda, "1.52", "12.46", by=one.bob)
    one.purchase = purchase(one.run, one.oil, 5, "37.00")
    one.cost = _deposit(one)
    shopping.finish_shopping(one.run, payer=one.alice, open_lines=1, by=one.alice)
    one.item.refresh_from_db()
    one.run.refresh_from_db()
    if state == states.ADJUSTING:
        return
    distribution.force_hand_out(one.run, seen=Division(one.run, lines_of(one.run)).fingerprint(), by=one.alice)
    if state == states.DISTRIBUTING:
        return
    waiting = distribution.not_picked_up(one.run).count()
    distribution.complete(one.run, waiting=waiting, by=one.alice)


def _deposit(one):
    costs.add_extra_cost(one.run, label="Deposit", amount=Decimal("1.00"), by=one.bob)
    return one.run.extra_costs.get()
