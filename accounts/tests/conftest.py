import pytest
from django.contrib.auth.hashers import make_password

from accounts.tests.factories import PASSWORD, make_group, make_user
from bulq.tests.client import FormClient, signed_in


@pytest.fixture(scope="session")
def hashed():
    return make_password(PASSWORD)


@pytest.fixture
def alice(db, hashed):
    return make_user("Alice", username="alice", password=hashed, email="alice@example.org")


@pytest.fixture
def bob(db, hashed):
    return make_user("Bob", username="bob", password=hashed)


@pytest.fixture
def dora(db, hashed):
    return make_user("Dora", username="dora", password=hashed)


@pytest.fixture
def charlie(db, hashed):
    """Has a group of his own; an outsider to the club."""
    charlie = make_user("Charlie", username="charlie", password=hashed)
    make_group("Charlie’s", admin=charlie)
    return charlie


@pytest.fixture
def club(alice, bob, dora):
    return make_group("Thursday Club", admin=alice, members=[bob, dora])


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
def as_charlie(charlie):
    return signed_in(charlie)
