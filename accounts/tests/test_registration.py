import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.models import Group, SiteSettings, User
from accounts.tests.factories import PASSWORD
from bulq.tests.client import FormClient

REGISTRATION = "/register/"


def typed(**changes):
    return {
        "name": "Eva",
        "username": "eva",
        "email": "",
        "password": PASSWORD,
        "password_again": PASSWORD,
    } | changes


def open_for(position):
    SiteSettings.objects.update_or_create(pk=1, defaults={"registration": position})


def test_registering_logs_in_and_leads_home(visitor):
    response = visitor.post(REGISTRATION, typed(name="  Eva Ж  ", username=" EVA-1 ", email="eva@example.org"))
    assert (response.status_code, response.url) == (302, "/")
    eva = User.objects.get()
    assert (eva.name, eva.username, eva.email) == ("Eva Ж", "eva-1", "eva@example.org")
    assert visitor.session["_auth_user_id"] == str(eva.pk)
    assert eva.check_password(PASSWORD)
    assert eva.password.startswith("argon2$")


def test_a_logged_in_person_is_sent_home_from_registration(as_alice):
    assert as_alice.get(REGISTRATION).url == "/"
    assert as_alice.post(REGISTRATION, typed()).url == "/"
    assert User.objects.count() == 1


def test_another_method_is_not_allowed(visitor):
    assert visitor.put(REGISTRATION).status_code == 405


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter your name"),
        ("name", "   ", "Enter your name"),
        ("name", "x" * 101, "Enter at most 100 characters"),
        ("name", "Eva\nAdmin", "Leave out line breaks and control characters"),
        ("name", "Eva\x00", "Leave out line breaks and control characters"),
        ("name", "\u202eavE", "Leave out line breaks and control characters"),
        ("name", "\u200b\u200b", "Enter at least one letter or digit"),
        ("username", "", "Enter a username"),
        ("username", "ev", "Enter at least 3 characters"),
        ("username", "e" * 51, "Enter at most 50 characters"),
        ("username", "eva eva", "Use letters from a to z, digits, _ and -"),
        ("username", "ева", "Use letters from a to z, digits, _ and -"),
        ("username", "eva\n\x00", "Use letters from a to z, digits, _ and -"),
        ("email", "eva", "Enter an e-mail address, for example ana@example.org"),
        ("password", "", "Enter a password"),
        ("password", "7 chars", "at least 8 characters"),
        ("password", "x" * 129, "A password has at most 128 characters"),
        ("password", "password1", "too common"),
        ("password", "eva-12345", None),
        ("password_again", "another one", "The two passwords differ. Enter the same one twice"),
    ],
)
def test_invalid_input_is_refused_at_its_field_and_the_rest_is_kept(visitor, field, value, sentence):
    data = typed(username="eva-1234", **{field: value}) if field != "username" else typed(username=value)
    if field == "password":
        data["password_again"] = value
    response = visitor.post(REGISTRATION, data)
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert field in errors
    assert sentence is None or sentence in " ".join(errors[field])
    assert not User.objects.exists()
    if field != "name":
        assert b'value="Eva"' in response.content


def test_a_sixty_letter_cyrillic_password_and_blanks_in_it_work(visitor):
    password = " Съешь ещё этих мягких французских булок да выпей чаю, друг! "
    assert len(password) > 60
    visitor.post(REGISTRATION, typed(password=password, password_again=password))
    another = FormClient()
    assert another.post("/login/", {"username": "eva", "password": password}).status_code == 302
    assert another.post("/login/", {"username": "eva", "password": password.strip()}).status_code == 302
    assert not User.objects.get().check_password(password.strip())


@pytest.mark.parametrize("username", ["alice", "ALICE", " Alice ", "ａｌｉｃｅ"])
def test_a_username_is_taken_in_any_case(visitor, alice, username):
    response = visitor.post(REGISTRATION, typed(username=username))
    assert response.status_code == 422
    assert response.context["form"].errors["username"] == ["This username is already taken"]
    assert User.objects.count() == 1


def test_a_form_without_its_one_time_id_creates_nothing(visitor):
    assert visitor.post(REGISTRATION, typed(), once=False).status_code == 422
    assert not User.objects.exists()


def test_when_closed_a_visitor_is_told_and_a_forged_post_creates_nothing(visitor, alice):
    open_for("closed")
    page = visitor.get(REGISTRATION)
    assert "Registration is closed at the moment" in page.text
    assert 'name="password_again"' not in page.text
    response = visitor.post(REGISTRATION, typed())
    assert response.status_code == 403
    assert "Registration is closed at the moment" in response.text
    assert User.objects.count() == 1


def test_when_closed_logging_in_still_works(visitor, alice):
    open_for("closed")
    assert "Create an account" not in visitor.get("/login/").text
    assert visitor.post("/login/", {"username": "alice", "password": PASSWORD}).status_code == 302


@pytest.fixture
def invited_only(db):
    open_for("invited")


@pytest.mark.usefixtures("invited_only", "club")
class TestByInvitationOnly:
    def test_without_an_invitation_a_visitor_is_told_and_refused(self, visitor):
        assert "You need an invitation" in visitor.get(REGISTRATION).text
        assert visitor.post(REGISTRATION, typed()).status_code == 403
        assert not User.objects.filter(username="eva").exists()

    def test_with_an_invitation_it_works_and_leads_back_to_it(self, visitor, club):
        page = visitor.get(f"{REGISTRATION}?join={club.join_token}")
        assert f'value="{club.join_token}"' in page.text
        response = visitor.post(REGISTRATION, typed(join=club.join_token))
        assert response.url == f"/join/{club.join_token}/"
        assert User.objects.filter(username="eva").exists()

    @pytest.mark.parametrize("token", ["", "x" * 32, "\x00", "../", "[", "é", "a" * 5000])
    def test_an_invented_invitation_does_not_count(self, visitor, token):
        assert visitor.post(REGISTRATION, typed(join=token)).status_code == 403
        assert not User.objects.filter(username="eva").exists()

    @pytest.mark.parametrize("change", [{"is_joining_open": False}, {"archived_at": "2026-01-01T00:00Z"}])
    def test_the_link_of_a_group_nobody_can_join_does_not_count(self, visitor, club, change):
        Group.objects.filter(pk=club.pk).update(**change)
        assert visitor.post(REGISTRATION, typed(join=club.join_token)).status_code == 403
        assert not User.objects.filter(username="eva").exists()

    def test_a_replaced_link_does_not_count(self, visitor, club):
        old = club.join_token
        Group.objects.filter(pk=club.pk).update(join_token="n" * 32)
        assert visitor.post(REGISTRATION, typed(join=old)).status_code == 403


@pytest.mark.parametrize("token", ["//evil.example", "https://evil.example/", "/\\evil.example", "a?next=//evil"])
def test_registration_never_leads_to_another_site(visitor, token):
    """S5: it leads on only to one of our invitations or the home page."""
    assert visitor.post(REGISTRATION, typed(join=token)).url == "/"


def test_a_refused_registration_hashes_nothing(visitor, monkeypatch):
    calls = []
    hash_it = Argon2PasswordHasher.encode
    monkeypatch.setattr(
        Argon2PasswordHasher, "encode", lambda *args, **kwargs: calls.append(1) or hash_it(*args, **kwargs)
    )
    visitor.post(REGISTRATION, typed(username="x"))
    open_for("closed")
    visitor.post(REGISTRATION, typed())
    assert calls == []
