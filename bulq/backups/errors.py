class BackupError(Exception):
    """A step failed; the sentence says which and how. It holds no password."""
