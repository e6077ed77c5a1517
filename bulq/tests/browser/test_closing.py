"""Starting a run with a closing time, and opening its list again after it, on a phone."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Group
from accounts.tests.factories import make_group, make_user
from bids import states
from bids.actions.clock import close_due
from bids.models import Run
from bids.tests.closing import close_in
from bids.tests.factories import make_run, order
from bulq.kit.zones import moments
from stores.tests.factories import make_product, make_store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}}
PLAIN = {"java_script_enabled": False}
VIENNA = ZoneInfo("Europe/Vienna")


def day_when(count):
    """The next day on which 02:30 comes so many times in Vienna."""
    days = (date.today() + timedelta(days=n) for n in range(1, 365))
    return next(day for day in days if len(moments(day, time(2, 30), VIENNA)) == count)


@pytest.mark.parametrize("options", [PHONE, PHONE | PLAIN], ids=["with script", "without"])
def test_a_run_is_started_with_a_time_that_comes_twice(enter, options):
    mara = make_user("Mara")
    group = make_group(admin=mara)
    Group.objects.update(timezone="Europe/Vienna")
    store = make_store("Metro")
    page = enter(mara, **options)
    page.goto(f"/groups/{group.pk}/runs/new/")
    page.get_by_label(store.name).check()
    page.get_by_label("Note").fill("Bring bags")
    page.get_by_role("group", name="Closing time").get_by_label("Day").fill(day_when(0).isoformat())
    page.get_by_label("Time, in Vienna").fill("02:30")
    page.get_by_text("Remind me", exact=True).click()
    page.get_by_role("button", name="Start collecting").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no 02:30")
    twice = day_when(2)
    page.get_by_role("group", name="Closing time").get_by_label("Day").fill(twice.isoformat())
    page.get_by_role("button", name="Start collecting").click()
    expect(page.get_by_role("alert")).to_contain_text("Say which 02:30 you mean")
    expect(page.get_by_label("Note")).to_have_value("Bring bags")
    question = page.get_by_role("group", name="Which 02:30?")
    expect(question).to_contain_text("The clocks go back then, so 02:30 comes twice.")
    question.get_by_label("The second, winter time: CET (UTC+1)").check()
    page.get_by_role("button", name="Start collecting").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Add products")
    run = Run.objects.get()
    assert (run.closes_at, run.locks_itself) == (moments(twice, time(2, 30), VIENNA)[1], False)
    page.goto(f"/runs/{run.pk}/")
    closes = page.locator(".head .closes")
    expect(closes).to_contain_text("02:30 CET (UTC+1), in ")
    expect(closes.locator("time")).to_have_attribute("datetime", f"{twice}T02:30:00+01:00")


@pytest.mark.parametrize("options", [PHONE, PHONE | PLAIN], ids=["with script", "without"])
def test_a_list_that_closed_is_opened_until_a_new_time(enter, options):
    mara, jon = make_user("Mara"), make_user("Jon")
    run = make_run(leader=mara, group=make_group(admin=mara, members=[jon]), store=make_store())
    order(run, jon, make_product(), 2)
    close_in(run, timedelta(hours=-1))
    assert close_due(timezone.now()) == 1
    page = enter(mara, **options)
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator(".head .closes")).to_contain_text("Closed ")
    page.get_by_role("link", name="Unlock the list…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Unlock the list?")
    page.get_by_role("button", name="Unlock the list").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a day and a time, or unlock without a closing time")
    page.get_by_label("Day").fill((timezone.localdate() + timedelta(days=3)).isoformat())
    page.get_by_label("Time, in ").fill("12:00")
    page.get_by_role("button", name="Unlock the list").click()
    expect(page.locator(".head .closes")).to_contain_text("12:00 UTC, in ")
    run.refresh_from_db()
    assert run.state == states.ACTIVE
    page.goto(f"/runs/{run.pk}/closing/")
    page.get_by_role("button", name="No closing time").click()
    expect(page.get_by_text("The closing time is saved.")).to_be_visible()
    run.refresh_from_db()
    assert run.closes_at is None
