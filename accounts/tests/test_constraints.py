"""D4: what the database itself refuses, by raw SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Group, Membership, SiteSettings, User


def insert(model, **columns):
    """One row as the model would write it, changed by hand; no code of ours in between."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join(["%s"] * len(columns))
    with transaction.atomic(), connection.cursor() as cursor:
        statement = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})'
        cursor.execute(statement, [*columns.values()])


def user_row(**changes):
    columns = {field.column: field.get_default() for field in User._meta.concrete_fields if not field.primary_key}
    return columns | {"username": "eva", "name": "Eva", "password": "!", "email": ""} | changes


def group_row(**changes):
    columns = {"name": "Club", "currency": "EUR", "join_token": "t" * 32, "is_currency_fixed": False}
    return columns | {"is_joining_open": True, "created_at": "2026-11-28"} | changes


def test_valid_rows_are_accepted(db):
    insert(User, **user_row())
    insert(Group, **group_row())
    insert(SiteSettings, id=1, registration="open")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"username": "Eva"}, "username_is_lower_case"),
        ({"name": ""}, "user_has_name"),
        ({"theme": "pink"}, "user_theme_known"),
        ({"theme": ""}, "user_theme_known"),
        ({"language": "sr-Latn"}, "user_language_known"),
        ({"language": "de"}, "user_language_known"),
        ({"username": "alice"}, "accounts_user_username_key"),
    ],
)
def test_an_impossible_person_is_refused(alice, changes, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        insert(User, **user_row(**changes))


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [({"name": ""}, "group_has_name"), ({"join_token": "used"}, "accounts_group_join_token_key")],
)
def test_an_impossible_group_is_refused_by_the_database(db, changes, constraint):
    Group.objects.create(name="Club", currency="EUR", join_token="used")
    with pytest.raises(IntegrityError, match=constraint):
        insert(Group, **group_row(**changes))


def test_a_person_has_one_membership_in_a_group(club, bob):
    with pytest.raises(IntegrityError, match="one_membership"):
        insert(Membership, group_id=club.pk, user_id=bob.pk, is_admin=False, joined_at="2026-11-28")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"id": 2}, "one_row_of_site_settings"),
        ({"registration": "maybe"}, "registration_known"),
        ({"registration": ""}, "registration_known"),
    ],
)
def test_impossible_site_settings_are_refused(db, changes, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        insert(SiteSettings, **{"id": 1, "registration": "open"} | changes)


def test_a_person_with_a_membership_cannot_be_deleted(club, bob):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_user WHERE id = %s", [bob.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
