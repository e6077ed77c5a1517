"""Spec 103: in which language the site speaks to whom. What it says is in made-up catalogues (`catalogues.py`)."""

import pytest
from django.conf import settings as site
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.http import HttpRequest
from django.utils.translation import override

from accounts.actions.people import choose_language, close_account
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from bids import states
from bids.actions import costs
from bids.models import ExtraCost
from bids.reading.history import entries_of
from bids.tests.cast import D, stage
from bulq.kit import languages
from bulq.tests.catalogues import CODES, browser, says, spoken
from bulq.tests.client import FormClient

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogues")]
COOKIE = site.LANGUAGE_COOKIE_NAME
SETTINGS = "/me/settings/"
HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def alice():
    return make_user("Alice", username="alice", email="alice@example.org", password=make_password(PASSWORD))


# --- Which one -------------------------------------------------------------------------------------
ASKED = {
    None: "en", "": "en", "*": "en", "de": "en", "de-CH, fr;q=0.9": "en",
    "sr": "sr-latn", "sr-RS": "sr-latn", "sr-Latn": "sr-latn", "sr-Latn-RS": "sr-latn", "SR-LATN": "sr-latn",
    "bs": "sr-latn", "bs-BA": "sr-latn", "cnr": "sr-latn", "cnr-ME": "sr-latn", "hr": "sr-latn", "sh": "sr-latn",
    "sr-Cyrl": "sr", "sr-Cyrl-RS": "sr", "sr-CYRL-ba": "sr",
    "ru": "ru", "ru-RU": "ru", "RU-by": "ru", "en-GB": "en", "en-US,en;q=0.5": "en",
    "en;q=0.3, ru;q=0.8": "ru", "de, sr;q=0.2, ru;q=0.1": "sr-latn", "ru;q=0, sr": "sr-latn", "ru;q=0": "en",
    "ru;q=0.000,en;q=0.1": "en", "en, ru": "en", "*, ru": "ru", "ru, *;q=0.1": "ru",
    "sr_Latn": "en", ";;;": "en", "ru;q=abc": "en", "ru;q=-1": "en", "q=1": "en", "-": "en", "ru-": "en",
    "ru," * 999: "ru", "ru" * 9999: "en", "\x00ru": "en", "ру": "en", "é": "en", "ru;q=1e5": "en", "../../ru": "en",
}  # fmt: skip


@pytest.mark.parametrize("header", ASKED)
def test_what_browsers_send_is_turned_into_one_of_ours(header):
    request = HttpRequest()
    if header is not None:
        request.META["HTTP_ACCEPT_LANGUAGE"] = header
    assert languages.of_reader(request) == ASKED[header]


def test_codes_have_one_spelling_each_and_a_tag():
    assert [code for code, _name in site.LANGUAGES] == CODES
    assert list(map(languages.tag_of, CODES)) == ["en", "sr-Latn", "sr-Cyrl", "ru"]
    spellings = ["SR-LATN", "sr_Latn", "sr@latin", "sr_RS", "ru_RU", "EN_us", "sr_Cyrl_RS", "de", ""]
    found = ["sr-latn", "sr-latn", None, "sr-latn", "ru", "en", "sr", None, None]
    assert [languages.code_of(spelling, CODES) for spelling in spellings] == found


@pytest.mark.parametrize("cookie", ["SR-LATN", "sr_Latn", "de", "", "ru\x01", "../ru", "é", "ru; en", "x" * 3000])
def test_a_strange_cookie_counts_for_nothing(cookie):
    assert says(browser("ru", cookie).get("/login/"), "ru", "Log in")


def test_the_person_comes_before_the_cookie_the_cookie_before_the_browser_the_browser_before_the_site(alice, settings):
    settings.LANGUAGE_CODE = "sr"
    assert says(browser().get("/login/"), "sr", "Log in")
    assert says(browser("ru").get("/login/"), "ru", "Log in")
    assert says(browser("ru", "sr-latn").get("/login/"), "sr-latn", "Log in")
    client = browser("ru", "sr-latn", alice)
    assert says(client.get(SETTINGS), "sr-latn", "Settings")
    choose_language(by=alice, language="en")
    assert says(client.get(SETTINGS), "en", "Settings")
    choose_language(by=alice, language="")
    assert says(client.get(SETTINGS), "sr-latn", "Settings")


# --- The switch ------------------------------------------------------------------------------------
def switch(client, code, **more):
    return client.post("/language/", {"language": code, **more})


def test_a_stranger_switches_in_the_browser():
    client = browser("en")
    answer = switch(client, "ru", next="/login/?next=/groups/")
    assert (answer.status_code, answer.url) == (302, "/login/?next=/groups/")
    cookie = answer.cookies[COOKIE]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("ru", True, "Lax")
    page = client.get("/login/")
    assert says(page, "ru", "Log in")
    assert 'lang="ru" aria-current="true">Русский<' in page.text
    assert page.text.count('aria-current="true"') == 1
    assert 'value="sr-latn" lang="sr-Latn">Srpski<' in page.text
    assert 'value="sr" lang="sr-Cyrl">Српски<' in page.text


def test_a_person_switches_on_every_device(alice):
    phone, desk = browser("en", user=alice), browser("ru", user=alice)
    answer = switch(phone, "sr", next=SETTINGS)
    assert (answer.url, COOKIE in answer.cookies) == (SETTINGS, False)
    assert answer["Content-Language"] == "sr-Cyrl"
    assert says(phone.get(SETTINGS), "sr", "Settings")
    assert says(desk.get(SETTINGS), "sr", "Settings")
    assert "language" not in "".join(phone.session.keys())


def test_the_answer_that_follows_a_choice_is_in_it_with_its_message(alice):
    client = browser(user=alice)
    answer = client.post(SETTINGS + "language/", {"language": "ru"}, follow=True)
    assert says(answer, "ru", "Settings")
    assert "ru Saved" in answer.text
    answer = client.post(SETTINGS + "language/", {"language": ""}, follow=True)
    assert says(answer, "en", "Settings")
    assert "ru Saved" not in answer.text
    refused = client.post(SETTINGS + "language/", {"language": "de"}, headers={"Accept-Language": "ru"})
    assert (refused.status_code, says(refused, "ru", "Choose a language from the list")) == (422, True)


@pytest.mark.parametrize("code", ["de", "", "SR-LATN", "sr_Latn", "\x00", "ru ", "x" * 5000])
def test_only_our_codes_are_kept(alice, code):
    for client in (browser("ru"), browser("ru", user=alice)):
        answer = switch(client, code)
        assert (answer.status_code, COOKIE in answer.cookies) == (422, False)
        assert says(answer, "ru", "Choose a language from the list")
    alice.refresh_from_db()
    assert alice.language == ""


def test_reading_changes_nothing(alice):
    for client in (browser(), browser(user=alice)):
        for method in ("get", "head", "put", "delete"):
            assert getattr(client, method)("/language/?language=ru&next=/").status_code == 405
        assert client.get("/login/?language=ru", follow=True)["Content-Language"] == "en"
    alice.refresh_from_db()
    assert alice.language == ""


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "///evil.example", "javascript:x", "groups/",
     "http://testserver/groups/", "/\t/evil.example", "\x00//evil.example", ""],
)  # fmt: skip
def test_it_leads_nowhere_else(elsewhere):
    assert switch(browser(), "ru", next=elsewhere).url == "/"


def test_from_the_answer_to_a_form_it_leads_back_to_the_form(alice):
    client = browser(user=alice)
    page = client.post(SETTINGS + "theme/", {"theme": "pink"}, headers={"Referer": "http://testserver" + SETTINGS})
    assert f'name="next" value="{SETTINGS}"' in page.text


def test_it_needs_a_token_like_every_form():
    client = FormClient(enforce_csrf_checks=True)
    assert switch(client, "ru").status_code == 403
    client.get("/login/")
    token = client.cookies["csrftoken"].value
    assert switch(client, "ru", csrfmiddlewaretoken=token).cookies[COOKIE].value == "ru"


def test_a_page_that_was_open_too_long_is_in_the_persons_language(alice):
    choose_language(by=alice, language="ru")
    client = FormClient(enforce_csrf_checks=True)
    client.force_login(alice)
    page = client.post(SETTINGS + "theme/", {"theme": "dark"}, headers=HERE)
    assert (page.status_code, says(page, "ru", "This page was open too long")) == (403, True)


# --- Whose it is -----------------------------------------------------------------------------------
def log_in(client, **more):
    return client.post("/login/", {"username": "alice", "password": PASSWORD, **more}, follow=True)


def test_what_others_chose_in_this_browser_is_never_written_into_a_profile(alice):
    client = browser("sr", cookie="ru")
    assert says(log_in(client), "ru", "Home")
    alice.refresh_from_db()
    assert alice.language == ""
    client.post("/logout/")
    assert client.cookies[COOKIE].value == "ru"  # it is the browser's


@pytest.mark.parametrize("address", ["/logout/", "/logout/everywhere/", "/me/close/", "/admin/logout/"])
def test_a_profile_wins_at_login_and_leaves_nothing_behind(alice, address):
    choose_language(by=alice, language="sr")
    client = browser("ru", cookie="sr-latn")
    assert says(log_in(client), "sr", "Home")
    User.objects.filter(pk=alice.pk).update(is_staff="admin" in address)
    answer = client.post(address, {"current_password": PASSWORD}, follow=True)
    assert client.cookies[COOKIE].value == ""
    assert answer["Content-Language"] == "ru"
    assert "sr You are" not in answer.text
    alice.refresh_from_db()
    assert alice.language == "sr"


def test_what_was_typed_before_logging_in_is_offered_in_the_persons_language(alice):
    choose_language(by=alice, language="ru")
    client = browser("en")
    page = client.post(SETTINGS + "theme/", {"theme": "dark"}, headers=HERE)
    kept = page.text.partition('name="kept" value="')[2].partition('"')[0]
    assert says(log_in(client, kept=kept), "ru", "Send what you typed")


def test_the_name_of_a_closed_account_and_our_labels_are_read_in_todays_language():
    scene = stage(states.COMPLETED)
    close_account(by=User.objects.create_user("gone", PASSWORD, name="Gone"))
    cost = ExtraCost.objects.create(run=scene.run, label="Difference to the receipts", amount=1, is_difference=True,
                                    added_by=scene.alice)  # fmt: skip
    for code in CODES:
        with override(code):
            assert str(User.objects.get(closed_at__isnull=False)) == spoken(code, "former member")
            names = User.objects.exclude(closed_at=None).values_list("name", flat=True)
            assert list(names) == [spoken(code, "former member")]
            assert cost.title == spoken(code, "Difference to the receipts")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM accounts_user WHERE closed_at IS NOT NULL")
        assert cursor.fetchall() == [("former member",)]


def test_an_old_history_is_read_in_todays_language():
    scene = stage(states.SHOPPING)
    with override("ru"):
        cost = costs.add_difference(scene.run, D("1.50"), by=scene.alice)
        costs.remove_extra_cost(cost, by=scene.alice)
    events = scene.run.events.select_related("actor", "subject", "product").order_by("-pk")
    moved, removed = events.filter(kind="run_moved").first(), events.get(kind="extra_removed")
    assert "ru " not in str(removed.data)
    for code in CODES:
        with override(code):
            sentences = [entry.sentence for entry in entries_of(scene.run, [moved, removed])]
        assert [sentence.partition("Alice")[0] for sentence in sentences] == [spoken(code, "")] * 2
        assert spoken(code, "Difference to the receipts") in sentences[1]
