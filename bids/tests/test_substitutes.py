"""Spec 76: what people take instead of something that is not there."""

import pytest

from bids import states
from bids.actions import shopping
from bids.actions.bidding import Terms, Wish, place_bids
from bids.actions.runs import unlock_list
from bids.actions.shopping import buy, finish_shopping, set_not_there, stop_shopping, swap, undo_purchase
from bids.models import Bid, Notification, ShoppingItem, TakenInstead
from bids.reading.basket import Basket
from bids.reading.invariants import problems
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.tests.client import signed_in
from stores.tests.factories import make_product, make_weighed_product

from .cast import D, stage
from .factories import go_shopping, item_of, order, purchase

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """In the shop. Alice wants 2 oil, Bob 4 and Hana 2; Bob and Hana would take rape oil instead, Alice a word."""
    scene = stage(states.ACTIVE)
    scene.rape = make_product("Rape oil")
    for user, quantity, instead in ((scene.bob, 4, "Rape oil"), (scene.hana, 2, "rape oil"), (scene.alice, 2, "any")):
        place_bids(scene.run, [Wish(scene.oil.pk, D(quantity), terms=Terms(instead=instead))], by=user)
    go_shopping(scene.run)
    return scene


def missing(scene, by=None):
    set_not_there(item_of(scene.run, scene.oil), True, by=by or scene.hana)
    return item_of(scene.run, scene.oil)


def state_of(scene):
    bids = Bid.objects.of_run(scene.run).order_by("pk").values_list("participation", "product", "quantity", "limit")
    return list(bids), list(ShoppingItem.objects.filter(run=scene.run).order_by("pk").values_list("product"))


def test_one_tap_puts_it_on_the_list_for_all_who_named_it(scene):
    item = missing(scene)
    [line] = [line for line in Basket(scene.run).lines if line.item == item]
    assert [(one.product, one.people, one.quantity) for one in line.swaps] == [(scene.rape, ["Bob", "Hana"], 6)]
    assert swap(item, scene.rape, by=scene.hana) == 2
    assert scene.wanted(scene.bob, scene.rape) == 4
    assert scene.wanted(scene.hana, scene.rape) == 2
    assert scene.wanted(scene.bob, scene.oil) == 4
    assert item_of(scene.run, scene.rape)
    assert scene.kinds()[-2:] == ["took_instead"] * 2
    told = Notification.objects.filter(event__kind="took_instead").values_list("user", flat=True)
    assert list(told) == [scene.bob.pk]
    assert problems() == []
    [line] = [line for line in Basket(scene.run).lines if line.item == item]
    assert line.swaps == []


def test_twice_is_once(scene):
    item = missing(scene)
    swap(item, scene.rape, by=scene.hana)
    assert swap(item, scene.rape, by=scene.hana) == 0
    assert scene.wanted(scene.bob, scene.rape) == 4


@pytest.mark.parametrize("way", ["back on the list", "bought after all", "back to the locked list"])
def test_it_is_taken_back_with_the_not_there(scene, way):
    before = state_of(scene)
    item = missing(scene)
    swap(item, scene.rape, by=scene.hana)
    if way == "back on the list":
        set_not_there(item, False, by=scene.hana)
        assert scene.kinds().count("not_taken_instead") == 2
    elif way == "bought after all":
        buy(item, quantity=D(8), total=D(30), seen=item.version, by=scene.hana)
    else:
        stop_shopping(scene.run, by=scene.alice)
        assert scene.wanted(scene.bob, scene.rape) is None
        return
    assert state_of(scene) == before
    assert not TakenInstead.objects.exists()
    assert problems() == []


def test_what_was_wanted_before_stays_when_it_is_taken_back(scene):
    shopping.stop_shopping(scene.run, by=scene.alice)
    unlock_list(scene.run, by=scene.alice)
    place_bids(scene.run, [Wish(scene.rape.pk, D(3), terms=Terms(limit=D(5)))], by=scene.bob)
    order(scene.run, scene.hana, scene.rape, None, "perhaps")
    go_shopping(scene.run)
    item = missing(scene)
    swap(item, scene.rape, by=scene.hana)
    assert (scene.wanted(scene.bob, scene.rape), scene.wanted(scene.hana, scene.rape)) == (7, 2)
    set_not_there(item, False, by=scene.hana)
    assert scene.wanted(scene.bob, scene.rape) == 3
    maybe = Bid.objects.get(participation__user=scene.hana, product=scene.rape)
    assert (maybe.quantity, maybe.comment) == (None, "perhaps")
    assert problems() == []


def test_once_the_substitute_is_bought_it_has_to_be_put_back_first(scene):
    item = missing(scene)
    swap(item, scene.rape, by=scene.hana)
    bought = purchase(scene.run, scene.rape, 6, "9")
    with pytest.raises(BulqError, match="Rape oil is already bought instead"):
        set_not_there(item_of(scene.run, scene.oil), False, by=scene.hana)
    undo_purchase(bought, by=scene.hana)
    set_not_there(item_of(scene.run, scene.oil), False, by=scene.hana)
    assert scene.wanted(scene.bob, scene.rape) is None


def test_it_is_handed_out_and_paid_like_anything_else(scene):
    swap(missing(scene), scene.rape, by=scene.hana)
    purchase(scene.run, scene.rape, 6, "9")
    purchase(scene.run, scene.gouda, 3, "27")
    finish_shopping(scene.run, payer=scene.alice, open_lines=0, by=scene.alice)
    assert scene.received(scene.bob, scene.rape) == 4
    assert problems() == []


class TestRefused:
    def test_while_the_line_is_on_the_list(self, scene):
        with pytest.raises(ChangedMeanwhile, match="is on the list again"):
            swap(item_of(scene.run, scene.oil), scene.rape, by=scene.hana)

    def test_if_the_substitute_is_not_there_either(self, scene):
        shopping.add_while_shopping(scene.run, scene.rape, quantity=D(1), whose=scene.alice, by=scene.alice)
        set_not_there(item_of(scene.run, scene.rape), True, by=scene.hana)
        with pytest.raises(BulqError, match="Rape oil is not there either"):
            swap(missing(scene), scene.rape, by=scene.hana)
        assert not TakenInstead.objects.exists()

    def test_in_another_unit_it_is_only_named(self, scene):
        lard = make_weighed_product("Lard")
        Bid.objects.filter(substitute=scene.rape).update(substitute=lard)
        item = missing(scene)
        assert [line.swaps for line in Basket(scene.run).lines if line.item == item] == [[]]
        with pytest.raises(BulqError, match="sold in another unit"):
            swap(item, lard, by=scene.hana)

    def test_for_somebody_who_only_takes_part(self, scene):
        with pytest.raises(NotAllowed):
            swap(missing(scene), scene.rape, by=scene.bob)

    def test_what_nobody_named_goes_to_nobody(self, scene):
        other = make_product("Palm oil")
        assert swap(missing(scene), other, by=scene.hana) == 0
        assert not ShoppingItem.objects.filter(run=scene.run, product=other).exists()

    def test_beyond_what_the_run_can_hold(self, scene, settings):
        settings.PRODUCTS_PER_RUN = 2
        with pytest.raises(BulqError, match="as many products as it can hold"):
            swap(missing(scene), scene.rape, by=scene.hana)


def test_the_shopper_sees_what_people_prefer_and_swaps_with_one_button(scene):
    Bid.objects.filter(participation__user=scene.bob, product=scene.oil).update(all_or_nothing=True)
    client = signed_in(scene.hana)
    page = client.get(f"/runs/{scene.run.pk}/shop/").text
    assert "Bob: all or nothing, or Rape oil" in page
    assert "Alice: or any" in page
    item = missing(scene)
    page = client.get(f"/runs/{scene.run.pk}/shop/").text
    assert "Bob and Hana take Rape oil instead: 6 pieces" in " ".join(page.split())
    done = client.post(f"/runs/{scene.run.pk}/shop/items/{item.pk}/instead/{scene.rape.pk}/", follow=True).text
    assert "Rape oil is on the list" in done
    assert "Bob takes 4 pieces of Rape oil instead." in " ".join(done.split())
    for_bob = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/shop/").text
    assert "take Rape oil instead:" not in for_bob
