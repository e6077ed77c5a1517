from importlib import import_module

import pytest
from django.apps import apps

from accounts.tests.factories import make_user
from bulq.tests.client import FormClient, signed_in

from .factories import make_product, make_store, make_weighed_product


@pytest.fixture
def alice(db):
    return make_user("Alice")


@pytest.fixture
def bob(db):
    return make_user("Bob")


@pytest.fixture
def admin(db):
    return make_user("Eva", is_staff=True, is_superuser=True)


@pytest.fixture
def visitor(db):
    return FormClient()


@pytest.fixture
def as_alice(alice):
    return signed_in(alice)


@pytest.fixture
def as_bob(bob):
    return signed_in(bob)


@pytest.fixture
def as_admin(admin):
    return signed_in(admin)


@pytest.fixture
def metro(alice):
    return make_store("Metro", created_by=alice)


@pytest.fixture
def rice(alice):
    return make_weighed_product("Basmati Rice", brand="Tilda", created_by=alice)


@pytest.fixture
def oil(alice):
    return make_product("Olive oil", unit="bottle", created_by=alice)


@pytest.fixture
def categories(db):
    """The seeded ones, also after a test that emptied every table."""
    import_module("stores.migrations.0008_seeded_categories").seed(apps, None)
