"""What holds for every address of this app."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from accounts.tests.factories import make_group, make_user
from bulq.tests.client import FormClient, as_read, signed_in

# Address, and the methods it knows. {group} and {user} are filled in with ids.
OWN = {
    "/logout/everywhere/": "POST",
    "/me/settings/": "GET",
    "/me/settings/profile/": "POST",
    "/me/settings/password/": "POST",
    "/me/settings/theme/": "POST",
    "/me/settings/language/": "POST",
    "/me/close/": "GET POST",
    "/groups/": "GET",
    "/groups/new/": "GET POST",
    "/groups/invite-link/": "GET POST",
}
IN_A_GROUP = {
    "/groups/{group}/people/": "GET",
    "/groups/{group}/people/{user}/role/": "POST",
    "/groups/{group}/people/{user}/remove/": "GET POST",
    "/groups/{group}/invite/renew/": "POST",
    "/groups/{group}/invite/joining/": "POST",
    "/groups/{group}/settings/": "GET POST",
    "/groups/{group}/leave/": "GET POST",
}
METHODS = ("get", "post", "put", "patch", "delete")


def send(client, method, address):
    return client.post(address) if method == "post" else getattr(client, method)(address)


@pytest.fixture
def ids(club, bob):
    return {"group": club.pk, "user": bob.pk}


@pytest.mark.parametrize("address", [*OWN, *IN_A_GROUP])
def test_a_visitor_is_asked_to_log_in_and_nothing_happens(visitor, club, ids, address):
    """S3."""
    address = address.format(**ids)
    for method in ("get", "post"):
        response = send(visitor, method, address)
        assert (response.status_code, response.url) == (302, f"/login/?next={address}")
    assert club.memberships.count() == 3


@pytest.mark.parametrize(("address", "known"), [*OWN.items(), *IN_A_GROUP.items()])
def test_other_methods_are_not_allowed_and_reading_changes_nothing(as_alice, club, ids, address, known):
    for method in METHODS:
        if method.upper() not in known.split():
            assert send(as_alice, method, address.format(**ids)).status_code == 405
    assert club.memberships.count() == 3


@pytest.mark.parametrize(("address", "known"), IN_A_GROUP.items())
def test_an_outsider_gets_the_page_for_missing_things(as_charlie, club, ids, address, known):
    """S2: a foreign group and a missing one give the same page."""
    for method in known.lower().split():
        foreign = send(as_charlie, method, address.format(**ids))
        missing = send(as_charlie, method, address.format(group=club.pk + 1000, user=ids["user"]))
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert as_read(foreign) == as_read(missing)
    assert club.memberships.count() == 3


@pytest.mark.parametrize(("address", "known"), IN_A_GROUP.items())
@pytest.mark.parametrize("number", ["0", "99999999999999999999999", "-1", "x", "1.5", "%00", "１"])
def test_an_impossible_id_is_missing(as_alice, club, ids, address, known, number):
    for method in known.lower().split():
        assert send(as_alice, method, address.format(group=number, user=1)).status_code == 404
        if "{user}" in address:
            assert send(as_alice, method, address.format(group=club.pk, user=number)).status_code == 404


@pytest.mark.parametrize("address", ["/login/", "/register/", "/password-reset/", "/logout/"])
def test_public_posts_need_the_csrf_token(db, address):
    """S3."""
    assert FormClient(enforce_csrf_checks=True).post(address).status_code == 403


@pytest.mark.parametrize("address", [*OWN, *IN_A_GROUP])
def test_a_post_from_another_site_changes_nothing(alice, club, ids, address):
    """S3."""
    client = FormClient(enforce_csrf_checks=True).signed_in_as(alice)
    assert client.post(address.format(**ids)).status_code in {403, 405}
    assert club.memberships.count() == 3


def test_the_same_form_again_gets_the_first_answer_and_has_one_effect(as_alice, alice):
    """D6."""
    form = {"once": str(uuid.uuid4()), "name": "Oil run", "currency": "EUR"}
    answers = {as_alice.post("/groups/new/", form)["Location"] for _ in range(3)}
    assert len(answers) == 1
    assert alice.memberships.count() == 1


def queries(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_lists_take_as_many_queries_for_three_rows_as_for_one(alice, as_alice):
    group = make_group("First", admin=alice, members=[make_user("Eva")])
    Membership.objects.update(is_admin=True)
    pages = {
        "/groups/": 6,
        f"/groups/{group.pk}/people/": 7,
        f"/groups/{group.pk}/leave/": 10,
        f"/groups/{group.pk}/settings/": 6,
        f"/join/{group.join_token}/": 7,
        "/me/settings/": 4,
        "/me/close/": 5,
    }
    before = {address: queries(as_alice, address) for address in pages}
    for number in range(3):
        other = make_group(f"Other {number}", admin=alice, members=[make_user("Fred")])
        Membership.objects.create(group=group, user=other.memberships.last().user, is_admin=True)
    after = {address: queries(as_alice, address) for address in pages}
    assert after == before
    assert {address: count for address, count in after.items() if count > pages[address]} == {}


def test_an_invitation_takes_the_same_number_of_queries_for_any_group(visitor, alice):
    group = make_group("First", admin=alice)
    before = queries(visitor, f"/join/{group.join_token}/")
    for _ in range(3):
        Membership.objects.create(group=group, user=make_user("Fred"), is_admin=True)
    assert queries(visitor, f"/join/{group.join_token}/") == before


def test_answers_are_private(as_alice, alice, club):
    """C7."""
    for address in ("/groups/", f"/groups/{club.pk}/people/", "/me/settings/"):
        assert as_alice.get(address)["Cache-Control"] == "private, no-store"
    assert signed_in(alice).get("/groups/").status_code == 200
