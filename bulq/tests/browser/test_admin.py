"""The site admin in a browser: axe finds nothing, nothing scrolls sideways, and the policy is never violated.

A violation of the policy would be an error in the console, which fails a test.
"""

import pytest
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Group, User
from accounts.tests.factories import PASSWORD
from bids.models import Run
from stores.models import Offer, Price, Product, ProductPair, Store

from .conftest import sign_in
from .test_accessibility import ALL_RULES, AXE, CONTRAST, RUN_AXE, SIDEWAYS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
# Axe reads imported style sheets by writing them into the page, which the policy forbids: Django's forms.css has one.
BY_THE_POLICY = {"preload": False}
LOOKS = (("light", ALL_RULES | BY_THE_POLICY), ("dark", CONTRAST | BY_THE_POLICY))
PARTS = 4


def sideways(page):
    """By how many pixels it scrolls sideways. An open list takes its new place a moment after the window."""
    for _try in range(20):
        if not page.evaluate(SIDEWAYS):
            break
        page.wait_for_timeout(100)
    return page.evaluate(SIDEWAYS)


def problems_of(page, where):
    page.evaluate(AXE)
    for scheme, rules in LOOKS:
        page.emulate_media(color_scheme=scheme)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            if over := sideways(page):
                yield f"{where} at {width}: scrolls sideways by {over} px"
            yield from (f"{where} at {width}, {scheme}: {line}" for line in page.evaluate(RUN_AXE, rules))


@pytest.fixture
def office(demo_site, new_context):
    context = new_context(base_url=demo_site.url, reduced_motion="reduce")  # or colours would be half-way
    sign_in(context, demo_site.url, demo_site.sessions["admin"])
    return context.new_page()


def of(row, name):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def addresses():
    person, group, run = User.objects.get(username="mara"), Group.objects.first(), Run.objects.order_by("pk").last()
    product, store, offer = (model.objects.order_by("pk").first() for model in (Product, Store, Offer))
    free = Product.objects.get(name="Kefir")  # of the samples; nobody sells it
    lists = ("accounts_user", "accounts_group", "stores_store", "stores_product", "stores_price", "bids_run",
             "bulq_backuprun", "admin_logentry", "bids_participation", "stores_catalogueimport")  # fmt: skip
    pair = ProductPair.objects.proposed().first()
    yield from ("/admin/same/", "/admin/same/told-apart/", of(pair.second, "merge") + f"?target={pair.first_id}")
    yield from ("/admin/", "/admin/internals/", "/admin/accounts/", "/admin/password_change/")
    yield from (reverse(f"admin:{name}_changelist") for name in lists)
    yield reverse("admin:stores_product_changelist") + "?q=oil&is_verified__exact=1"
    yield from (reverse(f"admin:{name}_add") for name in ("accounts_user", "stores_product", "stores_offer"))
    yield from (of(row, "change") for row in (person, group, product, store, offer, run, Price.objects.first()))
    yield from (of(row, "history") for row in (person, product))
    yield from (of(row, "delete") for row in (product, free))
    yield reverse("admin:accounts_sitesettings_change", args=[1])
    yield reverse("admin:auth_user_password_change", args=[person.pk])


@pytest.mark.parametrize("part", range(PARTS))
def test_every_kind_of_page_of_the_admin(demo_site, office, part):
    problems = []
    for address in [*addresses()][part::PARTS]:
        assert office.goto(address).status == 200, address
        problems += problems_of(office, address)
    assert not problems, "\n".join(problems)


def test_a_field_that_searches(demo_site, office):
    office.goto(reverse("admin:stores_offer_add"))
    office.locator("#id_product + .select2").click()
    with office.expect_response(lambda answer: "term=oil" in answer.url):
        office.keyboard.type("oil")
    office.locator(".select2-results__option--highlighted", has_text="oil").wait_for()
    problems = list(problems_of(office, "the open list"))
    office.keyboard.press("Enter")
    assert "oil" in office.locator("#select2-id_product-container").inner_text().lower()
    assert not problems, "\n".join(problems)


def test_an_action_on_many_rows_is_confirmed(demo_site, office):
    office.goto(reverse("admin:stores_product_changelist"))
    office.locator("#action-toggle").check()
    office.locator("select[name=action]").select_option("delete_selected")
    office.get_by_role("button", name="Go").click()
    office.get_by_text("Nothing was deleted").wait_for()
    problems = list(problems_of(office, "many rows"))
    assert not problems, "\n".join(problems)


def test_the_second_factor_from_the_login_to_the_front_page(live_server, new_context, settings):
    settings.ADMIN_SECOND_FACTOR = True
    User.objects.create_superuser("root", PASSWORD, name="Root")
    page, problems = new_context(base_url=live_server.url, reduced_motion="reduce").new_page(), []
    page.goto("/admin/")
    problems += problems_of(page, "login")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Current password").fill(PASSWORD)
    problems += problems_of(page, "password")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("img", name="QR code for your app").wait_for()
    problems += problems_of(page, "app")
    device = TOTPDevice.objects.get()
    page.get_by_label("Code from the app").fill(f"{totp(device.bin_key):06}")
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    problems += problems_of(page, "codes")
    code = page.locator("ul.codes code").first.inner_text()
    page.get_by_role("link", name="I have them. Go on").click()
    page.get_by_role("heading", name="Is everything well?").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin/stores/store/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Recovery code").fill(code)
    problems += problems_of(page, "code")
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_role("heading", name="Select store to change").wait_for()
    assert not problems, "\n".join(problems)
