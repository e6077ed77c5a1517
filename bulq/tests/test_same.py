"""The admin's page of pairs that look the same (spec 101)."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

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


# --- Taking it back --------------------------------------------------------------------------------
TOLD = "/admin/same/told-apart/"


def again(pair):
    return reverse(f"admin:stores_{pair._meta.model_name}_again", args=[pair.pk])


def test_what_was_told_apart_is_listed_and_can_be_proposed_again(as_root, root):
    rice, _rise, pair = twins()
    assert TOLD in as_root.get(PAGE).text
    as_root.post(apart(pair))
    page = as_root.get(TOLD)
    assert "told apart by Root" in page.text
    assert "Basmati rice, Basmati rise" in page.text
    LogEntry.objects.all().delete()
    for _time in range(2):
        page = as_root.post(again(pair), follow=True)
        assert "can be proposed again" in page.text
    assert "told apart by" not in page.text
    assert LogEntry.objects.count() == 2
    assert [(one.first.pk, one.pk) for one in as_root.get(PAGE).context["kinds"][0].pairs] == [(rice.pk, pair.pk)]
    look_for_pairs()
    assert ProductPair.objects.proposed().count() == 1


def test_a_pair_that_has_other_names_by_now_is_not_proposed_for_long(as_root):
    rice, _rise, pair = twins()
    as_root.post(apart(pair))
    rice.name = "Olive oil"
    rice.save()
    look_for_pairs()
    as_root.post(again(pair))
    look_for_pairs()
    assert not ProductPair.objects.proposed().exists()


def test_only_who_may_change_them_sees_them_and_takes_it_back(as_root):
    _rice, _rise, pair = twins()
    as_root.post(apart(pair))
    clerk = clerk_with("view_product", "change_store")
    assert "Basmati" not in clerk.get(TOLD).text
    assert clerk.post(again(pair)).status_code == 403
    assert clerk_with("view_product").get(TOLD).status_code == 403
    assert as_root.get(again(pair)).status_code == 405
    gone = as_root.post(again(pair).replace(f"/{pair.pk}/", f"/{10**15}/"))
    assert gone.status_code == 409


def test_the_list_of_what_was_told_apart_has_pages_and_few_queries(as_root, root):
    products = [make_product(f"Thing {number}") for number in range(61)]
    values = {"likeness": 1, "told_apart_by": root, "told_apart_at": timezone.now()}
    ProductPair.objects.create(first=products[0], second=products[1], **values)
    few = queries(as_root, TOLD)
    ProductPair.objects.bulk_create(
        ProductPair(first=products[0], second=product, **values) for product in products[2:]
    )
    assert queries(as_root, TOLD) == few
    assert as_root.get(TOLD).text.count("Take back:") == 50
    assert as_root.get(f"{TOLD}?product=2").text.count("Take back:") == 10
    assert as_root.get(f"{TOLD}?product=x").status_code == 200
