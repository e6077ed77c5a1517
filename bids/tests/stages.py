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
    """The cast, the products and the run at `state`; while sorting out, one oil is missing."""
    cast = {name.lower(): make_user(name) for name in ("Alice", "Bob", "Eve", "Dora", "Charlie")}
    scene = SimpleNamespace(**cast)
    scene.group = make_group(admin=scene.alice, members=[scene.bob, scene.eve, scene.dora])
    scene.other_group = make_group("Elsewhere", admin=scene.charlie)
    scene.store = make_store()
    scene.oil, scene.gouda, scene.tabs = make_product(), make_weighed_product(), make_product()
    scene.spare = make_product()
    make_offer(scene.oil, scene.store, pack_size=6, price="44.40", quantity=6)
    scene.run = make_run(leader=scene.alice, group=scene.group, store=scene.store, day=day)
    if state == states.PLANNING:
        return scene
    order(scene.run, scene.bob, scene.oil, 4, "the green one")
    order(scene.run, scene.eve, scene.oil, 2)
    order(scene.run, scene.eve, scene.gouda, "1.5")
    order(scene.run, scene.bob, scene.tabs, 1)
    lead.set_helper(scene.run, scene.bob, True, by=scene.alice)
    _bring_on(scene, state)
    scene.run.refresh_from_db()
    scene.bid = Bid.objects.of_run(scene.run).filter(product=scene.oil).first()
    scene.allocation = Allocation.objects.filter(item__run=scene.run, bid__participation__user=scene.eve).first()
    return scene


def _bring_on(scene, state):
    if state == states.ACTIVE:
        return
    if state == states.CONFIRMED:
        lock_list(scene.run, by=scene.alice)
        return
    go_shopping(scene.run)
    scene.item = item_of(scene.run, scene.oil)
    if state == states.SHOPPING:
        scene.purchase = purchase(scene.run, scene.gouda, "1.50", "12.30", by=scene.bob)
        return
    purchase(scene.run, scene.gouda, "1.52", "12.46", by=scene.bob)
    scene.purchase = purchase(scene.run, scene.oil, 5, "37.00")
    scene.cost = _deposit(scene)
    shopping.finish_shopping(scene.run, payer=scene.alice, open_lines=1, by=scene.alice)
    scene.item.refresh_from_db()
    scene.run.refresh_from_db()
    if state == states.ADJUSTING:
        return
    distribution.force_hand_out(scene.run, seen=Division(scene.run, lines_of(scene.run)).fingerprint(), by=scene.alice)
    if state == states.DISTRIBUTING:
        return
    waiting = distribution.not_picked_up(scene.run).count()
    distribution.complete(scene.run, waiting=waiting, by=scene.alice)


def _deposit(scene):
    costs.add_extra_cost(scene.run, label="Deposit", amount=Decimal("1.00"), by=scene.bob)
    return scene.run.extra_costs.get()
