"""A run of the fixed cast in any state, brought there by its own actions.

Alice leads, Bob takes part, Hana helps, Dora is in the group but not in the run, Charlie is in another group,
and Adam administers the group without taking part.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from accounts.models import Group, User
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions import distribution, lead, runs, shopping
from bids.models import Allocation, Event, Participation, Run
from bids.reading.lines import lines_of
from stores.models import Product
from stores.tests.factories import make_product, make_store, make_weighed_product

from .factories import go_shopping, make_run, order, purchase
from .kept import kept

_numbers = count(1)
# The states a run goes through, in order; calling off is separate.
WAY = [
    states.PLANNING,
    states.ACTIVE,
    states.CONFIRMED,
    states.SHOPPING,
    states.ADJUSTING,
    states.DISTRIBUTING,
    states.COMPLETED,
]


@dataclass
class Stage:
    group: Group
    run: Run
    adam: User
    alice: User
    bob: User
    hana: User
    dora: User
    charlie: User
    oil: Product  # counted; Alice wants 2, Bob 4, Hana 2
    gouda: Product  # weighed; Bob wants 3

    def part_of(self, user):
        return Participation.objects.get(run=self.run, user=user)

    def fresh(self):
        self.run = Run.objects.select_related("group", "store", "leader").get(pk=self.run.pk)
        return self.run

    @property
    def state(self):
        return self.fresh().state

    def kinds(self):
        """Kinds of the events, oldest first."""
        return list(self.run.events.order_by("pk").values_list("kind", flat=True))

    def last_event(self):
        return Event.objects.filter(run=self.run).latest("pk")

    def wanted(self, user, product):
        bids = self.run.participations.filter(user=user, bids__product=product)
        return bids.values_list("bids__quantity", flat=True).first()

    def received(self, user, product):
        rows = Allocation.objects.filter(bid__participation__user=user, item__run=self.run, item__product=product)
        return rows.values_list("quantity", flat=True).first()


@kept
def stage(state=states.ACTIVE, *, currency="EUR", oil="8", gouda=None):
    """A run in `state`. Bought, from adjusting on: `oil` for 40 and `gouda` (3, or 2 while sorting out) for 27."""
    alice, bob, hana, dora, adam = (make_user(name) for name in ("Alice", "Bob", "Hana", "Dora", "Adam"))
    charlie, number = make_user("Charlie"), next(_numbers)
    make_group("Others", admin=charlie)
    group = make_group(admin=adam, members=[alice, bob, hana, dora], currency=currency)
    run = make_run(leader=alice, group=group, store=make_store(currency=currency))
    products = make_product(f"Oil {number}"), make_weighed_product(f"Gouda {number}")
    scene = Stage(group, run, adam, alice, bob, hana, dora, charlie, *products)
    lead.set_helper(run, hana, True, by=alice)
    order(run, alice, scene.oil, 2)
    if state != states.PLANNING:
        order(run, bob, scene.oil, 4)
        order(run, bob, scene.gouda, 3)
        order(run, hana, scene.oil, 2)
        _bring_on(scene, state, oil, gouda or ("2" if state == states.ADJUSTING else "3"))
    scene.fresh()
    return scene


def _bring_on(scene, state, oil, gouda):
    if state == states.CANCELLED:
        runs.call_off(scene.run, by=scene.alice)
    elif state == states.CONFIRMED:
        runs.lock_list(scene.run, by=scene.alice)
    elif state != states.ACTIVE:
        go_shopping(scene.run)
    if state in states.AFTER_THE_SHOP:
        purchase(scene.run, scene.oil, oil, "40")
        purchase(scene.run, scene.gouda, gouda, "27")
        leave_the_shop(scene.run)
    if state == states.COMPLETED:
        distribution.complete(scene.run, waiting=distribution.not_picked_up(scene.fresh()).count(), by=scene.alice)


def leave_the_shop(run, payer=None):
    open_lines = sum(line.is_open for line in lines_of(run))
    shopping.finish_shopping(run, payer=payer or run.leader, open_lines=open_lines, by=run.leader)
    run.refresh_from_db()


def D(text):
    return Decimal(str(text))
