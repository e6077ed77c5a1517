"""K1: a merge is whole or nothing, keeps every sum, and no address goes dead (spec 69, 97, 99)."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Membership, User
from accounts.tests.factories import make_group, make_user
from accounts.tests.racing import race
from bids import states
from bids.actions import bidding, merging, runs
from bids.actions.merging.people import NAMED_IN
from bids.models import Allocation, Bid, Event, Purchase, Run, ShoppingItem
from bids.reading.invariants import problems
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in
from stores.models import (
    CatalogueImport,
    ForwardedProduct,
    Offer,
    Price,
    Product,
    ProductPair,
    ReferencePrice,
    Store,
    StorePair,
)
from stores.tests.factories import make_offer, make_product, make_store, make_weighed_product

from .cast import stage
from .factories import item_of, make_run, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


def merged(source, target, by):
    plan = merging.merge(source, target, by=by)
    assert plan.is_whole
    assert problems() == []
    return plan


def refusals(source, target, by):
    """What stands in the way; then merging must change nothing."""
    before = Event.objects.count(), Bid.objects.count(), LogEntry.objects.count()
    sentences = merging.rehearse(source, target, by=by).refusals
    with pytest.raises(BulqError):
        merging.merge(source, target, by=by)
    assert (Event.objects.count(), Bid.objects.count(), LogEntry.objects.count()) == before
    assert type(source).objects.filter(pk__in=[source.pk, target.pk]).count() == len({source.pk, target.pk})
    return " ".join(sentences)


# --- Products --------------------------------------------------------------------------------------
def test_two_bids_of_a_person_become_one_with_the_sum(root):
    scene = stage()
    other = make_product("Oyl")
    order(scene.run, scene.bob, other, 3, comment="the green one")
    order(scene.run, scene.hana, other, None)
    order(scene.run, scene.alice, other, 1)
    plan = merged(other, scene.oil, root)
    assert scene.wanted(scene.bob, scene.oil) == 7
    assert scene.wanted(scene.hana, scene.oil) == 2
    assert scene.wanted(scene.alice, scene.oil) == 3
    assert Bid.objects.get(participation__user=scene.bob, product=scene.oil).comment == "the green one"
    assert len(plan.united) == 3
    assert scene.last_event().kind == "merged"
    for page in (f"/runs/{scene.run.pk}/history/", "/inbox/"):
        assert "Root, site admin, merged “Oyl” into" in signed_in(scene.bob).get(page).text


def test_what_both_people_only_may_want_stays_a_maybe(root):
    scene = stage()
    other = make_product("Oyl")
    for product in (other, scene.oil):
        order(scene.run, scene.bob, product, None)
    merged(other, scene.oil, root)
    bid = Bid.objects.get(participation__user=scene.bob, product=scene.oil)
    assert bid.quantity is None


@pytest.mark.parametrize("state", [states.COMPLETED, states.CANCELLED])
def test_lines_of_a_run_that_is_over_become_one_to_the_cent(state, root):
    scene = stage(states.COMPLETED) if state == states.COMPLETED else stage(states.SHOPPING)
    if state == states.CANCELLED:
        runs.call_off(scene.run, by=scene.alice)
    other = make_product("Second oil")
    Product.objects.filter(pk=other.pk).update(unit=scene.oil.unit, kind=scene.oil.kind)
    item = ShoppingItem.objects.create(
        run=scene.run, product=other, not_there_at=scene.run.state_at, not_there_by=scene.alice
    )
    part = scene.part_of(scene.bob)
    bid = Bid.objects.create(participation=part, product=other, quantity=2)
    Product.objects.filter(pk=other.pk).update(is_unit_fixed=True)
    if state == states.COMPLETED:
        ShoppingItem.objects.filter(pk=item.pk).update(not_there_at=None, not_there_by=None)
        price = Price.objects.create(
            offer=make_offer(other, scene.run.store), amount=6, quantity=2, is_of_purchase=True, seen_by=scene.alice
        )
        Purchase.objects.create(item=item, quantity=2, total=6, bought_by=scene.alice, price=price)
        Allocation.objects.create(bid=bid, item=item, quantity=2, cost=6)
    assert problems() == []
    owed = (
        Allocation.objects.get(bid__participation=part, item__product=scene.oil).cost
        if state == states.COMPLETED
        else 0
    )
    merged(other, scene.oil, root)
    assert ShoppingItem.objects.filter(run=scene.run, product=scene.oil).count() == 1
    assert scene.wanted(scene.bob, scene.oil) == 6
    if state == states.COMPLETED:
        kept = Allocation.objects.get(bid__participation=part, item__product=scene.oil)
        assert (kept.quantity, kept.cost, kept.picked_up_at) == (6, owed + 6, None)


@pytest.mark.parametrize("state", [states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING])
def test_it_waits_for_a_run_that_is_being_shopped_or_handed_out(state, root):
    scene = stage(state)
    other = make_product("Oyl")
    ShoppingItem.objects.create(run=scene.run, product=other)
    assert "Wait until it is done" in refusals(other, scene.oil, root)


def test_a_line_of_only_one_of_them_moves_even_in_the_shop(root):
    scene = stage(states.SHOPPING)
    target = make_product("Better oil")
    merged(scene.oil, target, root)
    assert item_of(scene.run, target).product_id == target.pk


def test_offers_at_one_store_become_one_with_all_prices(root):
    store, elsewhere = make_store("Lidl"), make_store("Metro")
    oil, oyl = make_product("Oil"), make_product("Oyl")
    kept = make_offer(oil, store, pack_size=12, price="10")
    gone = make_offer(oyl, store, pack_size=6, note="top shelf", price="11")
    moved = make_offer(oyl, elsewhere, price="9")
    plan = merged(oyl, oil, root)
    kept.refresh_from_db()
    moved.refresh_from_db()
    assert (kept.pack_size, kept.note) == (12, "top shelf")
    assert kept.prices.count() == 2
    assert moved.product == oil
    assert not Offer.objects.filter(pk=gone.pk).exists()
    assert "These go: pack size: 6" in " ".join(plan.united)


def test_other_names_and_the_bar_code_stay_findable(root):
    oil, oyl = make_product("Oil"), make_product("Oyl")
    Product.objects.filter(pk=oyl.pk).update(barcode="04006381333931", is_verified=True)
    oyl.aliases.create(name="Huile")
    merged(Product.objects.get(pk=oyl.pk), oil, root)
    oil.refresh_from_db()
    assert set(oil.aliases.values_list("name", flat=True)) == {"Oyl", "Huile"}
    assert (oil.barcode, oil.is_verified) == ("04006381333931", True)
    assert list(Product.objects.search("huile")) == [oil]


def test_different_units_and_different_bar_codes_are_refused(root):
    oil, gouda, oyl = make_product("Oil"), make_weighed_product("Gouda"), make_product("Oyl")
    assert "is counted in" in refusals(gouda, oil, root)
    Product.objects.filter(pk=oil.pk).update(barcode="04006381333931")
    Product.objects.filter(pk=oyl.pk).update(barcode="00036000291452")
    assert "bar code" in refusals(oyl, oil, root)


def test_too_much_and_too_long_is_refused(root):
    scene = stage()
    other = make_product("Oyl")
    order(scene.run, scene.bob, scene.oil, 99999)
    order(scene.run, scene.bob, other, 99999, comment="b" * 400)
    order(scene.run, scene.hana, scene.oil, 1, comment="a" * 400)
    order(scene.run, scene.hana, other, 1, comment="b" * 400)
    sentences = refusals(other, scene.oil, root)
    assert "Bob would want more than" in sentences
    assert "The comments of Hana" in sentences


# --- Addresses -------------------------------------------------------------------------------------
def test_old_addresses_lead_on_in_one_step(root):
    oil, oyl, third = make_product("Oil"), make_product("Oyl"), make_product("Third")
    merging.merge(oyl, oil, by=root)
    merging.merge(oil, third, by=root)
    person = signed_in(make_user("Ana"))
    for old in (oyl.pk, oil.pk):
        answer = person.get(f"/products/{old}/?from=mail")
        assert (answer.status_code, answer.url) == (301, f"/products/{third.pk}/?from=mail")
    assert set(ForwardedProduct.objects.values_list("target", flat=True)) == {third.pk}
    assert person.get(f"/products/{third.pk + 1000}/").status_code == 404


def test_strangers_learn_nothing_of_old_addresses(root, client):
    oil, oyl = make_product("Oil"), make_product("Oyl")
    merging.merge(oyl, oil, by=root)
    assert "/login/" in client.get(f"/products/{oyl.pk}/").url


def test_addresses_of_stores_lead_on(root):
    store, twin = make_store("Lidl"), make_store("Lidl 2")
    merging.merge(twin, store, by=root)
    answer = signed_in(make_user("Ana")).get(f"/stores/{twin.pk}/")
    assert answer.url == f"/stores/{store.pk}/"


# --- Stores ----------------------------------------------------------------------------------------
def test_runs_and_prices_of_two_stores_come_together(root):
    scene = stage()
    twin = make_store("Twin", currency=scene.run.store.currency)
    other = make_run(leader=scene.alice, group=scene.group, store=twin)
    make_offer(scene.oil, twin, price="3")
    merged(twin, scene.run.store, root)
    other.refresh_from_db()
    assert other.store_id == scene.run.store_id
    assert other.number != scene.run.number
    assert Offer.objects.get(product=scene.oil, store=scene.run.store).prices.count() == 1


def test_stores_of_two_currencies_are_refused(root):
    euro, crown = make_store("Euro", currency="EUR"), make_store("Crown", currency="CZK")
    assert "sells in EUR" in refusals(euro, crown, root)


# --- Pairs that look the same ----------------------------------------------------------------------
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("make", "pairs"), [(make_product, ProductPair), (make_store, StorePair)])
def test_what_the_source_was_told_apart_from_the_target_is_told_apart_from(make, pairs, swapped, root):
    apart = {"told_apart_by": root, "told_apart_at": timezone.now()}
    target, known, source, other, third = (make(f"Thing {letter}") for letter in "abcde")
    if swapped:
        source, target = target, source
    for one, another, told in (
        (source, target, apart),
        (source, known, apart),
        (known, target, {}),  # only proposed: being told apart outweighs it
        (other, source, apart),
        (source, third, {}),
    ):
        first, second = sorted((one, another), key=lambda row: row.pk)
        pairs.objects.create(first=first, second=second, likeness=0.7, **told)
    merged(source, target, root)
    left = {frozenset((pair.first_id, pair.second_id)) for pair in pairs.objects.exclude(told_apart_at=None)}
    assert left == {frozenset((target.pk, known.pk)), frozenset((target.pk, other.pk))}
    assert pairs.objects.count() == 2


# --- People ----------------------------------------------------------------------------------------
def test_groups_runs_and_debts_of_two_accounts_come_together(root):
    scene = stage(states.DISTRIBUTING)
    twin = make_user("Bob B")
    group = make_group("Others 2", admin=twin, members=[make_user("Zoe")])
    Membership.objects.create(group=scene.group, user=twin, is_admin=True)
    owed = Allocation.objects.filter(bid__participation__user=scene.bob).count()
    merged(scene.bob, twin, root)
    assert not User.objects.filter(pk=scene.bob.pk).exists()
    assert Allocation.objects.filter(bid__participation__user=twin).count() == owed
    assert Membership.objects.get(group=scene.group, user=twin).is_admin
    assert Membership.objects.filter(user=twin).count() == 2
    assert signed_in(twin).get(f"/runs/{scene.run.pk}/").status_code == 200
    assert group.memberships.filter(user=twin, is_admin=True).exists()


def test_two_who_share_a_run_are_two_people(root):
    scene = stage()
    assert "count as two people there" in refusals(scene.bob, scene.hana, root)


def test_site_admins_and_closed_accounts_are_refused(root):
    ana, closed = make_user("Ana"), make_user("Gone")
    User.objects.filter(pk=closed.pk).update(closed_at="2026-01-01T00:00Z")
    assert "site admin" in refusals(root, ana, root)
    assert "site admin" in refusals(make_user("Kept the right", is_superuser=True), ana, root)
    assert "site admin" in refusals(make_user("Clerk", is_staff=True), ana, root)
    assert "closed" in refusals(User.objects.get(pk=closed.pk), ana, root)
    assert "closed" in refusals(ana, User.objects.get(pk=closed.pk), root)


# --- Whole or nothing ------------------------------------------------------------------------------
def test_every_relation_has_a_rule():
    """A new foreign key to one of the three has to be thought of here."""
    products = {(Offer, "product"), (Bid, "product"), (ShoppingItem, "product"), (Event, "product")}
    products |= {(Bid, "substitute"), (ReferencePrice, "product")}
    known = {
        Product: products | {(ForwardedProduct, "target"), (ProductPair, "first"), (ProductPair, "second")},
        Store: {
            (Offer, "store"),
            (Run, "store"),
            (CatalogueImport, "store"),
            (StorePair, "first"),
            (StorePair, "second"),
        },
        User: set(NAMED_IN),
    }
    with_it = {  # goes with the row itself
        "ProductAlias.product", "ForwardedStore.target", "SentForm.user", "User_groups.user",
        "User_user_permissions.user", "Group.members", "StaticDevice.user", "TOTPDevice.user",
        "Reminder.user",
    }  # fmt: skip
    for model, rules in known.items():
        for relation in model._meta.get_fields(include_hidden=True):
            if relation.auto_created and not relation.concrete:
                of, column = relation.related_model, relation.field.name
                assert (of, column) in rules or f"{of._meta.object_name}.{column}" in with_it, f"{of}.{column}"


def test_a_thing_is_not_merged_with_itself(root):
    oil = make_product("Oil")
    assert "same one" in refusals(oil, oil, root)


def test_what_was_merged_meanwhile_is_refused(root):
    oil, oyl, third = make_product("Oil"), make_product("Oyl"), make_product("Third")
    merging.merge(oyl, oil, by=root)
    for source, target in ((oyl, third), (third, oyl)):
        with pytest.raises(BulqError, match="is gone"):
            merging.merge(source, target, by=root)


def test_a_rehearsal_leaves_nothing(root):
    scene = stage()
    other = make_product("Oyl")
    order(scene.run, scene.bob, other, 3)
    plan = merging.rehearse(other, scene.oil, by=root)
    assert plan.is_whole and plan.united and plan.moved
    assert scene.wanted(scene.bob, other) == 3
    assert scene.wanted(scene.bob, scene.oil) == 4
    assert not LogEntry.objects.exists()
    assert not ForwardedProduct.objects.exists()


def test_a_merge_that_would_change_a_sum_is_refused(root, monkeypatch):
    """Negative control: one of the two bids is forgotten."""
    scene = stage()
    other = make_product("Oyl")
    order(scene.run, scene.bob, other, 3)
    monkeypatch.setattr(
        "bids.actions.merging.products._unite_bids", lambda plan: Bid.objects.filter(product=plan.source).delete()
    )
    assert "sums would change" in " ".join(merging.rehearse(other, scene.oil, by=root).refusals)
    with pytest.raises(BulqError, match="sums would change"):
        merging.merge(other, scene.oil, by=root)


@pytest.mark.django_db(transaction=True)
def test_somebody_who_orders_it_meanwhile_is_told(root, monkeypatch):
    """Neither waits for the other, and whoever commits second is refused as a whole."""
    scene, oyl = stage(), fixed("Oyl")
    record = bidding.record

    def merge_just_before(*arguments, **options):
        record(*arguments, **options)
        [plan] = race(lambda: merging.merge(oyl, make_product("Oil of the shop"), by=root))
        assert plan.is_whole

    monkeypatch.setattr(bidding, "record", merge_just_before)
    before = scene.kinds()
    answer = signed_in(scene.bob).post(f"/runs/{scene.run.pk}/order/", {f"q-{oyl.pk}": 1})
    assert answer.status_code == 409
    assert "has just been removed" in answer.text
    assert scene.kinds() == before
    assert problems() == []


@pytest.mark.django_db(transaction=True)
def test_what_is_being_merged_cannot_be_ordered(root, monkeypatch):
    scene, oyl, oil = stage(), fixed("Oyl"), make_product("Oil of the shop")
    log, orders = merging.plan._log, []

    def order_just_before(*arguments):
        log(*arguments)
        orders.extend(race(lambda: order(scene.run, scene.bob, oyl, 1)))

    monkeypatch.setattr(merging.plan, "_log", order_just_before)
    merged(oyl, oil, root)
    assert [isinstance(result, OperationalError | BulqError) for result in orders] == [True]
    assert scene.wanted(scene.bob, oil) is None


def fixed(name):
    """A product whose unit can't change any more, so that ordering it takes no lock of its row."""
    product = make_product(name)
    Product.objects.filter(pk=product.pk).update(is_unit_fixed=True)
    product.refresh_from_db()
    return product


def test_the_log_tells_of_both(root):
    oil, oyl = make_product("Oil"), make_product("Oyl")
    merging.merge(oyl, oil, by=root)
    sentences = set(LogEntry.objects.values_list("object_id", "action_flag"))
    assert sentences == {(str(oil.pk), 2), (str(oyl.pk), 3)}
