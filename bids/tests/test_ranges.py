"""Spec 75, 76, 82: up to how much is fine, what if there is too little, and the sums that follow."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from bids import states
from bids.actions.bidding import Terms, Wish, place_bids, undo_removal
from bids.actions.distribution import sort_out
from bids.actions.runs import lock_list
from bids.models import Bid
from bids.reading.board import Board
from bids.reading.division import Division
from bids.reading.history import entries_of
from bids.reading.invariants import problems
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in
from stores.tests.factories import make_offer, make_product, make_weighed_product

from .cast import D, leave_the_shop, stage
from .factories import go_shopping, purchase

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """Alice wants 2 oil, Bob 4, Hana 2; Bob wants 3 gouda, in steps of 0.5."""
    return stage(states.ACTIVE)


def bid_of(scene, user, product):
    return Bid.objects.get(participation__run=scene.run, participation__user=user, product=product)


def terms_of(scene, user, product):
    bid = bid_of(scene, user, product)
    return bid.quantity, bid.limit, bid.all_or_nothing, bid.instead


def wish(scene, user, product, quantity, limit=None, *, firm=False, instead="", whose=None, **fields):
    terms = Terms(None if limit is None else D(limit), firm, instead)
    amount = None if quantity is None else D(quantity)
    return place_bids(scene.run, [Wish(product.pk, amount, terms=terms, **fields)], by=user, whose=whose)


def sentences(scene, newest=3):
    events = scene.run.events.select_related("actor", "subject", "product").order_by("-pk")[:newest]
    return [entry.sentence for entry in entries_of(scene.run, events)]


class TestAWish:
    def test_says_up_to_how_much_is_fine(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 6)
        assert terms_of(scene, scene.bob, scene.oil) == (4, 6, False, "")
        assert sentences(scene, 1) == [f"Bob wants 4–6 pieces of {scene.oil}"]

    def test_an_amount_alone_leaves_the_terms_as_they_are(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 8, firm=True, instead="rape")
        place_bids(scene.run, [Wish(scene.oil.pk, D(5))], by=scene.bob)
        assert terms_of(scene, scene.bob, scene.oil) == (5, 8, True, "rape")

    @pytest.mark.parametrize("quantity", [6, 7])
    def test_passing_the_limit_lifts_it(self, scene, quantity):
        """Spec 75: the quantity is never more than the limit."""
        wish(scene, scene.bob, scene.oil, 4, 6)
        outcome = place_bids(scene.run, [Wish(scene.oil.pk, D(quantity))], by=scene.bob)
        assert not outcome.refusals
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (quantity, None)

    def test_a_limit_that_is_the_amount_is_none(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 4)
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (4, None)

    @pytest.mark.parametrize("quantity", [0, None])
    def test_nothing_and_maybe_have_no_terms(self, scene, quantity):
        wish(scene, scene.bob, scene.oil, 4, 6, firm=True, instead="rape")
        outcome = place_bids(scene.run, [Wish(scene.oil.pk, quantity)], by=scene.bob)
        assert not outcome.refusals
        if quantity is None:
            assert terms_of(scene, scene.bob, scene.oil) == (None, None, False, "")

    def test_undo_brings_them_back(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 6, firm=True, instead=str(scene.gouda), comment="green")
        [event] = place_bids(scene.run, [Wish(scene.oil.pk, D(0))], by=scene.bob).removed
        undo_removal(scene.run, event, by=scene.bob)
        assert terms_of(scene, scene.bob, scene.oil) == (4, 6, True, str(scene.gouda))
        bid = bid_of(scene, scene.bob, scene.oil)
        assert (bid.comment, bid.substitute) == ("green", scene.gouda)

    @pytest.mark.parametrize(
        ("limit", "sentence"),
        [
            ("3", "“Up to” can't be less than the 4 you want"),
            ("4.5", "in steps of 1"),
            ("100000", "Enter at most 99\u00a0999"),
        ],
    )
    def test_a_limit_that_cannot_be_is_refused(self, scene, limit, sentence):
        outcome = wish(scene, scene.bob, scene.oil, 4, limit)
        assert sentence in outcome.refusals[scene.oil.pk][0]
        assert outcome.limits_refused == {scene.oil.pk}
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (4, None)

    @pytest.mark.parametrize("quantity", [0, None])
    def test_a_limit_without_an_amount_is_refused(self, scene, quantity):
        product = make_product()
        assert wish(scene, scene.bob, product, quantity, 4).refusals[product.pk] == ["Say how much you want first"]
        assert not Bid.objects.filter(product=product).exists()

    def test_an_unchanged_limit_is_allowed_even_if_the_step_has_changed(self, scene):
        wish(scene, scene.bob, scene.gouda, 3, "4.5")
        scene.gouda.step = D(2)
        scene.gouda.save()
        assert not place_bids(scene.run, [Wish(scene.gouda.pk, D(4))], by=scene.bob).refusals
        assert terms_of(scene, scene.bob, scene.gouda)[:2] == (4, D("4.5"))

    def test_a_substitute_is_a_product_where_one_has_that_name_else_words(self, scene):
        rape = make_product("Rape oil", brand="Zvijezda")
        for text, product in ((" rape OIL", rape), ("Rape oil (Zvijezda)", rape), ("whatever is cheap", None)):
            wish(scene, scene.bob, scene.oil, 4, instead=text.strip())
            bid = bid_of(scene, scene.bob, scene.oil)
            assert (bid.substitute, bid.substitute_text) == (product, "" if product else text)
        make_product("Rape oil", brand="Other")
        wish(scene, scene.bob, scene.oil, 4, instead="Rape oil")
        assert bid_of(scene, scene.bob, scene.oil).substitute is None

    def test_nothing_is_a_substitute_for_itself(self, scene):
        wish(scene, scene.bob, scene.oil, 4, instead=scene.oil.name)
        assert bid_of(scene, scene.bob, scene.oil).substitute is None

    def test_each_change_is_in_the_history(self, scene):
        wish(scene, scene.bob, scene.oil, 4, firm=True, instead="rape")
        assert sentences(scene, 2) == [
            f"Bob would take rape instead of {scene.oil}", f"Bob wants all of {scene.oil} or nothing",
        ]  # fmt: skip
        wish(scene, scene.alice, scene.oil, 4, whose=scene.bob)
        assert sentences(scene, 2) == [
            f"Alice changed Bob's order: nothing instead of {scene.oil}",
            f"Alice changed Bob's order: less of {scene.oil} is fine",
        ]

    def test_a_change_of_terms_means_choosing_again(self, scene):
        part = scene.part_of(scene.bob)
        part.is_ready = True
        part.save()
        assert wish(scene, scene.bob, scene.oil, 4, 5).chooses_again

    def test_the_same_again_changes_nothing(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 6, instead="rape")
        kinds = scene.kinds()
        assert not wish(scene, scene.bob, scene.oil, 4, 6, instead="rape").changed
        assert scene.kinds() == kinds

    def test_terms_that_somebody_else_has_changed_are_not_overwritten(self, scene):
        """D6, as for amounts."""
        wish(scene, scene.alice, scene.oil, 4, 5, whose=scene.bob)
        outcome = wish(scene, scene.bob, scene.oil, 4, 8, had=Terms())
        assert outcome.stale
        assert outcome.refusals[scene.oil.pk] == ["This was changed to 4–5. Check it, then save again."]
        assert not wish(scene, scene.bob, scene.oil, 4, 8, had=Terms(D(5))).refusals


@pytest.mark.parametrize(
    "values",
    [
        {"quantity": 4, "limit": 4},
        {"quantity": None, "limit": 4},
        {"quantity": None, "all_or_nothing": True},
        {"quantity": 4, "substitute_text": "x", "with_substitute": True},
        {"quantity": 4, "to_itself": True},
    ],
)
def test_the_database_holds_it_too(scene, values):
    bid = bid_of(scene, scene.bob, scene.oil)
    if values.pop("with_substitute", False):
        values["substitute"] = scene.gouda
    if values.pop("to_itself", False):
        values["substitute"] = scene.oil
    with pytest.raises(IntegrityError), transaction.atomic():
        Bid.objects.filter(pk=bid.pk).update(**values)


class TestTheForm:
    """The order form, with and without script, and the product's own page."""

    @pytest.fixture
    def post(self, scene):
        client, url = signed_in(scene.bob), reverse("run-order", args=[scene.run.pk])

        def send(product, quantity, *, was="4", **fields):
            data = {f"q-{product.pk}": quantity, f"was-{product.pk}": was}
            data |= {f"{name}-{product.pk}": text for name, text in fields.items()}
            return client.post(url, data)

        return send

    @pytest.mark.parametrize("dash", ["-", "–", " - ", " – "])
    def test_a_typed_range_is_taken_as_one(self, scene, post, dash):
        assert post(scene.oil, f"5{dash}7").status_code == 302
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (5, 7)

    def test_what_stands_in_the_fold_is_saved_with_the_amount(self, scene, post):
        assert post(scene.oil, "5", m="7", s="all", i=" rape  ", had="|less|").status_code == 302
        assert terms_of(scene, scene.bob, scene.oil) == (5, 7, True, "rape")

    def test_without_a_fold_the_terms_stay(self, scene, post):
        wish(scene, scene.bob, scene.oil, 4, 8, firm=True)
        assert post(scene.oil, "5").status_code == 302
        assert terms_of(scene, scene.bob, scene.oil)[:3] == (5, 8, True)

    def test_the_buttons_without_script_keep_what_was_typed_in_the_fold(self, scene):
        client, pk = signed_in(scene.bob), scene.oil.pk
        data = {f"q-{pk}": "4", f"was-{pk}": "4", f"m-{pk}": "9", f"s-{pk}": "less", f"had-{pk}": "|less|"}
        assert client.post(reverse("run-order", args=[scene.run.pk]), data | {"plus": pk}).status_code == 302
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (5, 9)

    @pytest.mark.parametrize(
        ("quantity", "fields", "place", "sentence"),
        [
            ("4", {"m": "3"}, "limit-err", "can&#x27;t be less than the 4 you want"),
            ("4", {"m": "x"}, "limit-err", "Enter a number"),
            ("4", {"m": "1,234"}, "limit-err", "can be read in two ways"),
            ("4", {"m": "-1"}, "limit-err", "Enter a number"),
            ("4-3", {}, "limit-err", "can&#x27;t be less than the 4 you want"),
            ("4-x", {}, "line-err", "Enter a number"),
            ("4-5-6", {}, "line-err", "Enter a number"),
            ("4", {"i": "x" * 101}, "line-err", "at most 100 characters"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(
        self, scene, post, quantity, fields, place, sentence
    ):
        fields = {"m": "", "s": "all", "i": "rape", "had": "|less|"} | fields
        answer = post(scene.oil, quantity, **fields)
        assert answer.status_code == 422
        pk, page = scene.oil.pk, answer.text
        error = page.split(f'id="{place}-{pk}"')[1].split("</p>")[0]
        assert sentence in error
        assert "hidden" not in error
        assert f'name="q-{pk}" value="{quantity}"' in page
        assert f'name="m-{pk}" value="{fields["m"]}"' in page
        assert f'name="i-{pk}" value="{fields["i"]}"' in page
        assert f'name="s-{pk}" value="all" checked' in page
        assert terms_of(scene, scene.bob, scene.oil) == (4, None, False, "")

    @pytest.mark.parametrize("had", ["", "x", "|||", "1,234|all|", "9|x", "\ufffd"])
    def test_whatever_a_page_claims_to_have_shown_is_no_server_error(self, scene, post, had):
        assert post(scene.oil, "5", m="6", s="?", i="", had=had).status_code in (302, 409)

    def test_while_the_list_is_locked_nothing_is_changed(self, scene, post):
        lock_list(scene.run, by=scene.alice)
        assert post(scene.oil, "4", m="6", s="less", i="", had="|less|").status_code == 409
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (4, None)

    def test_the_page_of_one_product_has_the_same(self, scene):
        client, url = signed_in(scene.bob), reverse("run-product", args=[scene.run.pk, scene.oil.pk])
        data = {"quantity": "5", "limit": "8", "if_too_little": "all", "instead": "rape", "was": "4", "had": "|less|"}
        assert client.post(url, data).status_code == 302
        assert terms_of(scene, scene.bob, scene.oil) == (5, 8, True, "rape")
        page = client.get(url).text
        assert "5–8 pieces" in page
        assert "all or nothing, or rape" in page
        assert client.post(url, data | {"limit": "9", "had": "|less|", "was": "5"}).status_code == 409
        refused = client.post(url, data | {"limit": "3", "had": "8|all|rape", "was": "5"})
        assert refused.status_code == 422
        assert "can&#x27;t be less than the 5 you want" in refused.text
        typed = client.post(url, {"quantity": "2-4", "was": "5", "had": "8|all|rape", "if_too_little": "less"})
        assert typed.status_code == 302
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (2, 4)

    def test_the_leader_changes_them_for_others(self, scene):
        url = reverse("run-product-of", args=[scene.run.pk, scene.oil.pk, scene.bob.pk])
        data = {"quantity": "4", "limit": "6", "if_too_little": "less", "was": "4", "had": "|less|"}
        assert signed_in(scene.alice).post(url, data).status_code == 302
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (4, 6)

    def test_others_see_the_range(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 6)
        page = signed_in(scene.hana).get(reverse("run", args=[scene.run.pk])).text
        assert ">4–6</td>" in page


class TestTheSums:
    def test_likely_is_between_the_lowest_and_the_highest(self, scene):
        """Spec 82: by what is bought in full packs, at most the limit. 8 wanted, 11 fine, packs of 10."""
        make_offer(scene.oil, scene.run.store, pack_size=10, price="20.00", quantity=10)
        wish(scene, scene.bob, scene.oil, 4, 7)
        board = Board(scene.run)
        bob = board.person_of(scene.bob)
        assert (bob.lowest, bob.estimate, bob.highest) == (D("8.00"), D("12.00"), D("14.00"))
        assert (board.lowest, board.estimate, board.highest) == (D("16.00"), D("20.00"), D("22.00"))
        assert (board.open_packs, board.left_over) == (0, 0)

    def test_what_an_open_pack_leaves_over_stands_beside_them(self, scene):
        make_offer(scene.oil, scene.run.store, pack_size=10, price="20.00", quantity=10)
        wish(scene, scene.bob, scene.oil, 4, 5)
        board = Board(scene.run)
        assert (board.open_packs, board.left_over) == (1, D("2.00"))
        assert board.estimate == board.highest == D("18.00")

    def test_the_runs_sums_are_the_sums_of_its_people(self, scene):
        make_offer(scene.oil, scene.run.store, pack_size=12, price="9.99", quantity=7)
        make_offer(scene.gouda, scene.run.store, price="10.01", quantity=3)
        wish(scene, scene.bob, scene.oil, 4, 7)
        wish(scene, scene.hana, scene.oil, 2, 5)
        wish(scene, scene.bob, scene.gouda, 3, "3.5")
        board = Board(scene.run)
        for name in ("lowest", "estimate", "highest"):
            assert getattr(board, name) == sum(getattr(person, name) for person in board.people)
        for person in board.people:
            assert person.lowest <= person.estimate <= person.highest


class TestAfterTheShop:
    """8 wanted; with Bob's limit of 7, 11 are fine."""

    @pytest.fixture
    def shopped(self, scene):
        wish(scene, scene.bob, scene.oil, 4, 7)
        go_shopping(scene.run)
        purchase(scene.run, scene.gouda, "3", "27")

        def finish(bought):
            purchase(scene.run, scene.oil, bought, "33")
            leave_the_shop(scene.run)
            return scene

        return finish

    def test_what_is_fine_is_handed_out_without_a_question(self, shopped):
        """Spec 77, 78."""
        scene = shopped(10)
        assert scene.state == states.DISTRIBUTING
        assert [scene.received(user, scene.oil) for user in (scene.alice, scene.bob, scene.hana)] == [2, 6, 2]
        assert problems() == []
        page = signed_in(scene.bob).get(reverse("run", args=[scene.run.pk]), follow=True).text
        assert "asked for" not in page

    def test_a_surplus_begins_above_what_is_fine(self, shopped):
        scene = shopped(12)
        assert scene.state == states.ADJUSTING
        [line] = [line for line in lines_of(scene.run) if line.to_decide]
        assert (line.surplus, line.shortage) == (1, 0)
        with pytest.raises(BulqError, match="you can take up to 1 piece more"):
            sort_out(scene.run, scene.oil, D(9), was=D(7), by=scene.bob)
        sort_out(scene.run, scene.oil, D(8), was=D(7), by=scene.bob)
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (8, None)
        assert all(line.matches for line in lines_of(scene.run))

    def test_who_has_no_wish_can_take_what_is_left_over(self, shopped):
        scene = shopped(12)
        sort_out(scene.run, scene.oil, D(3), was=D(2), by=scene.hana)
        [line] = [line for line in lines_of(scene.run) if line.product == scene.oil]
        assert line.matches
        assert sorted(line.division().quantities.values()) == [2, 3, 7]

    def test_below_the_amounts_it_is_a_shortage(self, shopped):
        scene = shopped(7)
        [line] = [line for line in lines_of(scene.run) if line.to_decide]
        assert (line.surplus, line.shortage) == (0, 1)
        sort_out(scene.run, scene.oil, D(3), was=D(4), by=scene.bob)
        assert terms_of(scene, scene.bob, scene.oil)[:2] == (3, 7)
        assert all(line.matches for line in lines_of(scene.run))

    def test_who_wanted_all_or_nothing_and_lowers_takes_less_from_then_on(self, shopped):
        """Spec 57."""
        scene = shopped(6)
        Bid.objects.filter(pk=bid_of(scene, scene.bob, scene.oil).pk).update(all_or_nothing=True)
        sort_out(scene.run, scene.oil, D(3), was=D(4), by=scene.bob)
        assert terms_of(scene, scene.bob, scene.oil)[2] is False

    @pytest.mark.parametrize("values", [{"limit": 9}, {"all_or_nothing": True}])
    def test_a_preview_made_before_a_change_of_terms_is_outdated(self, shopped, values):
        scene = shopped(12)
        before = Division(scene.run, lines_of(scene.run)).fingerprint()
        Bid.objects.filter(pk=bid_of(scene, scene.bob, scene.oil).pk).update(**values)
        assert Division(scene.run, lines_of(scene.run)).fingerprint() != before

    def test_the_page_asks_for_what_is_over_from_the_limit_on(self, shopped):
        scene = shopped(12)
        page = signed_in(scene.bob).get(reverse("run-hand-out", args=[scene.run.pk])).text
        assert "12 pieces came, ordered: 8–11 pieces" in page
        assert 'name="was" value="7"' in page


def test_a_weighed_range(scene):
    """Spec 78: divisible products are weighed beyond their limits too."""
    cheese = make_weighed_product("Feta")
    wish(scene, scene.bob, cheese, 1, 2)
    wish(scene, scene.hana, cheese, "0.5")
    go_shopping(scene.run)
    purchase(scene.run, cheese, "2.70", "27")
    [line] = [line for line in lines_of(scene.run) if line.product == cheese]
    assert line.matches
    assert sorted(line.division().quantities.values()) == [D("0.54"), D("2.16")]
