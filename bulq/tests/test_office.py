"""The admin made for this site: menu, front page, what belongs to a row, and what is refused (spec 68 to 71)."""

import re
from datetime import timedelta

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import AutocompleteMixin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Group, Membership, ResetRequest, User
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.models import Participation, Run
from bids.tests.stages import stage
from bulq.models import BackupRun, Heartbeat
from bulq.office.front import front_page
from bulq.office.site import MENU
from bulq.tests.architecture import ROOT
from bulq.tests.client import signed_in
from stores.models import Offer, Price, Product, ProductPair, Store
from stores.tests.factories import make_offer, make_product, make_store

pytestmark = pytest.mark.django_db
WORDS = ["People", "Groups", "Stores", "Products", "Prices", "Runs", "Backups", "Site settings"]


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


def page_of(row, name="change"):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def words_of(page):
    menu = re.search(r'<nav id="menu".*?</nav>', page.text, re.DOTALL)
    return re.findall(r"<a [^>]*>([^<]+)</a>", menu[0]) if menu else []


def queries(client, url):
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url, follow=True).status_code == 200
    return len(seen)


# --- Menu ------------------------------------------------------------------------------------------
def test_the_menu_has_the_words_of_an_admin_and_no_internals(as_root):
    assert words_of(as_root.get("/admin/")) == [*WORDS, "Internals"]
    internals = as_root.get("/admin/internals/").text
    for word in ("Sent forms", "Heartbeats", "Alerts", "Memberships"):
        assert word in internals


def test_the_menu_shows_what_the_person_may_see():
    clerk = clerk_with("view_product", "view_store", "view_heartbeat")
    assert words_of(clerk.get("/admin/")) == ["Stores", "Products"]
    assert clerk.get("/admin/internals/").status_code == 403
    assert words_of(clerk_with().get("/admin/")) == []


def test_staff_find_the_admin_from_the_site_and_back(as_root):
    assert 'href="/admin/"' in as_root.get("/me/").text
    assert 'href="/admin/"' not in signed_in(make_user("Alice")).get("/me/").text
    assert '<a href="/">View site</a>' in as_root.get("/admin/").text


# --- Front page ------------------------------------------------------------------------------------
def backup(**fields):
    moment = timezone.now() - timedelta(hours=3)
    done = {"state": "done", "verified_at": moment, "ended_at": moment, "size": 163_750_000, "key": "b1"}
    return BackupRun.objects.create(**done | fields)


def test_the_front_page_says_that_all_is_well(as_root):
    for name in ("worker", "beat"):
        Heartbeat.objects.create(name=name, at=timezone.now())
    backup(drilled_at=timezone.now() - timedelta(days=2))
    text = " ".join(re.sub(r"<[^>]+>", " ", as_root.get("/admin/").text).replace("\xa0", " ").split())
    assert "3 hours ago" in text
    assert "Size 163.8 MB" in text
    assert "Restored as a drill 2 days ago" in text
    assert front_page().problems == []


def test_the_front_page_says_what_is_wrong(as_root):
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(hours=1))
    backup(state="failed", verified_at=None, error="No space left.", drilled_at=timezone.now(), drill_error="It burnt.")
    text = as_root.get("/admin/").text
    for part in ("No, something needs you", "No space left.", "The worker has not been running", "Not running"):
        assert part in text
    assert "None yet" in text


def test_the_front_page_counts(as_root):
    scene = stage(states.ACTIVE)
    User.objects.update(joined_at=timezone.now() - timedelta(days=30), last_login=None)
    User.objects.filter(pk=scene.dora.pk).update(joined_at=timezone.now())
    User.objects.filter(pk=scene.charlie.pk).update(last_login=timezone.now())
    Product.objects.filter(pk=scene.oil.pk).update(is_verified=True)
    front = front_page()
    # Alice, Bob and Eve did something in the run.
    assert (front.open_runs, front.came, front.joined) == (1, 4, 1)
    assert (front.unverified_products, front.unverified_stores) == (Product.objects.count() - 1, 1)
    page = as_root.get("/admin/").text
    links = re.findall(r'href="(/admin/[^"]+\?[^"]+)"', page)
    assert len(links) == 4
    for link in links:
        assert as_root.get(link.replace("&amp;", "&")).status_code == 200
    found = as_root.get("/admin/bids/run/?open=yes").context["cl"].result_list
    assert [run.pk for run in found] == [scene.run.pk]
    assert not as_root.get("/admin/bids/run/?open=no").context["cl"].result_list


# --- What belongs to a row -------------------------------------------------------------------------
def panels_of(client, row):
    return {str(panel.title): panel for panel in client.get(page_of(row)).context["panels"]}


def test_pages_show_and_link_what_belongs_to_a_row(as_root):
    scene = stage(states.DISTRIBUTING)
    twin = Product.objects.create(name=f"{scene.oil.name}!", unit="piece", kind="counted", step=1)
    ProductPair.objects.create(first=scene.oil, second=twin, likeness=1)
    for row, titles in (
        (scene.bob, {"Groups": 1, "Runs": 1, "Owes": 1, "Is owed": 0}),
        (scene.group, {"Members": 4, "Runs": 1}),
        (scene.oil, {"Offers": 1, "Prices": 2, "Runs": 1, "Looks the same": 1}),
        (scene.store, {"Imported catalogues": 0, "Offers": 2, "Prices": 3, "Runs": 1, "Looks the same": 0}),
        (scene.run, {"People": 3}),
    ):
        panels = panels_of(as_root, row)
        assert {title: panel.total for title, panel in panels.items()} == titles, row
        for panel in panels.values():
            addresses = [panel.address, *(cell.address for cells in panel.cells for cell in cells)]
            for address in filter(None, addresses):
                assert as_root.get(address).status_code == 200, address
            if panel.address:
                assert len(as_root.get(panel.address).context["cl"].result_list) == panel.total, panel.address
    assert f"/join/{scene.group.join_token}/" in as_root.get(page_of(scene.group)).text


def test_only_the_newest_are_shown_with_a_link_to_all(as_root):
    store = make_store()
    Offer.objects.bulk_create(Offer(store=store, product=make_product()) for _number in range(25))
    panel = panels_of(as_root, store)["Offers"]
    assert (len(panel.rows), panel.total) == (20, 25)
    assert "Show all 25" in as_root.get(page_of(store)).text


def test_a_page_shows_only_what_the_person_may_see():
    scene = stage(states.ACTIVE)
    clerk = clerk_with("view_group", "view_user")
    assert set(panels_of(clerk, scene.bob)) == {"Groups"}


# --- Queries ---------------------------------------------------------------------------------------
def fill(count):
    """`count` rows of everything in the menu, all of which belong to one person, group, store and product."""
    number = User.objects.count()
    people = User.objects.bulk_create(
        User(username=f"p{number + at}", name=f"P {at}", password="!") for at in range(count)
    )
    alice = User.objects.get(username="alice")
    groups = Group.objects.bulk_create(
        Group(name=f"G {at}", currency="EUR", join_token=f"{number}-{at}") for at in range(count)
    )
    Membership.objects.bulk_create(Membership(group=group, user=alice) for group in groups)
    first = Group.objects.order_by("pk").first()
    Membership.objects.bulk_create(Membership(group=first, user=person) for person in people)
    stores = Store.objects.bulk_create(Store(name=f"S {number + at}", currency="EUR") for at in range(count))
    products = Product.objects.bulk_create(
        Product(name=f"P {number + at}", unit="piece", kind="counted", step=1) for at in range(count)
    )
    store, product = Store.objects.order_by("pk").first(), Product.objects.order_by("pk").first()
    offers = [Offer(store=store, product=one) for one in products if one.pk != product.pk]
    offers = Offer.objects.bulk_create(offers + [Offer(store=one, product=product) for one in stores])
    Price.objects.bulk_create(Price(offer=offers[-1], amount=1, quantity=1, seen_by=alice) for _at in range(count))
    runs = Run.objects.bulk_create(Run(group=first, store=store, leader=alice) for _at in range(count))
    Participation.objects.bulk_create(Participation(run=run, user=alice) for run in runs)
    BackupRun.objects.bulk_create(BackupRun(state="failed") for _at in range(count))
    return [alice, first, store, product, Offer.objects.order_by("pk").first(), runs[0]]


@pytest.mark.slow
def test_lists_and_pages_take_as_many_queries_for_500_rows_as_for_one(as_root):
    alice = make_user("Alice", username="alice")
    make_group(admin=alice)
    rows = fill(30)
    urls = [*map(page_of, rows), "/admin/", *(list_of(model) for model in (User, Group, Store, Product, Price, Run))]
    urls += [f"{list_of(BackupRun)}", f"{list_of(Product)}?q=p", f"{page_of(rows[3], 'delete')}"]
    few = {url: queries(as_root, url) for url in urls}
    fill(500)
    many = {url: queries(as_root, url) for url in urls}
    assert {url: (few[url], many[url]) for url in urls if many[url] > few[url]} == {}
    assert max(many.values()) < 40


# --- Fields ----------------------------------------------------------------------------------------
# What may be typed on the page of a row that exists: nothing that an action has to move.
TYPED = {
    "User": {"username", "password", "name", "email", "theme", "language", "is_active", "is_staff", "is_superuser",
             "groups", "user_permissions"},
    "Group": {"name", "is_joining_open"},
    "Store": {"name", "chain", "address", "currency", "is_verified"},
    "Category": {"name", "symbol", "position", "words"},
    "ProductAlias": {"product", "name"},
    "Product": {"name", "brand", "unit", "kind", "step", "barcode", "category", "is_verified"},
    "Offer": {"pack_size", "min_quantity", "note"},
    "Price": {"amount", "quantity", "min_quantity", "note", "withdrawn_at"},
    "ReferencePrice": {"amount", "quantity", "seen_on", "shop"},
    "Run": {"day", "note"},
    "SiteSettings": {"registration"},
}  # fmt: skip
OURS = [model for model in admin.site._registry if model._meta.app_label in ("accounts", "stores", "bids", "bulq")]


def test_what_an_action_must_move_is_read_only(as_root):
    scene = stage(states.DISTRIBUTING)
    make_offer(scene.spare, scene.store, price=1)  # a price that no purchase made
    for model in OURS:
        row = model.objects.order_by("pk").last()
        if model is Price:
            row = Price.objects.filter(is_of_purchase=False).first()
        if row is None:
            continue
        form = as_root.get(page_of(row)).context["adminform"].form
        typed = set(form.fields) - {"usable_password"}
        fixed = {"unit", "kind", "currency"}  # of what has been used
        assert typed | fixed == TYPED.get(model.__name__, set()) | fixed, model


def test_every_foreign_key_that_can_be_chosen_is_searched_for(rf):
    request = rf.get("/admin/")
    request.user = make_user("Root", is_staff=True, is_superuser=True)
    chosen = 0
    for model in OURS:
        options = admin.site._registry[model]
        if not options.has_add_permission(request) and not options.has_change_permission(request):
            continue
        for field in options.get_form(request, None).base_fields.values():
            if isinstance(field, forms.ModelChoiceField):
                chosen += 1
                assert isinstance(field.widget.widget, AutocompleteMixin), (model, field.label)
    assert chosen >= 2


def test_every_model_of_the_menu_is_searched_and_none_says_more_than_its_name():
    for label in MENU:
        options = next(admin.site._registry[model] for model in OURS if model._meta.label == label)
        assert options.search_fields or label == "accounts.SiteSettings"


def test_runs_are_filtered_by_the_word_for_their_state(as_root):
    planning, active, locked = (stage(state).run for state in (states.PLANNING, states.ACTIVE, states.CONFIRMED))
    for asked, found in (
        ("active", {planning, active}),
        ("confirmed", {locked}),
        ("nonsense", {planning, active, locked}),
    ):
        assert set(as_root.get(list_of(Run), {"stage": asked}).context["cl"].result_list) == found
    [choices] = re.findall(r'data-filter-title="state".*?</details>', as_root.get(list_of(Run)).text, re.DOTALL)
    assert choices.count("Collecting") == 1


# --- Actions ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("make", "model"), [(make_product, Product), (make_store, Store)])
def test_many_are_verified_at_once_and_each_is_in_the_log(as_root, make, model):
    rows = [make() for _number in range(3)]
    model.objects.filter(pk=rows[0].pk).update(is_verified=True)
    ticked = {"_selected_action": [row.pk for row in rows]}
    page = as_root.post(list_of(model), ticked | {"action": "verify"}, follow=True)
    assert "2 are verified now." in page.text
    assert model.objects.filter(is_verified=True).count() == 3
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(row.pk) for row in rows[1:]}
    assert LogEntry.objects.first().get_change_message() == "Changed verified."
    page = as_root.post(list_of(model), {"action": "unverify", "_selected_action": [rows[0].pk]}, follow=True)
    assert "1 is no longer verified." in page.text


def test_verifying_needs_the_right():
    product = make_product()
    clerk = clerk_with("view_product")
    clerk.post(list_of(Product), {"action": "verify", "_selected_action": [product.pk]})
    assert not Product.objects.get().is_verified


def test_a_person_is_logged_out_everywhere(as_root):
    alice = make_user("Alice")
    phone, desk = signed_in(alice), signed_in(alice)
    assert "2 devices" in as_root.get(page_of(alice)).text
    url = reverse("admin:accounts_user_log_out", args=[alice.pk])
    assert as_root.get(url).status_code == 405
    assert "logged out on every device" in as_root.post(url, follow=True).text
    assert [client.get("/me/").status_code for client in (phone, desk)] == [302, 302]
    assert "0 devices" in as_root.get(page_of(alice)).text
    assert LogEntry.objects.get().get_change_message() == "Logged out everywhere."


def test_a_person_is_sent_a_password_mail(as_root):
    alice = make_user("Alice", email="alice@example.org")
    url = reverse("admin:accounts_user_mail", args=[alice.pk])
    assert "on its way" in as_root.post(url, follow=True).text
    assert ResetRequest.objects.get().email == "alice@example.org"
    assert LogEntry.objects.get().get_change_message() == "Sent a password mail."
    User.objects.filter(pk=alice.pk).update(email="")
    assert "has no e-mail address" in as_root.post(url, follow=True).text
    assert ResetRequest.objects.count() == 1


def test_people_with_fewer_rights_do_neither(root):
    clerk = clerk_with("view_user", "change_user")
    alice = make_user("Alice", email="alice@example.org")
    for name in ("log_out", "mail"):
        url = f"admin:accounts_user_{name}"
        assert clerk.post(reverse(url, args=[alice.pk])).status_code == 302
        assert clerk.post(reverse(url, args=[root.pk])).status_code == 403
        assert clerk.post(reverse(url, args=[10**9])).status_code == 404
        assert clerk_with("view_user").post(reverse(url, args=[alice.pk])).status_code == 403


# --- Deleting --------------------------------------------------------------------------------------
def test_what_is_in_use_is_not_deleted_and_the_reason_says_where_and_how_many(as_root):
    scene = stage(states.DISTRIBUTING)
    offer = Offer.objects.get(product=scene.oil)
    for row, reason in (
        (scene.oil, "1 offer, 2 orders, 1 shopping line"),
        (scene.store, "2 offers, 1 run"),
        (scene.group, "4 memberships, 1 run"),
        (offer, "2 prices"),
    ):
        before = type(row).objects.count()
        answers = [
            as_root.post(page_of(row, "delete"), {"post": "yes"}),
            as_root.post(list_of(type(row)), {
                "action": "delete_selected", "_selected_action": [row.pk], "post": "yes",
            }),
        ]  # fmt: skip
        for answer in answers:
            assert f"can&#x27;t be deleted because it is in use: {reason}" in answer.text, (row, answer.text[-2000:])
        assert answers[0].status_code == 409
        assert answers[0].context["panels"]
        assert type(row).objects.count() == before


def test_of_several_none_is_deleted_when_one_is_in_use(as_root):
    used, free = make_product(), make_product()
    make_offer(used, make_store())
    ticked = {"action": "delete_selected", "_selected_action": [used.pk, free.pk], "post": "yes"}
    assert "Nothing was deleted" in as_root.post(list_of(Product), ticked).text
    assert Product.objects.count() == 2
    as_root.post(list_of(Product), ticked | {"_selected_action": [free.pk]})
    assert [product.pk for product in Product.objects.all()] == [used.pk]
    assert LogEntry.objects.get().is_deletion()


# --- Look ------------------------------------------------------------------------------------------
def test_the_admin_has_the_colours_of_the_site():
    def tokens(name):
        text = (ROOT / "static/css" / name).read_text()
        return dict(re.findall(r"^\s+(--[\w-]+): (.+?);", text, re.M))

    site, office = tokens("app.css"), tokens("admin.css")
    shared = site.keys() & office.keys() - {"--accent"}  # Django's name for a colour of its header
    assert len(shared) > 15
    assert {name: office[name] for name in shared} == {name: site[name] for name in shared}
    assert office["--main"] == site["--accent"]
