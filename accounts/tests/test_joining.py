import re

import pytest
import segno

from accounts.actions.groups import archive_group, renew_invitation, set_joining
from accounts.models import Group, Membership, SiteSettings, User
from accounts.tests.factories import PASSWORD, make_group, make_user


@pytest.fixture
def link(club):
    return f"/join/{club.join_token}/"


def test_a_visitor_sees_group_admins_and_number_of_members_and_nothing_else(visitor, link, bob):
    page = visitor.get(link)
    assert page.status_code == 200
    for text in ("Thursday Club", "Admin: Alice", "3 members", "Log in and join", "Create my account"):
        assert text in page.text
    assert "Bob" not in page.text
    assert "Dora" not in page.text


def test_from_the_link_through_login_to_the_group(visitor, charlie, club, link):
    assert visitor.post(link).url == f"/login/?next={link}"
    assert visitor.post("/login/", {"username": "charlie", "password": PASSWORD, "next": link}).url == link
    assert "Join Thursday Club" in visitor.get(link).text
    assert visitor.post(link).url == f"/groups/{club.pk}/"
    member = club.memberships.get(user=charlie)
    assert not member.is_admin


def test_from_the_link_through_registration_to_the_group(visitor, club, link):
    assert f'name="join" value="{club.join_token}"' in visitor.get(link).text
    data = {"name": "Eva", "username": "eva", "password": PASSWORD, "password_again": PASSWORD}
    assert visitor.post("/register/", data | {"join": club.join_token}).url == link
    assert visitor.post(link).url == f"/groups/{club.pk}/"
    assert club.memberships.filter(user__username="eva").exists()


def test_a_registration_that_is_refused_keeps_the_invitation(visitor, club, link):
    response = visitor.post("/register/", {"name": "Eva", "join": club.join_token})
    assert response.status_code == 422
    assert f'value="{club.join_token}"' in response.text


def test_when_registration_is_closed_the_invitation_says_so(visitor, link):
    SiteSettings.objects.create(registration="closed")
    page = visitor.get(link).text
    assert "Registration is closed at the moment" in page
    assert "Create my account" not in page
    assert "Log in and join" in page


def test_a_member_is_told_so_and_sent_to_the_group(as_bob, club, link):
    page = as_bob.get(link).text
    assert "You are already in this group." in page
    assert f'href="/groups/{club.pk}/"' in page
    assert as_bob.post(link).url == f"/groups/{club.pk}/"
    assert club.memberships.count() == 3


def test_a_member_of_a_full_or_closed_group_is_still_sent_there(as_bob, club, link, settings):
    settings.MEMBERS_PER_GROUP = 3
    Group.objects.update(is_joining_open=False)
    assert "You are already in this group." in as_bob.get(link).text
    assert as_bob.post(link).status_code == 302


def close(club, alice, charlie, settings):
    set_joining(club.pk, by=alice, is_open=False)
    return "not accepting new members"


def archive(club, alice, charlie, settings):
    archive_group(club.pk, by=alice)
    return "This group is archived"


def fill(club, alice, charlie, settings):
    settings.MEMBERS_PER_GROUP = 3
    return "This group is full: it has 3 members."


def fill_the_person(club, alice, charlie, settings):
    settings.GROUPS_PER_USER = 1
    return "You are in 1 group, which is the limit."


@pytest.mark.parametrize("obstacle", [close, archive, fill, fill_the_person])
def test_an_obstacle_is_shown_before_the_click_and_refused_after(
    obstacle, as_charlie, alice, charlie, club, link, settings
):
    sentence = obstacle(club, alice, charlie, settings)
    page = as_charlie.get(link)
    assert sentence in page.text
    assert "<form" not in page.text.split('id="main"')[1].split("</main>")[0]
    response = as_charlie.post(link)
    assert response.status_code == 422
    assert sentence in response.text
    assert not club.memberships.filter(user=charlie).exists()


def test_a_renewed_link_is_dead_at_once_and_the_new_one_works(as_charlie, alice, club, link):
    renew_invitation(club.pk, by=alice)
    club.refresh_from_db()
    page = as_charlie.get(link)
    assert page.status_code == 404
    assert "This invite link is not valid or has expired" in page.text
    assert "Thursday Club" not in page.text
    assert as_charlie.post(link).status_code == 422
    assert as_charlie.post(f"/join/{club.join_token}/").status_code == 302


@pytest.mark.parametrize("token", ["x", "0", "a" * 1000, "%00", "..", "é", "%F0%9F"])
def test_an_invented_link_gets_a_sentence(visitor, as_charlie, club, token):
    for client in (visitor, as_charlie):
        assert client.get(f"/join/{token}/").status_code == 404
        assert client.post(f"/join/{token}/").status_code < 500


def test_another_method_is_not_allowed(as_charlie, link):
    assert as_charlie.delete(link).status_code == 405


def test_a_disabled_person_cannot_join(charlie, club):
    from accounts.actions.membership import join_group
    from bulq.kit.errors import NotAllowed

    User.objects.filter(pk=charlie.pk).update(is_active=False)
    with pytest.raises(NotAllowed):
        join_group(club.join_token, by=charlie)


class TestTheInvitePanel:
    def test_every_member_sees_link_and_code(self, as_bob, club, link):
        page = as_bob.get(f"/groups/{club.pk}/people/").text
        assert f'value="http://testserver{link}"' in page
        assert 'class="qr"' in page
        assert "style=" not in page
        assert "Make a new link" not in page

    def test_the_code_is_that_of_the_link(self, as_bob, club, link):
        page = as_bob.get(f"/groups/{club.pk}/people/").text
        size, path = re.search(r'class="qr" viewBox="0 0 ([0-9]+) \1"><path stroke="#16211c" d="(.*?)"', page).groups()
        dark = {
            (int(start) + n, int(row))
            for start, row, length in re.findall(r"M([0-9]+) ([0-9]+)\.5h([0-9]+)", path)
            for n in range(int(length))
        }
        rows = list(segno.make(f"http://testserver{link}", error="m").matrix_iter(border=2))
        assert len(rows) == int(size)
        assert dark == {(x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module}

    def test_an_admin_renews_closes_and_opens(self, as_alice, club):
        old = club.join_token
        people = f"/groups/{club.pk}/people/"
        assert "Make a new link" in as_alice.get(people).text
        assert as_alice.post(f"/groups/{club.pk}/invite/renew/").url == people
        for word in ("closed", "closed", "open"):
            assert as_alice.post(f"/groups/{club.pk}/invite/joining/", {"joining": word}).url == people
            club.refresh_from_db()
            assert club.is_joining_open == (word == "open")
        assert club.join_token != old

    @pytest.mark.parametrize("word", [None, "", "toggle", "\x00"])
    def test_a_switch_without_a_value_is_refused(self, as_alice, club, word):
        data = {} if word is None else {"joining": word}
        assert as_alice.post(f"/groups/{club.pk}/invite/joining/", data).status_code == 422

    @pytest.mark.parametrize("address", ["renew", "joining"])
    def test_other_members_can_do_neither(self, as_bob, club, address):
        old = club.join_token
        response = as_bob.post(f"/groups/{club.pk}/invite/{address}/", {"joining": "closed"})
        assert response.status_code == 403
        club.refresh_from_db()
        assert (club.join_token, club.is_joining_open) == (old, True)


def test_leaving_and_joining_again_is_possible(as_bob, bob, club, link):
    as_bob.post(f"/groups/{club.pk}/leave/")
    assert as_bob.get(f"/groups/{club.pk}/people/").status_code == 404
    assert as_bob.post(link).status_code == 302
    assert Membership.objects.get(user=bob, group=club).is_admin is False


def test_joining_one_group_reveals_nothing_about_another(as_charlie, club):
    other = make_group("Secret", admin=make_user("Fred"))
    assert "Secret" not in as_charlie.get(f"/join/{club.join_token}/").text
    as_charlie.post(f"/join/{club.join_token}/")
    assert as_charlie.get(f"/groups/{other.pk}/people/").status_code == 404
