"""The admin's page of pairs that look the same (spec 101)."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.tests.factories import make_user
from bids import states
from bids.tests.factories import order
from bids.tests.stages import stage
from bulq.tests.client import signed_in
from bulq.tests.test_office import queries
from stores.actions.pairs import look_for_pairs
from stores.models import Product, ProductPair, StorePair
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db
PAGE = "/admin/same/"


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


@pytest.fixture
def as_root(root):
    return signed_in(root)


def clerk_with(*rights):
    clerk = make_user("Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return signed_in(clerk)


def apart(pair):
    return reverse(f"admin:stores_{pair._meta.model_name}_apart", args=[pair.pk])


def twins():
    rice, rise = make_product("Basmati rice"), make_product("Basmati rise")
    look_for_pairs()
    return rice, rise, ProductPair.objects.get()


def test_a_pair_is_shown_with_what_each_has(as_root):
    scene = stage(states.ACTIVE)
    rice, rise, _pair = twins()
    order(scene.run, scene.bob, rise, 3)
    make_offer(rise, make_store(), price=3)
    Product.objects.filter(pk=rise.pk).update(barcode="04006381333931", is_verified=True)
    page = as_root.get(PAGE)
    products, stores = page.context["kinds"]
    [pair] = products.pairs
    facts = {label: (str(first), str(second)) for label, first, second in pair.facts}
    assert facts["Orders"] == facts["Offers"] == facts["Prices"] == ("0", "1")
    assert facts["Verified"] == ("no", "yes")
    assert facts["Bar code"] == ("", "4006381333931")
    assert (pair.first, pair.second, pair.kept) == (rice, rise, rise)
    assert (stores.pairs, stores.total) == ([], 0)
    assert "No two of them look the same." in page.text


def test_the_front_page_counts_them_and_lists_lead_there(as_root):
    twins()
    make_store("Grossmarkt Nord")
    make_store("Grosmarkt Nord")
    look_for_pairs()
    front = as_root.get("/admin/")
    assert front.context["front"].same == 2
    assert f'<a href="{PAGE}">Pairs that look the same</a><b>2</b>' in front.text
    for model in ("product", "store"):
        assert f'href="{PAGE}#{model}"' in as_root.get(f"/admin/stores/{model}/").text
    assert PAGE not in as_root.get("/admin/stores/price/").text


def test_from_the_pair_to_the_merge(as_root):
    rice, rise, _pair = twins()
    addresses = re.findall(r'href="([^"]+/merge/[^"]+)"', as_root.get(PAGE).text)
    assert addresses == [
        f"/admin/stores/product/{rise.pk}/merge/?target={rice.pk}",
        f"/admin/stores/product/{rice.pk}/merge/?target={rise.pk}",
    ]
    form = as_root.get(addresses[0])
    assert f'<option value="{rice.pk}" selected>Basmati rice</option>' in form.text
    seen = as_root.post(addresses[0], {"target": rice.pk}).context["seen"]
    assert "is part of this now" in as_root.post(addresses[0], {"target": rice.pk, "seen": seen}, follow=True).text
    look_for_pairs()
    assert not ProductPair.objects.exists()


@pytest.mark.parametrize("target", ["", "x", "-1", "999999", "9" * 30, "1'"])
def test_odd_targets_in_the_address_choose_nothing(as_root, target):
    answer = as_root.get(f"/admin/stores/product/{make_product().pk}/merge/?target={target}")
    assert answer.status_code == 200
    assert " selected" not in re.search(r"<select.*?</select>", answer.text, re.DOTALL)[0].replace(
        '<option value="" selected></option>', ""
    )


def test_not_the_same_is_remembered_and_both_find_it_in_the_log(as_root, root):
    rice, rise, pair = twins()
    page = as_root.post(apart(pair), follow=True)
    assert "are not proposed again" in page.text
    assert page.context["kinds"][0].pairs == []
    pair.refresh_from_db()
    assert pair.told_apart_by == root
    entries = {entry.object_id: entry.get_change_message() for entry in LogEntry.objects.all()}
    assert entries == {
        str(rice.pk): f"Not the same as “Basmati rise” ({rise.pk}).",
        str(rise.pk): f"Not the same as “Basmati rice” ({rice.pk}).",
    }
    as_root.post(apart(pair))
    assert LogEntry.objects.count() == 2


def test_a_pair_that_is_gone_is_a_sentence(as_root):
    _rice, rise, pair = twins()
    address = apart(pair)
    rise.delete()
    answer = as_root.post(address)
    assert answer.status_code == 409
    assert "This pair is gone" in answer.text
    assert as_root.get(address).status_code == 405


def test_people_see_and_decide_what_they_may_change():
    _rice, _rise, pair = twins()
    make_store("Grossmarkt Nord")
    make_store("Grosmarkt Nord")
    look_for_pairs()
    looker = clerk_with("view_product", "view_store")
    assert looker.get(PAGE).status_code == 403
    assert looker.post(apart(pair)).status_code == 403
    clerk = clerk_with("view_product", "change_product")
    page = clerk.get(PAGE)
    assert [kind.options.model_name for kind in page.context["kinds"]] == ["product"]
    assert "/merge/" not in page.text
    assert clerk.post(apart(StorePair.objects.get())).status_code == 403
    assert clerk.post(apart(pair)).status_code == 302


def test_what_looks_the_same_can_be_deleted(as_root):
    _rice, rise, _pair = twins()
    assert as_root.post(f"/admin/stores/product/{rise.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ProductPair.objects.exists()


def test_as_many_queries_for_many_pairs_as_for_one(as_root):
    make_store("Grossmarkt Nord")
    make_store("Grosmarkt Nord")
    twins()
    few = queries(as_root, PAGE)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        for name in (f"{letter * 3} thing {letter * 5}", f"{letter * 3} thing {letter * 5} x"):
            make_offer(make_product(name), make_store(f"Shop {letter * 4} {name[-3:]}"), price=1)
    look_for_pairs()
    page = as_root.get(PAGE)
    assert len(page.context["kinds"][0].pairs) == 20
    assert "more pairs follow" in page.text
    assert queries(as_root, PAGE) == few < 25
