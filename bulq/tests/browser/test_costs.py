"""The costs page on a phone: receipts, a difference and its ways out, and who pays an extra cost (spec 87, 88)."""

import pytest
from playwright.sync_api import expect

from bids import states
from bids.models import ExtraCost
from bids.reading.sums import owed_by_person
from bids.tests.cast import leave_the_shop, stage
from bids.tests.factories import purchase

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def shop():
    """Everything came as ordered, for 67.00."""
    scene = stage(states.SHOPPING)
    purchase(scene.run, scene.oil, 8, "40")
    purchase(scene.run, scene.gouda, 3, "27")
    return scene


def is_narrow(page):
    return page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with script", "without script"])
def test_the_leader_finds_a_difference_and_closes_it_with_one_tap(enter, shop, scripts):
    page = enter(shop.alice, java_script_enabled=scripts, **PHONE)
    page.goto(f"/runs/{shop.run.pk}/shop/finish/")
    expect(page.get_by_text("Not compared with a receipt")).to_be_visible()
    page.get_by_label("What the receipt says").fill("68.49")
    page.get_by_role("button", name="Finish", exact=True).click()
    expect(page.get_by_text("The receipts say €1.49 more.")).to_be_visible()
    page.get_by_label("What it says").fill("1.00")
    page.get_by_label("Which one").fill("Cheese counter")
    page.get_by_role("button", name="Add the receipt").click()
    expect(page.get_by_role("button", name="Remove Cheese counter, €1.00")).to_be_visible()
    expect(page.get_by_text("€2.49 not explained")).to_be_visible()
    expect(page.locator(".compare svg")).to_have_count(2)
    assert is_narrow(page)

    page.get_by_role("button", name="Split €2.49").click()
    expect(page.get_by_text("Matches the receipts")).to_be_visible()
    expect(page.get_by_role("button", name="Split €2.49")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("€2.49 not explained")).to_be_visible()
    page.get_by_role("button", name="I take it").click()
    expect(page.get_by_text("You took the difference.")).to_be_visible()
    page.get_by_role("button", name="Start the hand-out").click()
    expect(page.get_by_text("The hand-out has started.")).to_be_visible()
    expect(page.get_by_text("Alice took the difference")).to_be_visible()
    assert shop.state == states.DISTRIBUTING
    assert sum(owed_by_person(shop.run).values()) == 67


def test_a_crate_for_one_person(enter, shop):
    leave_the_shop(shop.run)
    page = enter(shop.hana, **PHONE)
    page.goto(f"/runs/{shop.run.pk}/costs/")
    page.get_by_label("What for").fill("Bottle crate")
    page.get_by_label("Amount").fill("3.30")
    expect(page.get_by_label("Which person")).to_be_hidden()
    page.get_by_text("One person", exact=True).click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".errors")).to_contain_text("Choose who pays it")
    page.get_by_label("Which person").select_option(label="Bob")
    assert is_narrow(page)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("for Bob, entered by Hana")).to_be_visible()
    cost = ExtraCost.objects.get()
    assert (cost.how, cost.person.user) == ("person", shop.bob)
