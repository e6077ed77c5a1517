"""Settling up over three runs with three payers, on phones, with and without script (spec 89 to 93, 97)."""

import pytest
from playwright.sync_api import expect

from accounts.actions.membership import end_membership
from accounts.actions.people import set_how_to_pay
from bids.actions.costs import correct_total
from bids.models import Purchase
from bids.reading.invariants import problems
from bids.reading.money import nets_of
from bids.tests.cast import D
from bids.tests.money import bought_for, friends

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def scene():
    scene = friends()
    scene.first = bought_for(scene, scene.petar, mila="37.40", jon="8.00", dora="5.00")
    scene.second = bought_for(scene, scene.mila, petar="16.05", jon="12.80")
    scene.third = bought_for(scene, scene.jon, mila="3.20", dora="4.00")
    set_how_to_pay(by=scene.petar, text="", account="DE89370400440532013000", bic="")
    return scene


def is_narrow(page):
    return page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def unfold(page, name):
    card = page.locator(".nets > details", has_text=name)
    if card.get_attribute("open") is None:
        card.locator("> summary").click()
    return card


def say_paid(page, name):
    page.goto("/money/")
    unfold(page, name).get_by_role("button", name=f"I paid {name}").click()
    expect(page.get_by_text(f"{name} is told")).to_be_visible()


def it_arrived(page, name, sum_):
    page.goto("/money/")
    page.get_by_role("button", name=f"It arrived: {sum_} from {name}").click()
    expect(page.get_by_text("You have answered: it arrived.")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with script", "without script"])
def test_four_people_settle_three_runs(enter, scene, scripts):
    """M1, lived: a correction after paying, a claim that is refused, an amount that is more, and all are even."""
    mila, petar, jon, dora = (
        enter(user, java_script_enabled=scripts, **PHONE) for user in (scene.mila, scene.petar, scene.jon, scene.dora)
    )
    mila.goto("/money/")
    card = unfold(mila, "You owe Petar")
    for text in ("€37.40", "-€16.05", "How to pay Petar", "DE89"):
        expect(card).to_contain_text(text)
    assert is_narrow(mila)
    say_paid(mila, "Petar")
    expect(mila.locator(".nets > details", has_text="You and Petar")).to_contain_text("€21.35 on its way")

    petar.goto("/")
    expect(petar.get_by_text("Mila says they paid you €21.35")).to_be_visible()
    petar.goto("/money/")
    assert is_narrow(petar)
    petar.get_by_text("Not arrived", exact=True).click()
    petar.get_by_label("A word about it").fill("Nothing on my account yet")
    petar.get_by_role("button", name="Tell Mila").click()
    expect(petar.get_by_text("Mila is told.")).to_be_visible()
    mila.goto("/inbox/")
    expect(mila.get_by_text("has not arrived: “Nothing on my account yet”")).to_be_visible()

    say_paid(mila, "Petar")
    it_arrived(petar, "Mila", "€21.35")
    thing = Purchase.objects.filter(item__run=scene.first, total=D("37.40")).get()
    correct_total(thing, D("36.00"), was=D("37.40"), by=scene.petar)
    mila.goto("/money/")
    expect(unfold(mila, "Petar owes you")).to_contain_text("€1.40")
    say_paid(petar, "Mila")
    it_arrived(mila, "Petar", "€1.40")

    jon.goto("/money/")
    card = unfold(jon, "You owe Petar")
    card.get_by_role("textbox", name="Amount").fill("10,00")
    card.get_by_role("button", name="I paid Petar").click()
    expect(jon.get_by_text("€2.00 more than is owed: keep it as credit?")).to_be_visible()
    card = jon.locator(".nets > details", has_text="You owe Petar")
    card.get_by_role("textbox", name="Amount").fill("8.00")
    card.get_by_role("button", name="I paid Petar").click()
    expect(jon.get_by_text("Petar is told: €8.00")).to_be_visible()
    petar.goto("/money/")
    petar.get_by_text("Another amount").click()
    petar.get_by_label("How much arrived?").fill("7.00")
    petar.get_by_role("button", name="Save", exact=True).click()
    expect(petar.get_by_text("You have answered: it arrived.")).to_be_visible()
    say_paid(jon, "Petar")
    it_arrived(petar, "Jon", "€1.00")
    say_paid(jon, "Mila")
    it_arrived(mila, "Jon", "€9.60")

    petar.goto("/money/")
    card = unfold(petar, "Dora owes you")
    card.get_by_role("button", name="Remind Dora").click()
    expect(petar.get_by_text("Dora is reminded.")).to_be_visible()
    dora.goto("/inbox/")
    expect(dora.get_by_text("Petar reminds you: you owe them €5.00")).to_be_visible()
    say_paid(dora, "Petar")
    it_arrived(petar, "Dora", "€5.00")
    end_membership(scene.group.pk, scene.dora.pk, by=scene.dora)
    dora.goto("/me/")
    expect(dora.get_by_text("€4.00").first).to_be_visible()
    dora.get_by_role("main").get_by_role("link", name="Money").click()
    unfold(dora, "You owe Jon").get_by_role("button", name="I paid Jon").click()
    expect(dora.get_by_text("Jon is told: €4.00")).to_be_visible()
    it_arrived(jon, "Dora", "€4.00")

    for page in (mila, petar, jon, dora):
        page.goto("/money/")
        expect(page.get_by_text("You are even with everyone")).to_be_visible()
    assert [nets_of(user) for user in (scene.mila, scene.petar, scene.jon, scene.dora)] == [[]] * 4
    assert problems() == []
