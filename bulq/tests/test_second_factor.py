"""The second factor of site admins: nobody gets in without a code, and each code works once."""

import re
from functools import partial
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.actions.people import close_account
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from accounts.tests.racing import race
from bulq import checks, tasks
from bulq.office import second_factor
from bulq.tests.client import FormClient, signed_in
from bulq.tests.test_access_matrix import OF_ADMIN, admin_parameters

ASK, SET_UP = "/admin/second-factor/", "/admin/second-factor-set-up/"
# Where one gets a code, and whatever leads there.
DOORS = {"second_factor", "second_factor_set_up", "login"}


@pytest.fixture(autouse=True)
def _is_on(settings):
    settings.ADMIN_SECOND_FACTOR = True


@pytest.fixture
def root(db, hashed):
    return make_user(
        "Root", username="root", email="root@example.org", password=hashed, is_staff=True, is_superuser=True
    )


@pytest.fixture
def as_root(root):
    return signed_in(root)


@pytest.fixture(scope="session")
def hashed():
    return make_password(PASSWORD)


def code_of(device, *, steps=0):
    return f"{totp(device.bin_key, t0=-steps * device.step):06}"


def app_of(person):
    return TOTPDevice.objects.create(user=person, name="app", confirmed=True)


def recovery_codes(page):
    return re.findall(r"<li><code>([a-z2-7]{8})</code></li>", page.text)


def enrol(client):
    """As a browser would; returns the page with the recovery codes."""
    assert client.post(SET_UP, {"current_password": PASSWORD}).url == SET_UP
    device = TOTPDevice.objects.get(confirmed=False)
    return client.post(SET_UP, {"code": code_of(device)})


def again(person):
    """A new session, also after all others have ended."""
    return signed_in(User.objects.get(pk=person.pk))


# --- Getting in ------------------------------------------------------------------------------------
@pytest.mark.parametrize("has_app", [True, False])
def test_no_address_of_the_admin_opens_without_a_code(root, as_root, has_app):
    if has_app:
        app_of(root)
    wrong = []
    for address in OF_ADMIN:
        url = address.url({"app_label": "bids"} | admin_parameters(address))
        door = "/admin/" if address.name == "logout" else f"/admin/login/?next={url}"
        for method in (as_root.get, as_root.post) if address.name not in DOORS else ():
            answer = method(url)
            if answer.status_code != 302 or answer["Location"] != door:
                wrong.append(f"{url}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert len(OF_ADMIN) > 100
    assert {reverse("admin:jsi18n"), reverse("admin:autocomplete")} <= {
        address.url(admin_parameters(address)) for address in OF_ADMIN if not address.parameters
    }


def test_the_way_in_leads_to_the_code_and_back(root, as_root):
    device, wanted = app_of(root), "/admin/stores/product/?q=oil"
    page = as_root.get(wanted, follow=True)
    assert page.request["PATH_INFO"] == ASK
    answer = as_root.post(ASK, {"code": code_of(device), "next": page.context["next"]})
    assert answer.url == wanted
    assert as_root.get(wanted).status_code == 200
    assert signed_in(root).get(wanted).status_code == 302  # another session


def test_a_cookie_from_before_the_code_opens_nothing(root, as_root):
    device, before = app_of(root), as_root.cookies["sessionid"].value
    as_root.post(ASK, {"code": code_of(device)})
    assert as_root.get("/admin/").status_code == 200
    thief = FormClient()
    thief.cookies["sessionid"] = before
    assert thief.get("/admin/").status_code == 302


def test_it_leads_to_no_other_site(root, as_root):
    device = app_of(root)
    assert as_root.post(ASK, {"code": code_of(device), "next": "//evil.example/"}).url == "/admin/"


def test_people_who_are_not_staff_are_sent_to_the_login(db, visitor):
    for url in (ASK, SET_UP):
        assert signed_in(make_user("Alice")).get(url).url == f"/admin/login/?next={url}"
        assert "/login/" in visitor.get(url).url


@pytest.fixture
def visitor():
    return FormClient()


def test_the_login_page_names_no_table(db, visitor):
    page = visitor.get("/admin/login/").text
    for word in ("People", "Products", "Backups", "Internals", "/admin/stores"):
        assert word not in page


def test_with_the_setting_off_a_password_is_enough(as_root, settings):
    settings.ADMIN_SECOND_FACTOR = False
    assert as_root.get("/admin/").status_code == 200


# --- Codes -----------------------------------------------------------------------------------------
def test_a_code_works_once_and_blanks_do_not_matter(root, as_root):
    device = app_of(root)
    code = code_of(device)
    assert as_root.post(ASK, {"code": f" {code[:3]} {code[3:]} "}).status_code == 302
    again = signed_in(root).post(ASK, {"code": code})
    assert again.status_code == 422
    assert "has been used already" in again.text


@pytest.mark.parametrize("code", ["", "abc", "000000000000000000000", "1234567", "\0", "１２３４５６", "-1"])
def test_nonsense_is_refused_at_the_field(root, as_root, code):
    app_of(root)
    for field in ("code", "recovery"):
        answer = as_root.post(ASK, {field: code})
        assert answer.status_code == 422
        assert as_root.get("/admin/").status_code == 302


def test_wrong_codes_make_the_next_one_wait(root, as_root):
    device = app_of(root)
    for _attempt in range(2):
        TOTPDevice.objects.update(throttling_failure_timestamp=None)
        assert as_root.post(ASK, {"code": "1"}).status_code == 422
    answer = as_root.post(ASK, {"code": code_of(device)})
    assert answer.status_code == 422
    assert "Too many wrong codes" in answer.text


def test_a_recovery_code_works_once_and_a_locked_app_does_not_stop_it(root, as_root):
    [code, other, *_rest] = recovery_codes(enrol(as_root))
    for _attempt in range(2):
        assert again(root).post(ASK, {"code": "1"}).status_code == 422  # locks the app only
    fresh = again(root)
    assert fresh.post(ASK, {"recovery": f"{code[:4]} {code[4:].upper()}"}).status_code == 302
    assert fresh.get("/admin/").status_code == 200
    assert again(root).post(ASK, {"recovery": code}).status_code == 422
    assert StaticToken.objects.count() == second_factor.RECOVERY_CODES - 1
    assert StaticToken.objects.filter(token=other).exists()


@pytest.mark.django_db(transaction=True)
def test_one_code_at_the_same_moment_lets_one_in():
    person = make_user("Root", is_staff=True)
    device = app_of(person)
    clients, code = [signed_in(person) for _number in range(10)], code_of(device)
    answers = race(*(partial(client.post, ASK, {"code": code}) for client in clients))
    assert sorted(answer.status_code for answer in answers) == [302] + [422] * 9


@pytest.mark.django_db(transaction=True)
def test_one_recovery_code_at_the_same_moment_lets_one_in():
    person = make_user("Root", is_staff=True)
    app_of(person)
    recovery = StaticDevice.objects.create(user=person, name="recovery codes")
    StaticToken.objects.create(device=recovery, token="abcdefgh")
    clients = [signed_in(person) for _number in range(10)]
    answers = race(*(partial(client.post, ASK, {"recovery": "abcdefgh"}) for client in clients))
    assert sorted(answer.status_code for answer in answers) == [302] + [422] * 9


def test_codes_are_counted_by_the_limit_of_logins(root, as_root, settings):
    caches["limits"].clear()
    settings.RATELIMIT_ENABLE = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login": "100/h", "login_name": "3/h"}
    app_of(root)
    statuses = [as_root.post(ASK, {"code": "1"}).status_code for _attempt in range(4)]
    assert statuses == [422, 422, 422, 429]
    caches["limits"].clear()


# --- Setting it up ---------------------------------------------------------------------------------
def test_the_first_visit_sets_it_up(root, as_root):
    elsewhere = signed_in(root)
    assert as_root.get("/admin/", follow=True).request["PATH_INFO"] == SET_UP
    assert as_root.post(SET_UP, {"current_password": "wrong"}).status_code == 422
    assert not TOTPDevice.objects.exists()
    page = enrol(as_root)
    codes = recovery_codes(page)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert as_root.get("/admin/").status_code == 200
    assert LogEntry.objects.get().get_change_message() == "Set up the second factor."
    # Everyone else who knew the password is out, and the codes are shown no more.
    assert elsewhere.get("/me/").status_code == 302
    for url in (SET_UP, ASK, "/admin/"):
        assert not recovery_codes(as_root.get(url, follow=True))


def test_the_app_counts_only_after_its_first_code(root, as_root):
    as_root.post(SET_UP, {"current_password": PASSWORD})
    device = TOTPDevice.objects.get()
    page = as_root.get(SET_UP)
    assert "otpauth" not in page.text
    assert page.context["key"].replace(" ", "").isalnum()
    assert as_root.post(SET_UP, {"code": "1"}).status_code == 422
    assert as_root.get("/admin/").status_code == 302
    # In another session the same unconfirmed app is worth nothing.
    assert signed_in(root).post(SET_UP, {"code": code_of(device)}).status_code == 422
    assert not TOTPDevice.objects.filter(confirmed=True).exists()


def test_a_password_alone_sets_up_no_second_app(root, as_root):
    enrol(as_root)
    assert again(root).post(SET_UP, {"current_password": PASSWORD}).url == ASK
    assert TOTPDevice.objects.count() == 1


def test_two_who_set_it_up_at_once_do_not_both_get_in(root):
    """The other one began before, with the same password."""
    owner, thief = signed_in(root), signed_in(root)
    thief.post(SET_UP, {"current_password": PASSWORD})
    theirs = TOTPDevice.objects.get()
    owner.post(SET_UP, {"current_password": PASSWORD})
    ours = TOTPDevice.objects.exclude(pk=theirs.pk).get()
    assert recovery_codes(owner.post(SET_UP, {"code": code_of(ours)}))
    assert thief.post(SET_UP, {"code": code_of(theirs)}).status_code == 302  # logged out
    assert [device.pk for device in TOTPDevice.objects.all()] == [ours.pk]


def test_with_a_code_a_new_app_replaces_the_old_one(root, as_root):
    first = recovery_codes(enrol(as_root))
    old = TOTPDevice.objects.get()
    second = recovery_codes(enrol(as_root))
    assert not set(first) & set(second)
    assert TOTPDevice.objects.get().pk != old.pk
    assert set(StaticToken.objects.values_list("token", flat=True)) == set(second)


def test_the_person_is_told_by_mail(root):
    tasks.mail_second_factor(root.pk)
    [message] = mail.outbox
    assert message.to == ["root@example.org"]
    assert "If it wasn't you" in message.body


# --- Losing it -------------------------------------------------------------------------------------
def test_a_lost_one_is_reset_by_the_operator(root, as_root):
    enrol(as_root)
    call_command("reset_second_factor", "ROOT", stdout=StringIO())
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert as_root.get("/me/").status_code == 302
    assert again(root).get("/admin/", follow=True).request["PATH_INFO"] == SET_UP


def test_a_closed_account_leaves_no_device(root, as_root):
    enrol(as_root)
    User.objects.update(is_staff=False, is_superuser=False)
    close_account(by=User.objects.get())
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()


def test_nobody_is_reset_by_a_mistyped_name(db):
    with pytest.raises(CommandError, match="Nobody has the username nobody"):
        call_command("reset_second_factor", "nobody")


# --- Secrets ---------------------------------------------------------------------------------------
def test_secrets_are_in_no_table_of_the_admin_no_export_and_no_log(root, as_root, caplog):
    codes = recovery_codes(enrol(as_root))
    device = TOTPDevice.objects.get()
    caplog.clear()
    pages = [
        as_root.get(url).text for url in ("/admin/", "/admin/internals/", f"/admin/accounts/user/{root.pk}/change/")
    ]
    pages += [as_root.get("/me/data/").text, *(record.getMessage() for record in caplog.records)]
    for secret in (device.key, second_factor.plain(device.config_url.partition("secret=")[2][:32]), *codes):
        assert not [page for page in pages if secret in page.lower()]
    assert "otp_totp" not in pages[1]
    assert "otp_static" not in pages[1]


def test_a_check_says_so_when_it_is_off(settings):
    assert list(checks.admin_asks_for_a_second_factor(None)) == []
    settings.ADMIN_SECOND_FACTOR = False
    [message] = checks.admin_asks_for_a_second_factor(None)
    assert message.id == "bulq.I001"
