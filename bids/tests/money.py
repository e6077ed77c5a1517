"""Several runs of one group with several payers, for tests of what people owe each other over all of them."""

from decimal import Decimal
from types import SimpleNamespace

from accounts.tests.factories import make_group, make_user
from bids.actions import shopping
from bids.actions.payments import confirm, say_paid
from bids.reading.money import net_between, nets_of
from stores.tests.factories import make_product, make_store

from .factories import go_shopping, make_run, order, purchase
from .kept import kept


@kept
def friends(*, currency="EUR"):
    """Mila, Petar, Jon and Dora in one group, without a run."""
    cast = {name.lower(): make_user(name) for name in ("Mila", "Petar", "Jon", "Dora", "Charlie")}
    scene = SimpleNamespace(**cast)
    scene.group = make_group(
        "Friends", admin=scene.petar, members=[scene.mila, scene.jon, scene.dora], currency=currency
    )
    scene.store = make_store(currency=currency)
    make_group("Elsewhere", admin=scene.charlie, currency=currency)
    return scene


def bought_for(scene, payer, **shares):
    """A run at its hand-out, paid by `payer`, in which each other person owes their share: `mila="37.40"`."""
    run = make_run(leader=payer, group=scene.group, store=scene.store)
    for name, share in shares.items():
        order(run, getattr(scene, name), product := make_product(), 1)
        scene.__dict__.setdefault("things", []).append((run.pk, product, share))
    go_shopping(run)
    for pk, product, share in scene.things:
        if pk == run.pk:
            purchase(run, product, 1, share)
    shopping.finish_shopping(run, payer=payer, open_lines=0, by=payer)
    run.refresh_from_db()
    return run


def owes(scene, debtor, creditor):
    """Below zero if it is the other way round."""
    return net_between(debtor, creditor, scene.group).balance


def say(scene, sender, receiver, amount=None, **more):
    owed = owes(scene, sender, receiver)
    amount = owed if amount is None else Decimal(str(amount))
    return say_paid(scene.group, receiver, amount, **{"owed": owed, "by": sender} | more)


def pay(scene, sender, receiver, amount=None, **more):
    payment = say(scene, sender, receiver, amount, **more)
    return confirm(payment, by=receiver)


def nets_cancel_out(people):
    """M1: what all people of a group owe adds up to nothing, and each pair agrees."""
    sums = {}
    for person in people:
        for net in nets_of(person):
            sums[net.group.pk, person.pk, net.person.pk] = net.balance
            assert net.balance == sum(line.amount for line in net.made_of)
    return all(sums[group, other, person] == -balance for (group, person, other), balance in sums.items())
