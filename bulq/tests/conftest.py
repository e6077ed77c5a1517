"""Fixtures of several modules here."""

from bulq.tests.catalogues import catalogues

__all__ = ["catalogues"]
