import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Group, SiteSettings, User
from accounts.tests.factories import PASSWORD, make_group, make_user
from bulq.tests.client import FormClient, signed_in

PEOPLE, GROUPS, SITE = "/admin/accounts/user/", "/admin/accounts/group/", "/admin/accounts/sitesettings/"


@pytest.fixture
def root(db, hashed):
    return make_user("Root", username="root", password=hashed, is_staff=True, is_superuser=True)


@pytest.fixture
def as_root(root):
    return signed_in(root)


def change_form(response):
    """What a browser would send back unchanged."""
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields if name not in {"password", "usable_password"}}
    sent = {name: "" if value is None else value for name, value in values.items() if value is not False}
    for formset in response.context["inline_admin_formsets"]:
        management = formset.formset.management_form
        sent |= {f"{management.prefix}-{name}": value for name, value in management.initial.items()}
    return sent


def test_an_admin_logs_in_in_any_case(root):
    data = {"username": " ROOT ", "password": PASSWORD, "next": "/admin/"}
    assert FormClient().post("/admin/login/", data).url == "/admin/"


@pytest.mark.parametrize("address", [PEOPLE, GROUPS, SITE, f"{PEOPLE}add/"])
def test_other_people_do_not_get_in(as_alice, visitor, address):
    for client in (as_alice, visitor):
        response = client.get(address)
        assert response.status_code == 302
        assert "login" in response.url


def test_people_are_found_by_name_and_filtered(as_root, alice, bob):
    page = as_root.get(PEOPLE, {"q": "ali"})
    assert [person.name for person in page.context["cl"].result_list] == ["Alice"]
    page = as_root.get(PEOPLE, {"is_staff__exact": 1})
    assert [person.name for person in page.context["cl"].result_list] == ["Root"]


def test_a_new_persons_username_is_normalised_and_free(as_root, alice):
    new = {"username": " EVA ", "name": "Eva", "usable_password": "true"}
    new |= {"password1": PASSWORD, "password2": PASSWORD}
    assert as_root.post(f"{PEOPLE}add/", new).status_code == 302
    assert User.objects.get(name="Eva").username == "eva"
    for username in ("ALICE", "a b", ""):
        response = as_root.post(f"{PEOPLE}add/", new | {"username": username})
        assert "username" in response.context["adminform"].form.errors


def test_only_the_changed_fields_of_a_person_are_saved(as_root, alice):
    address = f"{PEOPLE}{alice.pk}/change/"
    data = change_form(as_root.get(address)) | {"username": "Alice-B"}
    User.objects.filter(pk=alice.pk).update(session_salt="meanwhile", theme="dark")
    data["theme"] = "system"
    assert as_root.post(address, data).status_code == 302
    alice.refresh_from_db()
    assert (alice.username, alice.session_salt) == ("alice-b", "meanwhile")


def test_an_admin_cannot_remove_their_own_rights_or_delete_anyone(as_root, root, alice):
    address = f"{PEOPLE}{root.pk}/change/"
    form = as_root.get(address)
    assert "is_superuser" not in form.context["adminform"].form.fields
    assert as_root.post(address, change_form(form)).status_code == 302
    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)
    for person in (root, alice):
        assert as_root.post(f"{PEOPLE}{person.pk}/delete/", {"post": "yes"}).status_code == 403
    as_root.post(PEOPLE, {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"})
    assert User.objects.count() == 2


def test_only_a_superuser_grants_rights(root, alice, bob):
    from django.contrib.auth.models import Permission

    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    client = signed_in(User.objects.get(pk=alice.pk))
    form = client.get(f"{PEOPLE}{bob.pk}/change/")
    assert "is_superuser" not in form.context["adminform"].form.fields
    response = client.post(f"{PEOPLE}{bob.pk}/change/", change_form(form) | {"is_superuser": "on"})
    assert response.status_code == 302
    bob.refresh_from_db()
    assert not bob.is_superuser
    assert client.post(f"{PEOPLE}{root.pk}/change/", {"username": "mine"}).status_code == 403
    assert client.post(f"{PEOPLE}{root.pk}/password/", {"password1": "x"}).status_code == 403


def test_a_disabled_person_is_logged_out(as_root, as_alice, alice):
    data = change_form(as_root.get(f"{PEOPLE}{alice.pk}/change/"))
    data.pop("is_active")
    as_root.post(f"{PEOPLE}{alice.pk}/change/", data)
    assert as_alice.get("/me/settings/").status_code == 302


def test_a_groups_members_are_read_only(as_root, club, bob):
    address = f"{GROUPS}{club.pk}/change/"
    form = as_root.get(address)
    assert "Bob" in form.text
    data = change_form(form) | {
        "name": "Friday Club",
        "memberships-0-is_admin": "on",
        "memberships-0-DELETE": "on",
    }
    as_root.post(address, data)
    club.refresh_from_db()
    assert club.name == "Friday Club"
    assert club.memberships.admins().count() == 1
    assert club.memberships.count() == 3


def test_the_registration_switch_is_one_row(as_root):
    assert as_root.get(SITE).url == f"{SITE}1/change/"
    assert as_root.post(f"{SITE}1/change/", {"registration": "closed"}).status_code == 302
    assert SiteSettings.objects.get().registration == "closed"
    assert as_root.get(f"{SITE}add/").status_code == 403
    assert as_root.post(f"{SITE}1/delete/", {"post": "yes"}).status_code == 403


def count_queries(client, address):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_lists_take_few_queries_whatever_their_length(as_root, alice):
    group = make_group("First", admin=alice)
    pages = (PEOPLE, GROUPS, f"{GROUPS}{group.pk}/change/")
    before = [count_queries(as_root, page) for page in pages]
    for _ in range(3):
        fred = make_user("Fred")
        make_group("Other", admin=fred)
        group.memberships.create(user=fred)
    assert [count_queries(as_root, page) for page in pages] == before
    assert max(before) < 12
    assert Group.objects.count() == 4
