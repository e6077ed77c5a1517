import pytest

from accounts.actions.membership import change_role, end_membership, ending_preview
from accounts.models import Membership
from accounts.signals import membership_ending
from accounts.tests.factories import make_group, make_user
from bulq.kit.errors import BulqError
from bulq.tests.client import signed_in


@pytest.fixture
def runs():
    """Stands in for the app that knows runs: names consequences and records what it was asked."""

    class Runs:
        sentences, refusal, ended = (), "", []

        def __call__(self, membership, by, preview, **_others):
            if self.refusal:
                raise BulqError(self.refusal)
            if preview:
                return list(self.sentences)
            assert Membership.objects.filter(pk=membership.pk).exists()
            return self.ended.append((membership.user, by))

    receiver = Runs()
    receiver.ended = []
    membership_ending.connect(receiver)
    yield receiver
    membership_ending.disconnect(receiver)


def role(client, group, user, word):
    return client.post(f"/groups/{group.pk}/people/{user.pk}/role/", {"role": word})


def admins(group):
    return set(group.memberships.admins().values_list("user__name", flat=True))


class TestThePage:
    def test_an_admin_sees_what_can_be_done_with_each_person(self, as_alice, alice, bob, club):
        page = as_alice.get(f"/groups/{club.pk}/people/").text
        assert "3 members" in page
        assert page.index("Alice (you)") < page.index("Bob") < page.index("Dora")
        assert 'Make admin<span class="vh">: Bob' in page
        assert f"/people/{bob.pk}/remove/" in page
        assert f"/people/{alice.pk}/remove/" not in page
        assert "Remove as admin" not in page  # she is the last one

    def test_other_members_see_people_but_no_buttons(self, as_bob, club):
        page = as_bob.get(f"/groups/{club.pk}/people/").text
        assert "Group admin" in page
        assert "Bob (you)" in page
        for text in ("Make admin", "Remove as admin", "/remove/", "/settings/"):
            assert text not in page.split('id="main"')[1]


class TestRoles:
    def test_an_admin_promotes_and_demotes(self, as_alice, bob, club):
        assert role(as_alice, club, bob, "admin").url == f"/groups/{club.pk}/people/"
        assert admins(club) == {"Alice", "Bob"}
        role(as_alice, club, bob, "admin")
        assert admins(club) == {"Alice", "Bob"}
        role(as_alice, club, bob, "member")
        assert admins(club) == {"Alice"}

    def test_an_admin_may_step_back_when_there_is_another(self, as_alice, alice, bob, club):
        role(as_alice, club, bob, "admin")
        role(as_alice, club, alice, "member")
        assert admins(club) == {"Bob"}

    def test_the_last_admin_stays(self, as_alice, alice, club):
        response = role(as_alice, club, alice, "member")
        assert response.status_code == 422
        assert "A group needs an admin" in response.text
        assert admins(club) == {"Alice"}

    def test_other_members_cannot_change_roles(self, as_bob, alice, bob, club):
        assert role(as_bob, club, bob, "admin").status_code == 403
        assert role(as_bob, club, alice, "member").status_code == 403
        assert admins(club) == {"Alice"}

    @pytest.mark.parametrize("word", ["", "owner", "\x00", "Admin"])
    def test_an_unknown_role_is_refused(self, as_alice, bob, club, word):
        assert role(as_alice, club, bob, word).status_code == 422
        assert admins(club) == {"Alice"}

    def test_a_person_from_another_group_is_missing(self, as_alice, charlie, club):
        assert role(as_alice, club, charlie, "admin").status_code == 404
        assert as_alice.get(f"/groups/{club.pk}/people/{charlie.pk}/remove/").status_code == 404
        assert as_alice.post(f"/groups/{club.pk}/people/{charlie.pk}/remove/").status_code == 404


class TestLeaving:
    def test_the_page_first_lists_the_consequences(self, as_bob, club, runs):
        runs.sentences = ["Your order in Metro, Sat 28 November is dropped.", "You still owe Ana €23.40."]
        page = as_bob.get(f"/groups/{club.pk}/leave/")
        for sentence in runs.sentences:
            assert sentence in page.text
        assert (runs.ended, club.memberships.count()) == ([], 3)

    def test_then_it_happens_and_the_group_is_missing(self, as_bob, bob, club, runs):
        assert as_bob.post(f"/groups/{club.pk}/leave/").url == "/groups/"
        assert runs.ended == [(bob, bob)]
        assert club.memberships.count() == 2
        for address in ("people", "leave", "settings"):
            assert as_bob.get(f"/groups/{club.pk}/{address}/").status_code == 404
        assert as_bob.post(f"/groups/{club.pk}/leave/").status_code == 404

    def test_a_refusal_by_a_run_is_shown_before_and_after(self, as_bob, club, runs):
        runs.refusal = "Hand over the lead of Metro first."
        page = as_bob.get(f"/groups/{club.pk}/leave/")
        assert runs.refusal in page.text
        assert "Leave the group</button>" not in page.text
        response = as_bob.post(f"/groups/{club.pk}/leave/")
        assert response.status_code == 422
        assert runs.refusal in response.text
        assert club.memberships.count() == 3

    def test_the_last_admin_stays_while_there_are_others(self, as_alice, club, runs):
        sentence = "You are the only admin of Thursday Club. Make someone else a group admin first."
        assert sentence in as_alice.get(f"/groups/{club.pk}/leave/").text
        response = as_alice.post(f"/groups/{club.pk}/leave/")
        assert (response.status_code, sentence in response.text) == (422, True)
        assert runs.ended == []
        assert admins(club) == {"Alice"}

    def test_one_of_two_admins_may_leave(self, as_alice, alice, bob, club):
        change_role(club.pk, bob.pk, by=alice, is_admin=True)
        assert as_alice.post(f"/groups/{club.pk}/leave/").status_code == 302
        assert admins(club) == {"Bob"}

    def test_the_only_member_may_leave_and_that_archives_the_group(self, as_alice, alice, runs):
        alone = make_group("Alone", admin=alice)
        assert "The group is archived" in as_alice.get(f"/groups/{alone.pk}/leave/").text
        assert as_alice.post(f"/groups/{alone.pk}/leave/").status_code == 302
        alone.refresh_from_db()
        assert alone.archived_at
        assert runs.ended == [(alice, alice)]


class TestRemoving:
    def test_an_admin_sees_the_consequences_and_then_removes_the_person(self, as_alice, alice, bob, club, runs):
        runs.sentences = ["Metro, no day yet is called off."]
        address = f"/groups/{club.pk}/people/{bob.pk}/remove/"
        page = as_alice.get(address).text
        assert "Remove Bob from Thursday Club?" in page
        assert runs.sentences[0] in page
        assert as_alice.post(address).url == f"/groups/{club.pk}/people/"
        assert runs.ended == [(bob, alice)]
        assert not club.memberships.filter(user=bob).exists()
        assert signed_in(bob).get(f"/groups/{club.pk}/people/").status_code == 404

    def test_an_admin_cannot_be_removed(self, as_alice, alice, bob, club):
        change_role(club.pk, bob.pk, by=alice, is_admin=True)
        address = f"/groups/{club.pk}/people/{bob.pk}/remove/"
        assert "be removed. Remove them as admin first" in as_alice.get(address).text
        assert as_alice.post(address).status_code == 422
        assert club.memberships.count() == 3

    def test_other_members_cannot_remove_anyone(self, as_bob, dora, club):
        address = f"/groups/{club.pk}/people/{dora.pk}/remove/"
        assert as_bob.get(address).status_code == 403
        assert as_bob.post(address).status_code == 403
        assert club.memberships.count() == 3

    def test_a_person_already_removed_is_missing(self, as_alice, bob, club):
        address = f"/groups/{club.pk}/people/{bob.pk}/remove/"
        assert as_alice.post(address).status_code == 302
        assert as_alice.post(address).status_code == 404


def test_the_same_refusals_hold_without_a_page(alice, bob, dora, club):
    with pytest.raises(BulqError, match="Only a group admin"):
        end_membership(club.pk, dora.pk, by=bob)
    problems, consequences = ending_preview(club.memberships.get(user=bob), by=bob)
    assert (problems, consequences) == ([], [])


def test_a_refused_ending_leaves_nothing_behind(alice, bob, club):
    """All or nothing: what the first receiver wrote is undone when the second refuses."""

    def writes(membership, preview, **kwargs):
        membership.user.name = "changed"
        membership.user.save()

    def refuses(**kwargs):
        raise BulqError("No")

    membership_ending.connect(writes)
    membership_ending.connect(refuses)
    try:
        with pytest.raises(BulqError, match="No"):
            end_membership(club.pk, bob.pk, by=alice)
    finally:
        membership_ending.disconnect(writes)
        membership_ending.disconnect(refuses)
    bob.refresh_from_db()
    assert bob.name == "Bob"
    assert club.memberships.filter(user=bob).exists()


def test_names_are_shown_and_never_run(as_alice, alice, club):
    """S5: what people type is text."""
    nasty = make_user("<script>alert(1)</script>")
    Membership.objects.create(group=club, user=nasty)
    page = as_alice.get(f"/groups/{club.pk}/people/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
