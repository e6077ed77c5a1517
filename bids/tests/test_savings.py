"""Spec 95: what was saved in a run, a group and by a person, against what the goods cost elsewhere."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.actions.membership import end_membership
from accounts.tests.factories import make_user
from bids import states
from bids.actions import costs
from bids.models import Run
from bids.reading.savings import Good, Saving, bought_on, saved_in, worth_of
from bulq.kit.money import minor_unit
from bulq.tests.client import signed_in
from stores.models import Price, Product, ReferencePrice, Store
from stores.reading.elsewhere import Bought, Elsewhere, prices_elsewhere
from stores.tests.factories import make_offer, make_product, make_store

from .adding_up import amounts, first, total, tree
from .cast import D, leave_the_shop, stage
from .factories import purchase


def note(product, amount, quantity=1, currency="EUR", shop="Kaufhof", **more):
    values = {"amount": D(amount), "quantity": D(quantity), "shop": shop, "seen_on": date(2026, 11, 2)}
    return ReferencePrice.objects.create(product=product, currency=currency, **values | more)


def see(product, amount, *, quantity=1, days=30, store=None, currency="EUR", **more):
    """A price seen `days` ago at another store."""
    offer = make_offer(product, store or make_store(currency=currency))
    seen_at = timezone.now() - timedelta(days=days)
    return Price.objects.create(offer=offer, amount=D(amount), quantity=D(quantity), seen_at=seen_at, **more)


def worth(scene, user=None):
    return worth_of(scene.fresh(), user or scene.bob)


def over(**options):
    """Oil: 8 for 40, of which Alice and Hana have 2 each, Bob 4 (20.00); gouda: Bob has 3 kg for 27."""
    return stage(states.COMPLETED, **options)


# --- Arithmetic --------------------------------------------------------------------------------------
def good(quantity, paid, amount=None, per=1, currency="EUR"):
    reference = Elsewhere(D(amount), D(per)) if amount else None
    return Good(1, 1, "Oil", "piece", currency, D(quantity), D(paid), reference)


def test_what_it_costs_elsewhere_is_rounded_once_half_up_to_the_minor_unit():
    assert good("3", "9", "10", per=3).elsewhere == D("10.00")
    assert good("0.5", "1", "0.01").elsewhere == D("0.01")
    assert good("1.5", "400", "333", currency="JPY").elsewhere == 500
    assert str(good("1", "1", "2").elsewhere) == "2.00"


def test_dearer_is_a_saving_below_zero():
    dear = good(2, 5, "2")
    assert (dear.saved, dear.is_dearer, dear.difference) == (-1, True, 1)
    sum_of_both = Saving("EUR", [dear, good(1, 1, "5")])
    assert (sum_of_both.saved, sum_of_both.is_dearer, sum_of_both.percent) == (3, False, 33)


def test_what_cannot_be_compared_counts_nowhere_but_in_what_it_covers():
    saving = Saving("EUR", [good(1, 100), good(1, 2, "3")])
    assert (saving.paid, saving.elsewhere, saving.saved) == (2, 3, 1)
    assert (len(saving.compared), len(saving.goods)) == (1, 2)
    nothing = Saving("EUR", [good(1, 100)])
    assert (nothing.saved, nothing.percent, nothing.best, nothing.most) == (0, None, None, 0)


AMOUNTS = st.decimals(0, 9999, places=2, allow_nan=False, allow_infinity=False)
GOODS = st.tuples(
    st.decimals("0.01", 999, places=2), AMOUNTS, st.none() | st.decimals("0.01", 999, places=4), st.integers(1, 24)
)


@given(st.lists(GOODS, max_size=12), st.sampled_from(["EUR", "JPY"]))
def test_sums_are_the_sums_of_the_rows(rows, currency):
    unit = minor_unit(currency)
    goods = [good(q, paid.quantize(unit), amount, per, currency) for q, paid, amount, per in rows]
    saving = Saving(currency, goods)
    assert saving.paid == sum(row.paid for row in saving.compared)
    assert saving.elsewhere == sum(row.elsewhere for row in saving.compared)
    assert saving.saved == sum(row.saved for row in saving.compared) == saving.elsewhere - saving.paid
    assert all(row.elsewhere % unit == 0 and type(row.elsewhere) is type(unit) for row in saving.compared)
    assert len(saving.compared) + len(saving.not_compared) == len(goods)


# --- With what it is compared ------------------------------------------------------------------------
@pytest.mark.django_db
class TestPricesElsewhere:
    @pytest.fixture
    def thing(self):
        return Bought(make_product().pk, make_store().pk, "EUR", timezone.localdate())

    def of(self, thing):
        return prices_elsewhere([thing]).get(thing)

    def see(self, thing, *args, **options):
        return see(Product.objects.get(pk=thing.product), *args, **options)

    def test_it_is_the_average_of_the_unit_prices_seen_at_other_stores_in_the_year_before(self, thing):
        self.see(thing, 4, quantity=2)
        self.see(thing, 5, days=360)
        found = self.of(thing)
        assert (found.amount, found.quantity, found.shop, found.prices) == (D("3.5"), 1, "", 2)

    @pytest.mark.parametrize("days", [367, 0, -5])
    def test_neither_older_ones_nor_those_of_the_day_or_later_count(self, thing, days):
        self.see(thing, 4, days=days)
        assert self.of(thing) is None

    def test_neither_withdrawn_ones_nor_those_at_the_same_store_nor_of_another_currency_count(self, thing):
        self.see(thing, 4, withdrawn_at=timezone.now())
        self.see(thing, 4, store=Store.objects.get(pk=thing.store))
        self.see(thing, 4, currency="RSD")
        assert self.of(thing) is None

    def test_a_noted_price_in_the_currency_comes_first(self, thing):
        self.see(thing, 4)
        product = Price.objects.get().offer.product
        note(product, 900, currency="RSD")
        assert self.of(thing).amount == 4
        note(product, 9, quantity=2)
        assert self.of(thing) == Elsewhere(D(9), D(2), "Kaufhof", date(2026, 11, 2))

    def test_nothing_bought_needs_no_query(self, thing, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert prices_elsewhere([]) == {}
        with django_assert_num_queries(1):
            assert prices_elsewhere([thing, thing]) == {}


# --- A run ---------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_run_saved_what_its_goods_cost_more_elsewhere():
    scene = over()
    note(scene.oil, "36", quantity=6)
    see(scene.gouda, 8)
    found = worth(scene)
    assert [(row.name, row.elsewhere, row.paid, row.saved) for row in found.together.compared] == [
        (scene.oil.name, 48, 40, 8),
        (scene.gouda.name, 24, 27, -3),
    ]
    assert (found.together.saved, found.together.percent, found.together.best.name) == (5, 7, scene.oil.name)
    assert (found.mine.elsewhere, found.mine.paid, found.mine.saved) == (48, 47, 1)


@pytest.mark.django_db
def test_extra_costs_are_not_compared():
    scene = stage(states.DISTRIBUTING)
    costs.add_extra_cost(scene.run, label="Fuel", amount=D(9), by=scene.alice)
    note(scene.oil, 6)
    Run.objects.filter(pk=scene.run.pk).update(state=states.COMPLETED)
    assert worth(scene).together.saved == 8


@pytest.mark.django_db
def test_a_gift_is_saved_as_a_whole():
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 8, "0")
    purchase(scene.run, scene.gouda, 3, "27")
    leave_the_shop(scene.run)
    Run.objects.filter(pk=scene.run.pk).update(state=states.COMPLETED)
    note(scene.oil, 6)
    together = worth(scene).together
    assert (together.paid, together.saved, together.percent) == (0, 48, 100)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [states.ACTIVE, states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING])
def test_while_a_run_is_not_over_nothing_is_said(state):
    scene = stage(state)
    note(scene.oil, 6)
    assert worth(scene) is None
    assert "Was it worth it?" not in signed_in(scene.bob).get(f"/runs/{scene.run.pk}/", follow=True).text


@pytest.mark.django_db
def test_currencies_are_never_mixed():
    scene = over(currency="JPY")
    note(scene.oil, 6, currency="EUR")
    see(scene.gouda, 8, currency="EUR")
    assert worth(scene).together.compared == []
    note(scene.oil, "333", quantity=2, currency="JPY")
    together = worth(scene).together
    assert (together.elsewhere, together.saved) == (1332, 1292)
    assert "¥1\u00a0292" in signed_in(scene.bob).get(f"/runs/{scene.run.pk}/").text


@pytest.mark.django_db
def test_a_run_without_a_day_is_of_the_day_its_first_thing_was_bought():
    scene = over()
    assert Run.objects.annotate(on=bought_on()).get(pk=scene.run.pk).on == timezone.localdate()
    Run.objects.filter(pk=scene.run.pk).update(day=date(2025, 3, 1))
    assert Run.objects.annotate(on=bought_on()).get(pk=scene.run.pk).on == date(2025, 3, 1)
    see(scene.oil, 6)
    assert worth(scene).together.compared == []


# --- Its page ------------------------------------------------------------------------------------------
def page_of(scene, user):
    return signed_in(user).get(f"/runs/{scene.run.pk}/").text


@pytest.mark.django_db
def test_the_page_says_what_was_saved_and_with_what_it_was_compared():
    scene = over()
    note(scene.oil, "36", quantity=6)
    page = " ".join(page_of(scene, scene.bob).split())
    assert "17 % less than elsewhere" in page
    assert "compared for 1 of 2 products" in page
    assert "€36.00 for 6 pieces at Kaufhof, Mon 2 November" in page
    assert "€48.00 − €40.00 = €8.00" in page
    assert '<span class="tag">Not compared</span>' in page
    for sentence in ("You saved", "Biggest saving", "€8.00 less than elsewhere", "Was it worth it?"):
        assert sentence in page


@pytest.mark.django_db
def test_dearer_is_said_plainly():
    scene = over()
    note(scene.oil, "4")
    page = page_of(scene, scene.bob)
    assert "25 % more than elsewhere" in page
    assert "€8.00 more" in page
    assert "Biggest saving" not in page
    assert "-€" not in page


@pytest.mark.django_db
def test_members_who_took_no_part_see_it_without_a_part_of_theirs_and_others_do_not():
    scene = over()
    note(scene.oil, 6)
    page = page_of(scene, scene.dora)
    assert "Was it worth it?" in page
    assert "You saved" not in page
    for user in (scene.charlie, make_user("Root", is_staff=True, is_superuser=True)):
        assert signed_in(user).get(f"/runs/{scene.run.pk}/").status_code == 404
        assert signed_in(user).get(f"/groups/{scene.group.pk}/").status_code == 404


@pytest.mark.django_db
def test_with_nothing_to_compare_the_page_says_how_to():
    scene = over()
    page = page_of(scene, scene.bob)
    assert "Nothing to compare with yet" in page
    assert "compared for 0 of 2 products" in " ".join(page.split())


@pytest.mark.django_db
def test_sums_of_both_tables_are_those_of_the_rows_shown():
    scene = over()
    note(scene.oil, "36.37", quantity=7)
    see(scene.gouda, "8.33")
    for address in (f"/runs/{scene.run.pk}/", f"/groups/{scene.group.pk}/"):
        table = tree(signed_in(scene.bob).get(address).text).find("table", class_="bars")
        rows = [list(row.find_all("td")) for row in table.find("tbody").find_all("tr")]
        foot = list(table.find("tfoot").find_all("td"))
        for column in (0, 2):
            assert total(row[column] for row in rows) == first(foot[column])
        signs = [-1 if "more" in cells[3].text else 1 for cells in [*rows, foot]]
        saved = [sign * amounts(cells[3])[0] for sign, cells in zip(signs, [*rows, foot], strict=True)]
        assert sum(saved[:-1]) == saved[-1] == first(foot[0]) - first(foot[2])


# --- A group -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_group_has_one_bar_for_each_run_that_is_over_newest_first():
    scene = over()
    note(scene.oil, 6)
    other = over()
    Run.objects.filter(pk=other.run.pk).update(group=scene.group)
    called_off = stage(states.CANCELLED)
    Run.objects.filter(pk=called_off.run.pk).update(group=scene.group)
    runs = scene.group.runs.ended().with_names().newest_first()
    saved = saved_in(runs)
    assert [(run.pk, saving.saved, len(saving.compared)) for run, saving in saved.rows] == [
        (other.run.pk, 0, 0),
        (scene.run.pk, 8, 1),
    ]
    assert (saved.together.saved, len(saved.together.goods), saved.most) == (8, 4, 48)
    page = tree(signed_in(scene.dora).get(f"/groups/{scene.group.pk}/").text)
    table = page.find("table", class_="bars")
    assert [len(list(row.find_all("rect"))) for row in table.find("tbody").find_all("tr")] == [0, 2]
    covered = [" ".join(small.text.split()) for small in table.find_all("small")]
    assert covered == [f"compared for {n} products" for n in ("0 of 2", "1 of 2", "1 of 4")]
    assert saved_in([]) is saved_in([called_off.run]) is None


@pytest.mark.django_db
def test_who_has_left_no_longer_sees_the_group_but_still_what_they_saved():
    scene = over()
    note(scene.oil, 6)
    end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)
    client = signed_in(scene.bob)
    assert client.get(f"/groups/{scene.group.pk}/").status_code == 404
    page = " ".join(client.get("/me/").text.split())
    assert "You saved in all" in page
    assert "compared for 1 of 2 products" in page
    assert '<td class="r">€47.00</td>' in page
