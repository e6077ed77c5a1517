import pytest

from accounts.actions.people import close_account
from accounts.models import Group, Membership, User
from accounts.signals import membership_ending
from accounts.tests.factories import PASSWORD, make_group, make_user
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.tests.client import FormClient, signed_in

CLOSE = "/me/close/"


def test_a_closed_account_has_no_name_no_login_and_no_groups(as_bob, bob, club):
    elsewhere = signed_in(bob)
    assert "former member" in as_bob.get(CLOSE).text
    assert as_bob.post(CLOSE, {"current_password": PASSWORD}).url == "/login/"
    bob.refresh_from_db()
    assert (bob.name, bob.email, bob.is_active) == ("former member", "", False)
    assert bob.username != "bob"
    assert bob.closed_at
    assert not bob.has_usable_password()
    assert not bob.memberships.exists()
    assert club.memberships.count() == 2
    assert as_bob.get("/me/settings/").status_code == 302
    assert elsewhere.get("/me/settings/").status_code == 302
    for username in ("bob", bob.username):
        assert FormClient().post("/login/", {"username": username, "password": PASSWORD}).status_code == 422


def test_the_username_is_free_again(bob):
    close_account(by=bob)
    assert make_user("Bob", username="bob").pk != bob.pk


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_current_password_nothing_is_closed(as_bob, bob, club, password):
    response = as_bob.post(CLOSE, {"current_password": password})
    assert response.status_code == 422
    bob.refresh_from_db()
    assert bob.is_active
    assert bob.memberships.exists()


def test_the_only_admin_is_warned_first_and_then_refused(as_alice, alice, club):
    make_group("Alone", admin=alice)
    sentence = "You are the only admin of Thursday Club. Make someone else a group admin first."
    assert sentence in as_alice.get(CLOSE).text
    response = as_alice.post(CLOSE, {"current_password": PASSWORD})
    assert response.status_code == 422
    assert sentence in response.text
    alice.refresh_from_db()
    assert alice.is_active
    assert alice.memberships.count() == 2
    assert not Group.objects.exclude(archived_at=None).exists()


def test_groups_with_nobody_left_are_archived(alice):
    alone = make_group("Alone", admin=alice)
    close_account(by=alice)
    alone.refresh_from_db()
    assert alone.archived_at


def test_each_membership_ends_by_its_own_rules(bob, club):
    """A receiver of `membership_ending` (the runs) is asked for each group, and may refuse."""
    seen = []

    def receive(membership, by, preview, **kwargs):
        seen.append((membership.group.name, membership.user.pk, by.pk, preview))
        if len(seen) == 2:
            raise BulqError("Hand over the lead first")

    make_group("Oil", admin=make_user("Fred"), members=[bob])
    membership_ending.connect(receive)
    try:
        with pytest.raises(BulqError, match="Hand over the lead first"):
            close_account(by=bob)
    finally:
        membership_ending.disconnect(receive)
    assert seen == [("Thursday Club", bob.pk, bob.pk, False), ("Oil", bob.pk, bob.pk, False)]
    assert bob.memberships.count() == 2


def test_someone_joining_a_group_at_that_very_moment_is_asked_to_check_again(bob, club, monkeypatch):
    from accounts.actions import people

    def locked(rows, **lookup):
        Membership.objects.create(group=late, user=bob)
        return rows.get(**lookup)

    late = make_group("Late", admin=make_user("Fred"))
    monkeypatch.setattr(people, "locked", locked)
    with pytest.raises(ChangedMeanwhile):
        close_account(by=bob)
    assert User.objects.get(pk=bob.pk).is_active
    assert Membership.objects.filter(user=bob, group=club).exists()


def test_a_site_admin_cannot_leave_before_someone_else_has_the_role(alice):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    with pytest.raises(BulqError, match="site admin"):
        close_account(by=alice)
    assert "You are a site admin" in signed_in(alice).get(CLOSE).text
