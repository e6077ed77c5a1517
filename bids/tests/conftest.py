"""Locks taken away, and time to go wrong: for the negative controls of races."""

import pytest

from accounts.tests.racing import linger, unlocked
from bids import access


@pytest.fixture
def no_lock(monkeypatch):
    """The run's row is read as if nobody else were there."""
    monkeypatch.setattr(access, "locked", unlocked)


@pytest.fixture
def slowly(monkeypatch):
    """Time for others between looking and writing."""

    def apply(module, name, seconds=0.15):
        monkeypatch.setattr(module, name, linger(getattr(module, name), seconds))

    return apply
