"""Spec 103: every answer, mail and task in the language of its reader, and nothing left over for the next."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils.translation import get_language, override

import bulq.urls
from accounts import tasks as account_tasks
from accounts.actions.mail import ask_for_reset
from accounts.actions.people import choose_language, renew_calendar
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from bids import states, tasks
from bids.actions import lead
from bids.models import Notification
from bids.tests.cast import stage
from bids.tests.closing import close_in
from bulq import tasks as site_tasks
from bulq.tests.catalogues import CODES, browser, says, spoken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogues")]
ROOT = Path(__file__).resolve().parents[2]


def broken(request):
    raise ValueError("broken")


def away(request):
    raise OperationalError


broken.login_required = away.login_required = False
urlpatterns = [path("broken/", broken), path("away/", away), *bulq.urls.urlpatterns]
handler400, handler500 = bulq.urls.handler400, bulq.urls.handler500


@pytest.fixture
def alice():
    return make_user("Alice", username="alice", email="alice@example.org", password=make_password(PASSWORD))


# --- Answers ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", CODES)
def test_errors_are_in_the_readers_language(settings, code):
    settings.ROOT_URLCONF = __name__
    client = browser("de", cookie=code)
    client.raise_request_exception = False
    asked = {
        "/nowhere/": (404, "Page not found"),
        "/broken/": (500, "Something went wrong on our side"),
        "/away/": (503, "Bulq will be back in a moment"),
        "/login/?next=" + "x" * 5000: (414, "Bulq"),
    }
    for address, (status, text) in asked.items():
        answer = client.get(address)
        assert (answer.status_code, says(answer, code, text)) == (status, True) or text == "Bulq", address
        assert answer["Content-Language"].lower().startswith(code[:2])
    answer = client.post("/login/", "x", content_type="text/plain; charset=utf-16")
    assert (answer.status_code, says(answer, code, "Go back and try again.")) == (400, True)


def test_a_person_who_asks_too_often_reads_so_in_their_language(alice, settings):
    caches["limits"].clear()
    settings.RATELIMIT_ENABLE, settings.RATE_LIMITS = True, settings.RATE_LIMITS | {"general": "1/d", "login": "1/d"}
    choose_language(by=alice, language="sr")
    client = browser("ru", user=alice)
    refused = [client.get("/groups/") for _time in range(2)][1]
    assert (refused.status_code, says(refused, "sr", "Too many requests")) == (429, True)
    stranger = browser("ru")
    refused = [stranger.post("/login/", {"username": "alice", "password": "wrong"}) for _time in range(2)][1]
    assert (refused.status_code, says(refused, "ru", "Too many requests")) == (429, True)


def test_pages_are_private_and_say_what_they_depend_on(alice):
    choose_language(by=alice, language="sr-latn")
    client = browser("ru", user=alice)
    for answer in (client.get("/me/settings/"), client.get("/nowhere/"), client.get("/me/data.json")):
        assert answer["Content-Language"] == "sr-Latn"
        assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
    file = client.get("/static/icon.svg")
    file.close()
    assert (file.status_code, file.get("Content-Language")) == (200, None)
    assert "Accept-Language" not in file.get("Vary", "")


def test_one_process_speaks_to_each_in_their_own_language_again_and_again():
    """Nothing that is written once is written for all."""
    scene = stage(states.ACTIVE)
    people = dict(zip(CODES, (scene.alice, scene.bob, scene.hana, scene.dora), strict=True))
    for code, person in people.items():
        choose_language(by=person, language=code)
    clients = {code: browser("de", user=person) for code, person in people.items()}
    for code in [*CODES, *reversed(CODES)]:
        page = clients[code].get(f"/runs/{scene.run.pk}/")
        assert says(page, code, "Home"), code
        assert spoken(code, "no price") in page.text
        assert get_language() == "en"


def test_a_calendar_is_in_the_language_of_its_person():
    scene = stage(states.ACTIVE)
    type(scene.run).objects.filter(pk=scene.run.pk).update(day=timedelta(days=2) + scene.run.created_at)
    address = f"/calendar/{renew_calendar(by=scene.bob).calendar_token}.ics"
    before = browser("sr").get(address)
    assert "SUMMARY:ru " not in before.text
    choose_language(by=scene.bob, language="ru")
    answer = browser("sr").get(address, headers={"If-None-Match": before["ETag"]})
    assert (answer.status_code, answer["Content-Language"]) == (200, "ru")
    assert "SUMMARY:ru " in answer.text


def test_no_page_takes_a_query_more(alice):
    """The person is loaded anyway, with their language."""

    def queries(client, address):
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    assert queries(browser("ru", cookie="sr"), "/nowhere/") == 0
    assert queries(browser("ru", cookie="sr"), "/password-reset/") == queries(browser(), "/password-reset/")
    pages = ("/", "/me/settings/", "/groups/", "/nowhere/", "/health/live")
    before = [queries(browser(user=alice), page) for page in pages]
    choose_language(by=alice, language="ru")
    assert [queries(browser("sr", "en", alice), page) for page in pages] == before
    assert before[-1] == 2  # session and person
    for address in ("/health/live", "/live/", f"/calendar/{'x' * 43}.ics"):
        assert queries(browser("ru", "sr"), address) == (1 if "calendar" in address else 0)


# --- Mails -----------------------------------------------------------------------------------------
def wants(person, code):
    User.objects.filter(pk=person.pk).update(email=f"{person.pk}@bulq.test", wants_mail=True, language=code)


@pytest.fixture(params=["en", "sr"])
def of_the_site(request, settings):
    settings.LANGUAGE_CODE = request.param
    return request.param


def test_mails_are_in_the_language_of_their_receiver_whoever_causes_them(of_the_site):
    scene = stage(states.ACTIVE)
    Notification.objects.all().delete()
    for person, code in ((scene.bob, "ru"), (scene.hana, "")):
        wants(person, code)
        with override("sr-latn"):  # of the leader who asks
            lead.offer_lead(scene.run, person, by=scene.alice)
            tasks.mail_at_once()
            lead.withdraw_lead_offer(scene.run, by=scene.alice)
            assert get_language() == "sr-latn"
        expected = spoken(code or of_the_site, "Alice asks you to take over the lead")
        assert mail.outbox[-1].subject == expected
        assert expected in mail.outbox[-1].body


def test_reminders_by_the_clock_too_and_one_after_the_other(of_the_site):
    scene = stage(states.ACTIVE)
    chosen = {scene.bob: "ru", scene.hana: "sr-latn", scene.dora: "", scene.adam: "en"}
    for person, code in chosen.items():
        wants(person, code)
    close_in(scene.run, timedelta(hours=23, minutes=58))
    tasks.remind()
    subjects = {letter.to[0]: letter.subject for letter in mail.outbox}
    assert set(subjects) == {f"{person.pk}@bulq.test" for person in chosen}
    for person, code in chosen.items():
        assert subjects[f"{person.pk}@bulq.test"].startswith(spoken(code or of_the_site, str(scene.run)))
    assert get_language() == of_the_site


def test_a_new_password_is_mailed_in_the_persons_language(alice, of_the_site):
    with override("ru"):  # of whoever asked
        for code in ("sr-latn", ""):
            choose_language(by=alice, language=code)
            ask_for_reset(alice.email)
            account_tasks.mail_resets()
            assert mail.outbox[-1].subject == spoken(code or of_the_site, "Reset your Bulq password")


def test_so_is_the_news_of_a_second_factor(alice):
    choose_language(by=alice, language="sr")
    site_tasks.mail_second_factor(alice.pk)
    assert mail.outbox[-1].subject == "sr Your second factor has been set up"


def test_a_task_leaves_no_language_behind_for_the_next():
    scene = stage(states.ACTIVE)
    wants(scene.bob, "ru")
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    tasks.mail_at_once.apply(throw=True)
    assert len(mail.outbox) == 1
    assert get_language() == site.LANGUAGE_CODE


def test_a_broken_request_leaves_none_behind_either(settings):
    settings.ROOT_URLCONF = __name__
    client = browser("ru")
    with pytest.raises(ValueError, match="broken"):
        client.get("/broken/")
    assert get_language() == site.LANGUAGE_CODE


# --- Before anybody reads --------------------------------------------------------------------------
AT_START = """
import importlib, os, pkgutil, sys, traceback
import django
from django.utils import translation

def recorder(name):
    def translate(*texts):
        frames = [frame for frame in traceback.extract_stack()[:-1] if "/django/utils/" not in frame.filename]
        if frames[-1].filename.startswith(tuple(ours)):
            print(f"{frames[-1].filename}:{frames[-1].lineno}")
        return texts[0]
    return translate

root, *samples = sys.argv[1:]
names = ["accounts", "stores", "bids", "bulq"]
ours = [f"{root}/{name}/" for name in names] + samples
for name in ("gettext", "ngettext", "pgettext", "npgettext"):
    setattr(translation._trans, name, recorder(name))
sys.path[:0] = [root, *samples]
os.environ["DJANGO_SETTINGS_MODULE"] = "bulq.settings"
django.setup()
for package in names:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not {"tests", "migrations", "wsgi", "stream"} & set(module.name.split(".")):
            importlib.import_module(module.name)
for _folder in samples:
    importlib.import_module("sample")
"""


def said_at_start(*folders):
    """Where our modules look for a translation while they are imported."""
    command = [sys.executable, "-c", AT_START, str(ROOT), *map(str, folders)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout.split()


def test_no_module_speaks_while_it_is_imported():
    """Or the first language would be everyone's."""
    assert said_at_start() == []


@pytest.mark.parametrize(
    "line",
    ['gettext("Saved")', 'f"{gettext_lazy(str(1))}"', 'gettext_lazy("Saved %s") % 1',
     'sorted([gettext_lazy("b"), gettext_lazy("a")])',
     'type("Page", (), {"title": ngettext("%d", "%d", 1)})', '(lambda title=gettext("Saved"): title)'],
)  # fmt: skip
def test_one_that_does_is_noticed(line, tmp_path):
    imports = "from django.utils.translation import gettext, gettext_lazy, ngettext"
    (tmp_path / "sample.py").write_text(f"{imports}\n\nword = {line}\n")
    assert f"{tmp_path}/sample.py:3" in said_at_start(tmp_path)
