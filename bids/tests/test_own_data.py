"""Spec 17: a person can download everything that is held about them, and closing the account erases what may go."""

import json

import pytest
from django.contrib.admin.models import LogEntry

from accounts.actions.people import close_account
from accounts.models import User
from accounts.tests.factories import make_user
from bids import states
from bids.actions import lead
from bids.reading.own_data import ELSEWHERE, LEFT_OUT, LISTS, everything_about
from bulq.tests.client import signed_in

from .cast import stage
from .factories import order

pytestmark = pytest.mark.django_db


def relations_to_people():
    for relation in User._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete:
            yield relation.related_model._meta.object_name, relation.field.name


def test_every_row_that_names_a_person_is_in_it_or_left_out_for_a_reason():
    written = {
        (model._meta.object_name, column) for model, columns, _names, _others in LISTS.values() for column in columns
    }
    found = {f"{model}.{column}" for model, column in relations_to_people() if (model, column) not in written}
    assert found == ELSEWHERE | LEFT_OUT.keys()


def test_every_column_of_the_account_is_in_it_or_is_a_secret():
    secrets_and_rights = {
        "id", "password", "session_salt", "is_superuser", "is_active", "closed_at", "groups", "user_permissions",
            "calendar_token",
    }  # fmt: skip
    names = {"wants_mail": "notifications_by_mail", "wants_reminders": "reminders", "is_staff": "site_admin"}
    fields = [*User._meta.concrete_fields, *User._meta.many_to_many]
    columns = {field.name for field in fields} - secrets_and_rights
    assert {names.get(name, name) for name in columns} == everything_about(make_user("Ana"))["person"].keys()


def test_each_list_has_what_the_person_did():
    scene = stage(states.DISTRIBUTING)
    lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    LogEntry.objects.create(user=scene.alice, object_repr="Oil", action_flag=2, change_message="Verified")
    data = {user: everything_about(user) for user in (scene.alice, scene.bob, scene.dora)}
    filled = {name for lists in data.values() for name in LISTS if lists[name]}
    assert filled >= {"orders", "purchases", "lead_offers", "events", "notifications", "site_admin", "prices_logged"}
    bobs = data[scene.bob]
    assert {row["product__name"] for row in bobs["orders"]} == {scene.oil.name, scene.gouda.name}
    assert [row["run"] for row in bobs["runs"]] == [scene.run.pk]
    assert data[scene.dora]["runs"] == []
    assert data[scene.dora]["orders"] == []


def test_nobody_elses_order_is_in_it():
    scene = stage()
    order(scene.run, scene.hana, scene.oil, 2, comment="for Hana only")
    text = signed_in(scene.dora).get("/me/data/").text
    assert "for Hana only" not in text
    assert json.loads(text)["version"] == 3


def test_after_closing_no_name_and_no_address_is_left():
    scene = stage(states.COMPLETED)
    User.objects.filter(pk=scene.bob.pk).update(email="bob@example.com")
    name = scene.bob.username
    close_account(by=scene.bob)
    bob = User.objects.get(pk=scene.bob.pk)
    assert (bob.email, bob.is_active, bob.name) == ("", False, "former member")
    assert name not in json.dumps(everything_about(bob), default=str)
    assert [row["run"] for row in everything_about(bob)["runs"]] == [scene.run.pk]
