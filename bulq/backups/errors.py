import psycopg
from django.db import OperationalError


class BackupError(Exception):
    """A step failed; the sentence says which and how. It holds no password."""


class PlaceError(BackupError):
    """The place for backups refused, failed or did not answer."""


# What a person or the world around us has to mend. Anything else is a mistake in the program.
FAILURES = (BackupError, OSError, OperationalError, psycopg.Error)
