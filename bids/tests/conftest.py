"""Fixtures for negative controls of races: no locks, and time for things to go wrong."""

import pytest

from accounts.tests.racing import linger, unlocked
from bids import access
from bids.models import Run


@pytest.fixture
def no_lock(monkeypatch):
    """Read the run's row without locking it."""
    monkeypatch.setattr(access, "locked", unlocked)
    monkeypatch.setattr(access, "_rows_to_lock", lambda run: Run.objects.filter(pk=run))
    monkeypatch.setattr(access, "_rows_to_lock_and_show", access._rows_to_show)


@pytest.fixture
def slowly(monkeypatch):
    """Time for others between reading and writing."""

    def apply(module, name, seconds=0.15):
        monkeypatch.setattr(module, name, linger(getattr(module, name), seconds))

    return apply
