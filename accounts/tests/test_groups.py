import pytest

from accounts.actions.groups import archive_group, change_group, create_group
from accounts.models import Group, Membership, User
from accounts.tests.factories import make_group
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in


def set_up(client, **changes):
    return client.post("/groups/new/", {"name": "Oil run", "currency": "RSD"} | changes)


def test_the_person_who_starts_a_group_is_its_admin_and_only_member(as_alice, alice):
    response = set_up(as_alice, name="  Друзья 🛒 ")
    group = Group.objects.get()
    assert response.url == f"/groups/{group.pk}/people/"
    assert (group.name, group.currency, group.is_joining_open) == ("Друзья 🛒", "RSD", True)
    assert list(group.memberships.values_list("user", "is_admin")) == [(alice.pk, True)]
    assert len(group.join_token) * 6 >= 128


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x"},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"name": "a\tb"},
        {"currency": ""},
        {"currency": "XXX"},
        {"currency": "KWD"},
    ],
)
def test_an_impossible_group_is_refused_and_the_form_keeps_what_was_typed(as_alice, change):
    response = set_up(as_alice, **change)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == list(change)
    if "currency" in change:
        assert 'value="Oil run"' in response.text
    assert not Group.objects.exists()


def test_the_group_limit_counts_created_and_joined_groups_but_not_archived_ones(alice, bob, club, settings):
    settings.GROUPS_PER_USER = 2
    create_group(by=bob, name="Second", currency="EUR")
    with pytest.raises(BulqError, match="You are in 2 groups, which is the limit"):
        create_group(by=bob, name="Third", currency="EUR")
    response = set_up(signed_in(bob))
    assert response.status_code == 422
    assert "You are in 2 groups" in response.text
    Group.objects.filter(name="Second").update(archived_at="2026-01-01T00:00Z")
    create_group(by=bob, name="Third", currency="EUR")


def test_only_my_groups_are_listed(as_bob, charlie, club):
    page = as_bob.get("/groups/")
    assert "Thursday Club" in page.text
    assert "3 members" in page.text
    assert "Charlie" not in page.text


def test_a_person_without_a_group_is_told_what_to_do(as_alice):
    page = as_alice.get("/groups/").text
    assert "Start a group" in page
    assert "I have an invite link" in page


@pytest.mark.parametrize(
    "pasted",
    [
        "https://bulq.example/join/{}/",
        "  https://other.host/join/{}/?x=1#y ",
        "/join/{}",
        "{}",
        "testserver/join/{}/",
    ],
)
def test_a_pasted_link_leads_to_the_invitation(as_charlie, club, pasted):
    data = {"link": pasted.format(club.join_token)}
    assert as_charlie.post("/groups/invite-link/", data).url == f"/join/{club.join_token}/"
    assert as_charlie.get("/groups/invite-link/", data).url == f"/join/{club.join_token}/"


@pytest.mark.parametrize("pasted", ["", "hello", "https://evil.example/", "//evil.example/x", "\x00", "a" * 501])
def test_text_that_is_no_invite_link_is_refused_and_kept(as_charlie, pasted):
    response = as_charlie.post("/groups/invite-link/", {"link": pasted})
    assert response.status_code == 422
    assert "link" in response.context["form"].errors


def test_an_admin_renames_the_group_and_changes_its_currency(as_alice, club):
    address = f"/groups/{club.pk}/settings/"
    assert 'value="Thursday Club"' in as_alice.get(address).text
    assert as_alice.post(address, {"name": " Friday Club ", "currency": "JPY"}).url == address
    club.refresh_from_db()
    assert (club.name, club.currency) == ("Friday Club", "JPY")


def test_a_fixed_currency_is_not_offered_and_a_stale_form_is_refused(as_alice, club):
    Group.objects.update(is_currency_fixed=True)
    address = f"/groups/{club.pk}/settings/"
    assert 'name="currency"' not in as_alice.get(address).text
    assert as_alice.post(address, {"name": "Friday Club"}).status_code == 302
    assert as_alice.post(address, {"name": "Friday Club", "currency": "EUR"}).status_code == 302
    response = as_alice.post(address, {"name": "Sunday Club", "currency": "JPY"})
    assert response.status_code == 422
    assert "after the first run; it is EUR" in response.text
    club.refresh_from_db()
    assert (club.name, club.currency) == ("Friday Club", "EUR")


def test_members_who_are_not_admins_cannot_change_settings(as_bob, club):
    address = f"/groups/{club.pk}/settings/"
    assert as_bob.get(address).status_code == 403
    response = as_bob.post(address, {"name": "Mine", "currency": "EUR"})
    assert response.status_code == 403
    assert "Only a group admin can do this." in response.text
    club.refresh_from_db()
    assert club.name == "Thursday Club"


def test_an_archived_group_can_be_read_but_not_changed(as_alice, as_bob, alice, club):
    archive_group(club.pk, by=alice)
    assert as_bob.get(f"/groups/{club.pk}/people/").status_code == 200
    assert "Archived" in as_bob.get("/groups/").text
    page = as_alice.get(f"/groups/{club.pk}/settings/").text
    assert "This group is archived" in page
    response = as_alice.post(f"/groups/{club.pk}/settings/", {"name": "Friday Club", "currency": "EUR"})
    assert response.status_code == 422
    for address, data in (("invite/renew", {}), ("invite/joining", {"joining": "open"})):
        assert as_alice.post(f"/groups/{club.pk}/{address}/", data).status_code == 422
    with pytest.raises(BulqError):
        archive_group(club.pk, by=alice)


def test_only_an_admin_can_archive(alice, bob, club):
    with pytest.raises(BulqError, match="Only a group admin"):
        archive_group(club.pk, by=bob)
    archive_group(club.pk, by=alice)
    club.refresh_from_db()
    assert club.archived_at


def test_rights_are_checked_when_the_action_happens(alice, club):
    """Not when the page was opened: the role ended in between."""
    Membership.objects.filter(user=alice).update(is_admin=False)
    with pytest.raises(BulqError, match="Only a group admin"):
        change_group(club.pk, by=alice, name="Friday Club")


def test_a_site_admin_has_no_special_rights(club, charlie):
    User.objects.filter(pk=charlie.pk).update(is_staff=True, is_superuser=True)
    client = signed_in(User.objects.get(pk=charlie.pk))
    assert client.get(f"/groups/{club.pk}/people/").status_code == 404
    assert client.get(f"/groups/{club.pk}/settings/").status_code == 404


def test_many_groups_are_paged(as_alice, alice, monkeypatch):
    from accounts.views import groups

    monkeypatch.setattr(groups, "GROUPS_A_PAGE", 2)
    for name in ("Cheese", "apples", "Bread"):
        make_group(name, admin=alice)
    first, second = as_alice.get("/groups/"), as_alice.get("/groups/?page=2")
    assert [group.name for group in first.context["page"]] == ["apples", "Bread"]
    assert [group.name for group in second.context["page"]] == ["Cheese"]
    assert as_alice.get("/groups/?page=x").status_code == 200
