"""The admin's page for merging: search, preview, and doing it (spec 69)."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.tests.factories import make_user
from bids.tests.cast import stage
from bids.tests.factories import order
from bulq.tests.client import signed_in
from stores.models import Offer, Product
from stores.tests.factories import make_product, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return make_user("Root", is_staff=True, is_superuser=True)


def page_of(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_merge", args=[row.pk])


def test_the_page_searches_shows_and_merges(root):
    scene, client = stage(), signed_in(root)
    other = make_product("Oyl")
    order(scene.run, scene.bob, other, 3)
    assert "Show what would happen" in client.get(page_of(other)).text
    shown = client.post(page_of(other), {"target": scene.oil.pk})
    assert "This cannot be undone." in shown.text
    assert "Bob wanted both" in shown.text
    assert scene.wanted(scene.bob, other) == 3
    seen = shown.context["seen"]
    done = client.post(page_of(other), {"target": scene.oil.pk, "seen": seen}, follow=True)
    assert "is part of this now" in done.text
    assert scene.wanted(scene.bob, scene.oil) == 7


def test_what_changed_since_the_preview_is_shown_again(root):
    scene, client = stage(), signed_in(root)
    other = make_product("Oyl")
    order(scene.run, scene.bob, other, 3)
    seen = client.post(page_of(other), {"target": scene.oil.pk}).context["seen"]
    order(scene.run, scene.bob, other, 5)
    again = client.post(page_of(other), {"target": scene.oil.pk, "seen": seen})
    assert again.status_code == 409
    assert "Something has changed since" in again.text
    assert Product.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("target", ["", "x", "999999", "itself", "-1", "1' OR 1=1", "\0"])
def test_bad_targets_are_refused_at_the_field(target, root):
    oil = make_product("Oil")
    answer = signed_in(root).post(page_of(oil), {"target": oil.pk if target == "itself" else target})
    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.text


def test_who_may_not_change_and_delete_may_not_merge():
    oil, oyl = make_product("Oil"), make_product("Oyl")
    clerk = make_user("Clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_product", "change_product"]))
    client = signed_in(clerk)
    assert client.get(page_of(oyl)).status_code == 403
    assert client.post(page_of(oyl), {"target": oil.pk}).status_code == 403


def test_of_very_much_that_was_there_twice_only_the_beginning_is_shown(root):
    stores, products = [make_store(), make_store()], [make_product() for _number in range(103)]
    for store, note in zip(stores, ("here", "there"), strict=True):
        Offer.objects.bulk_create(Offer(product=product, store=store, note=note) for product in products)
    shown = signed_in(root).post(page_of(stores[0]), {"target": stores[1].pk})
    assert shown.text.count("keeps its terms") == 100
    assert "and 3 more" in shown.text


def test_a_clerk_may_merge_people_but_not_superusers(root):
    clerk, ana, anna = make_user("Clerk", is_staff=True), make_user("Ana"), make_user("Anna")
    rights = ["view_user", "change_user", "delete_user", "view_membership", "change_membership"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = signed_in(clerk)
    assert client.get(page_of(ana)).status_code == 200
    assert client.post(page_of(ana), {"target": anna.pk}).status_code == 200
    assert client.get(page_of(root)).status_code == 403
    assert client.post(page_of(root), {"target": ana.pk}).status_code == 403
    assert client.post(page_of(ana), {"target": root.pk}).status_code == 403
