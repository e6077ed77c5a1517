"""What is typed on an open page outlives its session, with scripts and without."""

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from accounts.models import Group
from accounts.tests.factories import PASSWORD, make_user

from .conftest import session_of, sign_in
from .test_stepper import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# What the browser logs about refusals.
REFUSED = (r"Failed to load resource: the server responded with a status of 403",)


def log_in_again(page, username):
    expect(page.locator(".banner")).to_contain_text("What you typed is kept")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send what you typed")
    page.get_by_role("button", name="Send again").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_form_comes_back_after_logging_in(enter, scripts):
    alice = make_user("Alice", username="alice", password=make_password(PASSWORD))
    page = enter(alice, java_script_enabled=scripts, ignore=REFUSED)
    page.goto("/groups/new/")
    page.get_by_label("Group name").fill("Thursday Club")
    Session.objects.all().delete()
    page.locator("main form button").first.click()
    log_in_again(page, "alice")
    page.wait_for_url("**/people/")
    assert Group.objects.get().name == "Thursday Club"


def test_a_form_with_an_old_token_comes_back_at_once(enter):
    """Logged in again in another tab of the same browser."""
    alice = make_user("Alice", username="alice", password=make_password(PASSWORD))
    page = enter(alice, ignore=REFUSED)
    page.goto("/groups/new/")
    page.get_by_label("Group name").fill("Thursday Club")
    other = page.context.new_page()
    page.context.clear_cookies()
    other.goto("/login/")
    other.get_by_label("Username").fill("alice")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    other.wait_for_url("**/")
    page.locator("main form button").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This page was open too long")
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/people/")
    assert Group.objects.get().name == "Thursday Club"


def test_unsaved_amounts_are_sent_along(enter, live_server):
    """The order table saves itself; the browser submits it as a whole, and nothing is lost."""
    table = Table(enter, ignore=REFUSED)
    table.mara.username, table.mara.password = "mara", make_password(PASSWORD)
    table.mara.save()
    sign_in(table.page.context, live_server.url, session_of(table.mara))
    table.open()
    first, second, third = table.products
    table.tap(first)
    table.stored_is({first: 1})
    Session.objects.all().delete()
    for product in (second, third, third):
        table.tap(product)
    log_in_again(table.page, "mara")
    table.stored_is({first: 1, second: 1, third: 2})
