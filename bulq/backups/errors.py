import psycopg
from django.db import OperationalError


class BackupError(Exception):
    """A step failed; the message says which and how, and contains no password."""


class PlaceError(BackupError):
    """The place for backups refused, failed or did not answer."""


# Failures that a person or the environment has to fix. Anything else is a bug.
FAILURES = (BackupError, OSError, OperationalError, psycopg.Error)
