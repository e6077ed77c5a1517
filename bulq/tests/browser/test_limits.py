"""R5, R9: people who have to wait are told so, and lose nothing."""

import pytest
from playwright.sync_api import expect

from accounts.models import User
from accounts.tests.factories import PASSWORD
from bulq.tests.client import FormClient

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_when_six_friends_log_in_at_once_the_sixth_waits_and_keeps_the_form(new_context, live_server, limits, scripts):
    """R9: one address for all of them; the name is kept, the password typed again."""
    User.objects.create_user("mara", PASSWORD, name="Mara")
    limits["login"] = "5/3s"
    page = new_context(base_url=live_server.url, java_script_enabled=scripts).new_page()
    page.goto("/login/?next=/groups/")
    limits["login"] = "0/3s"  # as after five friends, at any moment
    page.get_by_label("Username").fill("Mara")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading")).to_contain_text("Too many requests. Wait")
    limits["login"] = "5/3s"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/groups/")


def test_five_of_six_friends_get_in(limits, live_server):
    """R9."""
    limits["login"] = "5/d"
    for number in range(6):
        User.objects.create_user(f"friend{number}", PASSWORD, name="Friend")
    sent = [{"username": f"friend{number}", "password": PASSWORD} for number in range(6)]
    assert [FormClient().post("/login/", fields).status_code for fields in sent] == [302] * 5 + [429]


def test_an_action_that_has_to_wait_leaves_the_page_as_it_is(enter, limits):
    """R5: there is a banner above what was typed."""
    limits["general"] = "100/m"
    page = enter(User.objects.create_user("jon", PASSWORD, name="Jon"))
    page.goto("/groups/new/")
    page.get_by_label("Name").fill("Thursday Club")
    limits["general"] = "0/m"
    page.get_by_role("button", name="Start the group").click()
    expect(page.locator("#messages")).to_contain_text("Too many requests. Wait")
    expect(page.get_by_label("Name")).to_have_value("Thursday Club")
    limits["general"] = "100/m"
    page.get_by_role("button", name="Start the group").click()
    page.wait_for_url("**/people/")
