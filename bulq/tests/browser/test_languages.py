"""Spec 103: the switch at the foot of a page, with a script and without, and pages that are open elsewhere."""

import pytest
from playwright.sync_api import expect

from accounts.actions.people import choose_language
from accounts.models import User
from accounts.tests.factories import make_user

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("catalogues"),
]


@pytest.mark.parametrize("has_script", [True, False])
def test_a_stranger_and_a_person_switch_and_stay_where_they_are(enter, new_context, live_server, has_script):
    stranger = new_context(base_url=live_server.url, java_script_enabled=has_script, locale="en-GB").new_page()
    stranger.goto("/register/")
    stranger.get_by_role("button", name="Русский").click()
    expect(stranger.locator("html")).to_have_attribute("lang", "ru")
    expect(stranger.locator("[aria-current=true]")).to_have_text("Русский")
    assert stranger.url.endswith("/register/")
    mara = make_user("Mara")
    page = enter(mara, java_script_enabled=has_script)
    page.goto("/me/settings/")
    page.get_by_role("button", name="Srpski").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sr-latn Settings")
    assert page.url.endswith("/me/settings/")
    assert User.objects.get(pk=mara.pk).language == "sr-latn"
    page.get_by_role("radio", name="Русский").check()
    page.locator("form[action$='/settings/language/'] button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ru Settings")


def test_an_open_page_follows_what_was_chosen_elsewhere_unless_someone_is_typing(enter):
    mara = make_user("Mara")
    page, typing = enter(mara), enter(mara)
    for each in (page, typing):
        each.goto("/groups/new/")
    typing.get_by_label("Group name").press_sequentially("Thursday Club")
    choose_language(by=mara, language="ru")
    for each in (page, typing):
        each.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(typing.get_by_text("This page has changed since you opened it")).to_be_visible()
    expect(typing.get_by_label("Group name")).to_have_value("Thursday Club")
