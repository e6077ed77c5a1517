"""Spec 34, 51 to 55: in the shop."""

import pytest
from django.http import Http404

from bids import states
from bids.actions import shopping
from bids.actions.costs import add_extra_cost
from bids.actions.shopping import AlreadyBought, add_while_shopping, buy, edit_purchase, set_not_there, undo_purchase
from bids.forms import PurchaseForm
from bids.models import Purchase
from bids.reading.basket import Basket
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from stores.models import Price
from stores.tests.factories import make_offer, make_product

from .cast import D, leave_the_shop, stage
from .factories import go_shopping, item_of, order, purchase

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return stage(states.SHOPPING)


def standing(product):
    return list(Price.objects.standing().filter(offer__product=product).values_list("amount", "quantity"))


class TestBuying:
    def test_a_purchase_records_a_price_and_creates_the_offer(self, scene):
        """Spec 52, 26: amount for a quantity, by whom, from which purchase."""
        bought = purchase(scene.run, scene.oil, 12, "10.00", by=scene.hana)
        assert standing(scene.oil) == [(D(10), D(12))]
        assert (bought.price.seen_by, bought.price.is_of_purchase) == (scene.hana, True)
        assert bought.price.offer.store == scene.run.store
        assert scene.last_event().data == {"quantity": "12", "total": "10.00"}

    def test_a_line_may_have_several_and_they_add_up(self, scene):
        purchase(scene.run, scene.oil, 3, "10")
        purchase(scene.run, scene.oil, 5, "11")
        line = next(line for line in lines_of(scene.run) if line.product == scene.oil)
        assert (line.bought, line.paid, len(line.purchases)) == (8, 21, 2)
        assert line.matches

    def test_a_gift_records_no_price(self, scene):
        assert purchase(scene.run, scene.oil, 8, "0.00").price is None
        assert standing(scene.oil) == []

    def test_counted_goods_are_bought_in_whole_units_and_weighed_goods_to_the_hundredth(self, scene):
        """Spec 1: the step is for choosing only."""
        with pytest.raises(BulqError, match="is counted: enter a whole number"):
            purchase(scene.run, scene.oil, "7.5", "10")
        assert purchase(scene.run, scene.gouda, "2.87", "10").pk

    def test_quantities_and_totals_of_line_and_run_are_limited(self, scene):
        """Spec 1, 2, 4."""
        purchase(scene.run, scene.oil, 99_998, "9999998.99")
        with pytest.raises(BulqError, match="too much for one line"):
            purchase(scene.run, scene.oil, 2, "0")
        with pytest.raises(BulqError, match=r"can cost at most €9,999,999\.99"):
            purchase(scene.run, scene.gouda, 1, "1.01")
        purchase(scene.run, scene.oil, 1, "1.00")

    def test_a_missing_product_can_be_there_after_all(self, scene):
        set_not_there(item_of(scene.run, scene.oil), True, by=scene.alice)
        purchase(scene.run, scene.oil, 8, "10")
        assert item_of(scene.run, scene.oil).not_there_at is None
        assert problems() == []


class TestTwoShoppers:
    """Spec 54."""

    def test_the_second_shopper_learns_who_bought_what_and_decides(self, scene):
        item = item_of(scene.run, scene.oil)
        buy(item, quantity=D(8), total=D(40), seen=item.version, by=scene.hana)
        with pytest.raises(AlreadyBought, match="Hana already bought this") as already:
            buy(item, quantity=D(8), total=D(41), seen=item.version, by=scene.alice)
        assert [(purchase.quantity, purchase.total) for purchase in already.value.purchases] == [(8, 40)]
        assert already.value.status == 409
        seen = already.value.item.version
        buy(item, quantity=D(8), total=D(41), seen=seen, by=scene.alice)
        assert Purchase.objects.filter(item=item).count() == 2

    def test_a_line_that_changed_in_another_way_has_to_be_checked_again(self, scene):
        item = item_of(scene.run, scene.oil)
        set_not_there(item, True, by=scene.hana)
        with pytest.raises(AlreadyBought, match="This line has changed"):
            buy(item, quantity=D(8), total=D(40), seen=item.version, by=scene.alice)

    def test_nobody_can_mark_it_as_not_there_once_it_is_bought(self, scene):
        purchase(scene.run, scene.oil, 8, "40", by=scene.hana)
        with pytest.raises(AlreadyBought, match="Hana"):
            set_not_there(item_of(scene.run, scene.oil), True, by=scene.alice)


class TestCorrecting:
    """Spec 52, 53."""

    def edit(self, bought, quantity, total, by, seen=None):
        bought.item.refresh_from_db()
        version = bought.item.version if seen is None else seen
        edit_purchase(bought, quantity=D(quantity), total=D(total), seen=version, by=by)
        bought.refresh_from_db()

    def test_the_price_follows_and_the_order_of_ticking_stays(self, scene):
        first, second = purchase(scene.run, scene.oil, 8, "40"), purchase(scene.run, scene.gouda, 3, "27")
        self.edit(first, 6, "31", scene.hana)
        assert standing(scene.oil) == [(D(31), D(6))]
        assert [line.product for line in Basket(scene.run).done] == [scene.gouda, scene.oil]
        assert first.pk < second.pk
        assert scene.last_event().data == {
            "quantity": "6",
            "total": "31",
            "was_quantity": "8.00",
            "was_total": "40.00",
        }

    def test_a_gift_turns_into_a_purchase_and_back(self, scene):
        bought = purchase(scene.run, scene.oil, 8, "0")
        self.edit(bought, 8, "40", scene.alice)
        assert standing(scene.oil) == [(D(40), D(8))]
        self.edit(bought, 8, "0", scene.alice)
        assert (bought.price, standing(scene.oil)) == (None, [])
        assert problems() == []

    def test_undo_withdraws_the_price_and_deletes_none(self, scene):
        bought = purchase(scene.run, scene.oil, 8, "40")
        undo_purchase(bought, by=scene.hana)
        assert not Purchase.objects.exists()
        assert Price.objects.get().withdrawn_at
        with pytest.raises(ChangedMeanwhile, match="has removed this"):
            undo_purchase(bought, by=scene.hana)

    def test_a_stale_form_changes_nothing(self, scene):
        bought = purchase(scene.run, scene.oil, 8, "40")
        with pytest.raises(ChangedMeanwhile):
            self.edit(bought, 7, "35", scene.alice, seen=0)
        bought.refresh_from_db()
        assert bought.quantity == 8

    def test_the_bounds_apply_to_a_correction_too(self, scene):
        bought, other = purchase(scene.run, scene.oil, 8, "40"), purchase(scene.run, scene.oil, 99_991, "0")
        for quantity, sentence in ((9, "too much for one line"), ("7.5", "whole number")):
            with pytest.raises(BulqError, match=sentence):
                self.edit(bought, quantity, "40", scene.alice)
        self.edit(other, 1, "0", scene.alice)


class TestNotThere:
    def test_setting_it_twice_is_not_a_toggle_and_it_can_be_undone(self, scene):
        """Spec 34: who and when."""
        for _twice in range(2):
            set_not_there(item_of(scene.run, scene.oil), True, by=scene.hana)
        assert item_of(scene.run, scene.oil).not_there_by == scene.hana
        assert scene.kinds().count("not_there") == 1
        set_not_there(item_of(scene.run, scene.oil), False, by=scene.alice)
        assert item_of(scene.run, scene.oil).not_there_at is None


class TestAdding:
    """Spec 55."""

    def add(self, scene, product, quantity, whose, by):
        add_while_shopping(scene.run, product, quantity=D(quantity), whose=whose, by=by)

    def test_more_for_a_named_person_is_recorded(self, scene):
        self.add(scene, scene.oil, 2, whose=scene.bob, by=scene.hana)
        assert scene.wanted(scene.bob, scene.oil) == 6
        event = scene.last_event()
        assert (event.kind, event.actor, event.subject) == ("added_in_shop", scene.hana, scene.bob)

    def test_a_new_product_creates_bid_and_line(self, scene):
        eggs = make_product("Eggs", step=6)
        self.add(scene, eggs, 6, whose=scene.hana, by=scene.hana)
        assert scene.wanted(scene.hana, eggs) == 6
        assert item_of(scene.run, eggs).version == 0
        assert scene.last_event().subject is None
        assert problems() == []

    def test_a_maybe_becomes_an_order(self):
        scene, eggs = stage(states.ACTIVE), make_product("Eggs")
        order(scene.run, scene.bob, eggs, None, "brown")
        go_shopping(scene.run)
        self.add(scene, eggs, 3, whose=scene.bob, by=scene.alice)
        bid = scene.part_of(scene.bob).bids.get(product=eggs)
        assert (bid.quantity, bid.comment) == (3, "brown")

    def test_a_shopper_who_ticked_the_line_on_another_phone_is_told(self, scene):
        shown = item_of(scene.run, scene.oil)
        self.add(scene, scene.oil, 2, whose=scene.bob, by=scene.hana)
        with pytest.raises(AlreadyBought):
            buy(shown, quantity=D(8), total=D(40), seen=shown.version, by=scene.alice)

    @pytest.mark.parametrize(
        ("kind", "quantity", "sentence"),
        [
            ("oil", "1.5", "steps of 1"),
            ("gouda", "0.3", "steps of 0.5"),
            ("oil", "99999", "too much for one person"),
            ("oil", "0", "Enter how much"),
        ],
    )
    def test_the_quantity_follows_the_rules_of_a_bid(self, scene, kind, quantity, sentence):
        with pytest.raises(BulqError, match=sentence) as refused:
            self.add(scene, getattr(scene, kind), quantity, whose=scene.bob, by=scene.alice)
        assert refused.value.field == "quantity"

    def test_only_for_participants_and_within_the_limit(self, scene, settings):
        for user in (scene.dora, scene.charlie):
            with pytest.raises(BulqError, match="Choose someone in this run"):
                self.add(scene, scene.oil, 1, whose=user, by=scene.alice)
        settings.PRODUCTS_PER_RUN = 2
        with pytest.raises(BulqError, match="as many products as it can hold"):
            self.add(scene, make_product(), 1, whose=scene.bob, by=scene.alice)
        self.add(scene, scene.gouda, 1, whose=scene.hana, by=scene.alice)


def every_action(scene, by):
    """Each action of the shop, ready to be called."""
    item, bought = item_of(scene.run, scene.oil), Purchase.objects.filter(item__product=scene.gouda).first()
    yield lambda: buy(item, quantity=D(1), total=D(1), seen=item.version, by=by)
    yield lambda: set_not_there(item, True, by=by)
    yield lambda: add_while_shopping(scene.run, scene.oil, quantity=D(1), whose=scene.bob, by=by)
    if bought:
        yield lambda: edit_purchase(bought, quantity=D(1), total=D(1), seen=bought.item.version, by=by)
        yield lambda: undo_purchase(bought, by=by)


def test_only_leader_and_helpers_can_shop_and_outsiders_find_nothing(scene):
    """Spec 40, 51."""
    purchase(scene.run, scene.gouda, 3, "27", by=scene.hana)
    for user, error in ((scene.bob, NotAllowed), (scene.adam, NotAllowed), (scene.charlie, Http404)):
        for action in every_action(scene, user):
            with pytest.raises(error):
                action()
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize("state", [states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED])
def test_after_shopping_nothing_can_be_bought(state):
    """Spec 53."""
    scene = stage(state)
    actions = list(every_action(scene, scene.alice))
    assert len(actions) == 5
    for action in actions:
        with pytest.raises(ChangedMeanwhile, match="Nobody is shopping"):
            action()


class TestLeavingTheShop:
    """Spec 34."""

    def finish(self, scene, payer=None, open_lines=0):
        shopping.finish_shopping(scene.run, payer=payer or scene.alice, open_lines=open_lines, by=scene.alice)

    def test_open_lines_have_to_be_confirmed_and_count_as_not_bought(self, scene):
        purchase(scene.run, scene.oil, 8, "40")
        with pytest.raises(ChangedMeanwhile, match="1 line is still open"):
            self.finish(scene, open_lines=0)
        self.finish(scene, open_lines=1)
        assert item_of(scene.run, scene.gouda).not_there_by == scene.alice
        assert scene.state == states.DISTRIBUTING
        assert scene.received(scene.bob, scene.gouda) is None

    def test_lines_named_on_the_page_may_have_been_bought_by_now(self, scene):
        purchase(scene.run, scene.oil, 8, "40")
        purchase(scene.run, scene.gouda, 3, "27")
        with pytest.raises(ChangedMeanwhile, match="No line is open any more"):
            self.finish(scene, open_lines=1)

    def test_the_payer_is_the_leader_or_another_participant(self, scene):
        purchase(scene.run, scene.oil, 8, "40")
        for user in (scene.dora, scene.charlie):
            with pytest.raises(BulqError, match="Choose someone in this run") as refused:
                self.finish(scene, payer=user, open_lines=1)
            assert refused.value.field == "payer"
        self.finish(scene, payer=scene.bob, open_lines=1)
        assert scene.fresh().payer == scene.bob

    @pytest.mark.parametrize(
        ("oil", "gouda", "state"),
        [
            ("8", "3", states.DISTRIBUTING),
            ("8", "2.70", states.DISTRIBUTING),  # weighing: 10 % less
            ("8", "3.30", states.DISTRIBUTING),
            ("8", "2.69", states.ADJUSTING),
            ("8", "3.31", states.ADJUSTING),
            ("7", "3", states.ADJUSTING),
            ("9", "3", states.ADJUSTING),
        ],
    )
    def test_the_purchases_decide_what_comes_next(self, scene, oil, gouda, state):
        purchase(scene.run, scene.oil, oil, "40")
        purchase(scene.run, scene.gouda, gouda, "27")
        self.finish(scene)
        assert scene.state == state
        assert problems() == []

    def test_the_run_ends_if_nothing_was_bought(self, scene):
        leave_the_shop(scene.run)
        assert scene.state == states.COMPLETED
        assert problems() == []

    def test_discounts_above_the_goods_have_to_be_corrected_first(self, scene):
        """Spec 60."""
        bought = purchase(scene.run, scene.oil, 8, "40")
        add_extra_cost(scene.run, label="Loyalty", amount=D(-40), by=scene.alice)
        undo_purchase(bought, by=scene.alice)
        with pytest.raises(BulqError, match=r"discounts come to €40\.00, more than the goods at €0\.00"):
            self.finish(scene, open_lines=2)
        purchase(scene.run, scene.oil, 8, "40")
        self.finish(scene, open_lines=1)
        assert problems() == []


class TestOneTap:
    """Spec 52: what is wanted, in whole packs, at the last observation scaled from its own quantity."""

    def plan(self, scene, product):
        return next(line.planned for line in Basket(scene.run).lines if line.product == product)

    def test_packs_and_price(self, scene):
        make_offer(scene.oil, scene.run.store, pack_size=6, price="10.00", quantity=12)
        plan = self.plan(scene, scene.oil)
        assert (plan.units, plan.quantity, plan.counted_in, plan.total) == (12, 2, "pack", D(10))

    def test_a_price_for_another_quantity_is_rounded_half_up(self, scene):
        make_offer(scene.gouda, scene.run.store, price="0.05", quantity="10")
        assert self.plan(scene, scene.gouda).total == D("0.02")  # 0.015

    def test_without_a_price_there_is_no_total(self, scene):
        assert self.plan(scene, scene.oil).total is None


@pytest.mark.parametrize(
    ("typed", "total"),
    [
        ({"quantity": "8", "price": "40"}, "40"),
        ({"quantity": "8", "price": "2.49", "price_for": "unit"}, "19.92"),
        ({"quantity": "2", "counted_in": "pack", "price": "14.99", "price_for": "pack"}, "29.98"),
        ({"quantity": "3", "price": "2.5", "price_for": "unit", "total": "7.51"}, "7.51"),
        ({"quantity": "3", "price": "2.5", "price_for": "unit", "total": "7.60"}, None),
        ({"quantity": "3", "price": "0"}, "0"),
        ({"quantity": "3"}, None),
    ],
)
def test_the_typed_price_and_total_have_to_agree(scene, typed, total):
    """Spec 52: the total is the truth; a price beside it has to agree."""
    form = PurchaseForm({"seen": "0"} | typed, unit=scene.oil.unit, pack=D(6), currency="EUR")
    assert form.is_valid() == (total is not None)
    if total is not None:
        assert form.cleaned_data["total"] == D(total)
