import pytest

from accounts.models import User
from accounts.tests.factories import PASSWORD
from bulq.tests.client import FormClient, signed_in

SETTINGS = "/me/settings/"
PROFILE, PASSWORD_BLOCK, THEME = f"{SETTINGS}profile/", f"{SETTINGS}password/", f"{SETTINGS}theme/"
NEW = "a new and longer secret"


def profile(**changes):
    return {
        "name": "Alice B.",
        "username": "Alice-B",
        "email": "alice.b@example.org",
        "current_password": PASSWORD,
    } | changes


def passwords(**changes):
    return {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW} | changes


def test_the_page_shows_what_is_stored(as_alice):
    page = as_alice.get(SETTINGS)
    assert page.status_code == 200
    for value in ("Alice", "alice", "alice@example.org"):
        assert f'value="{value}"' in page.text


def test_name_username_and_mail_change_with_the_current_password(as_alice, alice):
    assert as_alice.post(PROFILE, profile()).url == SETTINGS
    alice.refresh_from_db()
    assert (alice.name, alice.username, alice.email) == ("Alice B.", "alice-b", "alice.b@example.org")
    assert as_alice.get(SETTINGS).status_code == 200
    assert FormClient().post("/login/", {"username": "ALICE-B", "password": PASSWORD}).status_code == 302


def test_the_mail_address_can_be_removed(as_alice, alice):
    as_alice.post(PROFILE, profile(email=""))
    alice.refresh_from_db()
    assert alice.email == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"current_password": "wrong"}, "current_password"),
        ({"current_password": ""}, "current_password"),
        ({"name": ""}, "name"),
        ({"username": "bob"}, "username"),
        ({"username": " BOB "}, "username"),
        ({"username": "a b"}, "username"),
        ({"email": "nowhere"}, "email"),
    ],
)
def test_a_refused_profile_changes_nothing_and_keeps_what_was_typed(as_alice, alice, bob, change, field):
    response = as_alice.post(PROFILE, profile(**change))
    assert response.status_code == 422
    assert field in response.context["profile_form"].errors
    assert "Error:" in response.text
    kept = profile(**change)
    kept.pop("current_password")
    for value in filter(None, kept.values()):
        assert f'value="{value.strip()}"' in response.text or field == "username"
    alice.refresh_from_db()
    assert (alice.name, alice.username) == ("Alice", "alice")


def test_my_own_username_in_another_case_is_not_taken(as_alice):
    assert as_alice.post(PROFILE, profile(username="ALICE")).status_code == 302


def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(as_alice, alice):
    """S6: the old cookies are dead."""
    elsewhere = signed_in(alice)
    before = as_alice.cookies["sessionid"].value
    assert as_alice.post(PASSWORD_BLOCK, passwords()).url == SETTINGS
    assert as_alice.cookies["sessionid"].value != before
    assert as_alice.get(SETTINGS).status_code == 200
    assert elsewhere.get(SETTINGS).status_code == 302
    replay = FormClient()
    replay.cookies["sessionid"] = before
    assert replay.get(SETTINGS).status_code == 302
    assert User.objects.get().check_password(NEW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"current_password": "wrong"}, "current_password"),
        ({"new_password_again": "something else"}, "new_password_again"),
        ({"new_password": "short", "new_password_again": "short"}, "new_password"),
        ({"new_password": "x" * 129, "new_password_again": "x" * 129}, "new_password"),
        ({"new_password": "alice@example.org", "new_password_again": "alice@example.org"}, "new_password"),
    ],
)
def test_a_refused_password_changes_nothing(as_alice, alice, change, field):
    response = as_alice.post(PASSWORD_BLOCK, passwords(**change))
    assert response.status_code == 422
    assert list(response.context["password_form"].errors) == [field]
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert NEW not in response.text


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_a_theme_needs_no_password_and_holds_on_every_device(as_alice, alice, theme):
    assert as_alice.post(THEME, {"theme": theme}).url == SETTINGS
    page = signed_in(alice).get(SETTINGS).text
    assert ('data-theme="' in page) == (theme != "system")
    assert theme == "system" or f'data-theme="{theme}"' in page


@pytest.mark.parametrize("theme", ["", "pink", "\x00"])
def test_an_unknown_theme_is_refused(as_alice, theme):
    response = as_alice.post(THEME, {"theme": theme})
    assert response.status_code == 422
    assert "Choose a theme" in response.text


@pytest.mark.parametrize("address", [PROFILE, PASSWORD_BLOCK, THEME])
def test_a_settings_block_is_not_a_page(as_alice, address):
    assert as_alice.get(address).status_code == 405
