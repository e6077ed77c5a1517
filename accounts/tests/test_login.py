import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session

from accounts.actions.people import close_account
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from bulq.tests.client import FormClient

LOGIN = "/login/"


def log_in(client, username="alice", password=PASSWORD, **more):
    return client.post(LOGIN, {"username": username, "password": password} | more)


def is_signed_in(client):
    return client.get("/me/settings/").status_code == 200


@pytest.mark.parametrize("username", ["alice", "ALICE", "  Alice\t", " ａlice "])
def test_case_and_blanks_around_a_username_do_not_matter(visitor, alice, username):
    response = log_in(visitor, username)
    assert (response.status_code, response.url) == (302, "/")
    assert is_signed_in(visitor)


def test_unknown_wrong_and_disabled_logins_get_the_same_answer_at_the_same_cost(
    visitor, alice, bob, hashed, monkeypatch
):
    """Spec 11: nobody learns who has an account, neither from the page nor from how long it takes."""
    make_user("Fred", username="fred", password=hashed, is_active=False)
    close_account(by=bob)
    closed = User.objects.get(pk=bob.pk).username
    calls = []
    for name in ("encode", "verify"):
        hash_it = getattr(Argon2PasswordHasher, name)
        monkeypatch.setattr(
            Argon2PasswordHasher, name, lambda *a, hash_it=hash_it, **k: calls.append(1) or hash_it(*a, **k)
        )
    answers = set()
    tries = [
        ("nobody", PASSWORD),
        ("alice", "wrong"),
        ("fred", PASSWORD),
        (closed, PASSWORD),
        ("х" * 60, "w"),
    ]
    for username, password in tries:
        calls.clear()
        response = log_in(visitor, username, password)
        answers.add((response.status_code, str(response.context["form"].errors), len(calls)))
    assert len(answers) == 1
    status, errors, hashes = answers.pop()
    assert (status, hashes) == (422, 1)
    assert "Wrong username or password. Try again." in errors


@pytest.mark.parametrize("username", ["a\x00b", "x" * 100_000, "' OR 1=1 --", "\ud7ff", "<b>"])
def test_an_impossible_username_is_answered_like_any_other(visitor, db, username):
    assert log_in(visitor, username).status_code == 422


def test_the_form_keeps_what_was_typed_but_not_the_password(visitor, alice):
    response = log_in(visitor, "alice", "my wrong secret")
    assert 'value="alice"' in response.text
    assert "my wrong secret" not in response.text


def test_login_leads_to_the_page_that_was_asked_for(visitor, alice):
    assert log_in(visitor, next="/groups/new/").url == "/groups/new/"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "\x00//evil.example",
        "https://testserver@evil.example/",
        "/login/",
    ],
)
def test_login_never_leads_to_another_site_or_in_circles(visitor, alice, url):
    """S5: open redirects are harmless."""
    assert log_in(visitor, next=url).url == "/"
    assert visitor.get(LOGIN, {"next": url}).url == "/"


def test_login_from_an_invitation_keeps_it_for_registration_too(visitor, club):
    page = visitor.get(LOGIN, {"next": f"/join/{club.join_token}/"})
    assert f'href="/register/?join={club.join_token}"' in page.text


def test_the_session_key_changes_at_login(visitor, alice):
    """S6."""
    visitor.get(LOGIN)
    session = visitor.session
    session["before"] = 1
    session.save()
    visitor.cookies["sessionid"] = before = session.session_key
    log_in(visitor)
    assert visitor.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_sessions_are_rows_and_survive_a_restart(visitor, alice):
    """Spec 13: no part of a session is kept in a process."""
    log_in(visitor)
    fresh = FormClient()
    fresh.cookies["sessionid"] = visitor.cookies["sessionid"].value
    assert is_signed_in(fresh)
    assert Session.objects.count() == 1


def test_logging_out_ends_only_this_session_and_its_cookie(alice):
    """S6."""
    here, there = FormClient(), FormClient()
    log_in(here)
    log_in(there)
    cookie = here.cookies["sessionid"].value
    assert here.post("/logout/").url == "/login/"
    replay = FormClient()
    replay.cookies["sessionid"] = cookie
    assert not is_signed_in(replay)
    assert is_signed_in(there)


def test_logging_out_everywhere_ends_all_sessions(alice, bob):
    here, there, another = FormClient(), FormClient(), FormClient()
    log_in(here)
    log_in(there)
    log_in(another, "bob")
    assert here.post("/logout/everywhere/").url == "/login/"
    assert not is_signed_in(here)
    assert not is_signed_in(there)
    assert is_signed_in(another)
    log_in(here)
    assert is_signed_in(here)


def test_logging_out_twice_is_like_logging_out_once(as_alice):
    data = {"once": "9b2d6f0c-7a57-4b8b-b0d8-9a7c3a1d2e4f"}
    assert as_alice.post("/logout/", data).url == "/login/"
    assert as_alice.post("/logout/", data).url == "/login/"


@pytest.mark.parametrize("address", ["/logout/", "/logout/everywhere/"])
def test_nobody_is_logged_out_by_a_link(as_alice, address):
    assert as_alice.get(address).status_code == 405
    assert is_signed_in(as_alice)


def test_a_disabled_person_is_logged_out_at_once(as_alice, alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_signed_in(as_alice)


def test_sessions_survive_a_new_secret_key_as_long_as_the_old_one_is_known(as_alice, settings):
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key of the site", [old]
    assert is_signed_in(as_alice)
    settings.SECRET_KEY_FALLBACKS = []
    assert is_signed_in(as_alice)
