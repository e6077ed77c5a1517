import time
import uuid
from functools import partial

import pytest
from django.db import connection, connections, transaction

from accounts import access
from accounts.actions import groups, membership
from accounts.actions.groups import create_group
from accounts.actions.membership import change_role, join_group
from accounts.actions.people import close_account, register_person
from accounts.models import Group, Membership, User
from accounts.tests.factories import PASSWORD, make_group, make_user
from accounts.tests.racing import linger, race, unlocked
from bulq.kit.errors import BulqError, Busy
from bulq.kit.locks import locked
from bulq.tests.client import FormClient

pytestmark = pytest.mark.django_db(transaction=True)
REGISTRATION = {"name": "Bob", "email": "", "password": PASSWORD, "password_again": PASSWORD}


def refused(results):
    return [result for result in results if isinstance(result, BulqError)]


def join_in_parallel(club, people, monkeypatch):
    monkeypatch.setattr(membership, "joining_problems", linger(membership.joining_problems))
    return race(*(partial(join_group, club.join_token, by=person) for person in people))


@pytest.fixture
def people():
    return [make_user("Fred") for _ in range(5)]


@pytest.fixture
def small_club(alice, settings):
    settings.MEMBERS_PER_GROUP = 3
    return make_group(admin=alice)


def test_parallel_joins_never_exceed_the_members_of_a_group(small_club, people, monkeypatch):
    """D1."""
    results = join_in_parallel(small_club, people, monkeypatch)
    assert len(refused(results)) == 3
    assert small_club.memberships.count() == 3


def test_without_the_lock_parallel_joins_exceed_the_members_of_a_group(small_club, people, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(membership, "locked", unlocked)
    join_in_parallel(small_club, people, monkeypatch)
    assert small_club.memberships.count() > 3


def enter_in_parallel(person, settings, monkeypatch):
    """One person joins two groups and starts two more, with a limit of two."""
    settings.GROUPS_PER_USER = 2
    for module in (membership, groups):
        monkeypatch.setattr(module, "user_limit_problems", linger(membership.user_limit_problems))
    owners = [make_user("Owner") for _ in range(2)]
    joins = [partial(join_group, make_group(f"Club {owner.pk}", admin=owner).join_token, by=person) for owner in owners]
    starts = [partial(create_group, by=person, name=name, currency="EUR") for name in ("One", "Two")]
    return race(*joins, *starts)


def test_parallel_joins_and_creations_never_exceed_the_groups_of_a_person(bob, settings, monkeypatch):
    """D1."""
    results = enter_in_parallel(bob, settings, monkeypatch)
    assert len(refused(results)) == 2
    assert bob.memberships.count() == 2
    assert Group.objects.count() == 2 + sum(isinstance(result, Group) for result in results[2:])


def test_without_the_lock_a_person_gets_into_more_groups(bob, settings, monkeypatch):
    """Negative control: each group is still locked; the person is not."""
    for module in (membership, groups):
        monkeypatch.setattr(
            module,
            "locked",
            lambda rows, **lookup: (unlocked if rows.model is User else locked)(rows, **lookup),
        )
    enter_in_parallel(bob, settings, monkeypatch)
    assert bob.memberships.count() > 2


def test_one_person_joining_in_parallel_is_a_member_once(small_club, bob, monkeypatch):
    results = join_in_parallel(small_club, [bob] * 5, monkeypatch)
    assert refused(results) == []
    assert [result.pk for result in results] == [small_club.pk] * 5
    assert small_club.memberships.filter(user=bob).count() == 1


def demote_each_other(alice, bob, monkeypatch):
    club = make_group(admin=alice, members=[bob])
    Membership.objects.update(is_admin=True)
    monkeypatch.setattr(membership, "_is_last_admin", linger(membership._is_last_admin))
    results = race(
        partial(change_role, club.pk, bob.pk, by=alice, is_admin=False),
        partial(change_role, club.pk, alice.pk, by=bob, is_admin=False),
    )
    return results, club.memberships.admins().count()


def test_when_two_admins_demote_each_other_one_stays(alice, bob, monkeypatch):
    """D1."""
    results, admins = demote_each_other(alice, bob, monkeypatch)
    assert (len(refused(results)), admins) == (1, 1)


def test_without_the_lock_two_admins_demote_each_other_and_none_is_left(alice, bob, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(access, "locked", unlocked)
    _results, admins = demote_each_other(alice, bob, monkeypatch)
    assert admins == 0


def test_closing_an_account_and_joining_a_group_at_once_leaves_no_closed_member(alice, bob):
    club = make_group(admin=alice)
    for _ in range(5):
        person = make_user("Fred")
        race(partial(join_group, club.join_token, by=person), partial(close_account, by=person))
        person.refresh_from_db()
        assert person.is_active or not person.memberships.exists()


@pytest.mark.parametrize("through_the_page", [False, True])
def test_when_two_people_register_as_bob_at_once_there_is_one_bob(through_the_page):
    """D4. The protection is the unique constraint alone; `test_constraints` shows it is there."""
    spellings = ["Bob", "bob ", " BOB", "bob"]
    if through_the_page:
        posts = [REGISTRATION | {"username": username} for username in spellings]
        results = race(*(partial(FormClient().post, "/register/", post) for post in posts))
        assert sorted(result.status_code for result in results) == [302, 422, 422, 422]
        sentences = {result.text.count("This username is already taken") > 0 for result in results}
        assert sentences == {True, False}
    else:
        results = race(
            *(partial(register_person, name="Bob", username=username, password=PASSWORD) for username in spellings)
        )
        assert len(refused(results)) == 3
        assert {error.field for error in refused(results)} == {"username"}
    assert User.objects.filter(username="bob").count() == 1


def test_twenty_identical_registrations_are_one_person_and_one_answer():
    """D6: each gets the first answer and is signed in by it."""
    form = REGISTRATION | {"username": "bob", "once": str(uuid.uuid4())}
    clients = [FormClient() for _ in range(20)]
    results = race(*(partial(client.post, "/register/", form) for client in clients))
    assert {(result.status_code, result["Location"]) for result in results} == {(302, "/")}
    assert User.objects.count() == 1
    assert all(client.get("/me/settings/").status_code == 200 for client in clients)


def test_waiting_too_long_for_a_lock_ends_in_a_sentence(alice, bob):
    """D3: the connection's lock time-out is 3 s; here it is less, so that the test does not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)
    club = make_group(admin=alice, members=[bob])

    def promote():
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return change_role(club.pk, bob.pk, by=alice, is_admin=True)

    with transaction.atomic():
        locked(Group.objects, pk=club.pk)
        started = time.monotonic()
        [result] = race(promote)
    assert isinstance(result, Busy)
    assert "Try again" in result.message
    assert time.monotonic() - started < 2
    assert not club.memberships.get(user=bob).is_admin


def test_a_locked_group_does_not_stop_others_from_referring_to_it(alice, bob):
    """A row that refers to the group only needs the group to stay."""
    club = make_group(admin=alice)
    with transaction.atomic():
        locked(Group.objects, pk=club.pk)
        [result] = race(partial(Membership.objects.create, group=club, user=bob))
    assert isinstance(result, Membership)
