import time
from contextlib import ExitStack, contextmanager

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder
from psycopg.errors import DeadlockDetected, LockNotAvailable

from bulq.backups.lock import only_one

PATIENCE = "30min"
# Queries for a table that a migration is waiting for queue behind it, and are refused after three seconds.
LOCK_TIMEOUT = "1s"
PAUSES = (1, 2, 4, 8, 16, 30)  # seconds between tries, to let queries through


class Command(migrate.Command):
    """Migrates alone, without blocking people for long.

    Not during a backup: a migration waiting for its tables makes every query queue behind it. A table in use is tried
    again later; each migration is one transaction, so it continues where it stopped.
    """

    def handle(self, *args, **options):
        with ExitStack() as stack:
            is_mine = stack.enter_context(only_one())
            if not is_mine:
                self._say("Waiting for a backup, or another migration, to end.", options)
                is_mine = stack.enter_context(only_one(wait=PATIENCE))
            if not is_mine:
                raise CommandError(
                    f"A backup or another migration has been running for {PATIENCE}. Try again when it has ended."
                )
            self._insist(*args, **options)

    def _insist(self, *args, **options):
        before = _recorded(options["database"])
        for pause in (*PAUSES, None):
            try:
                with _hasty(options["database"]):
                    super().handle(*args, **options)
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                    raise
                if pause is None:
                    done = before ^ _recorded(options["database"])
                    raise CommandError(
                        f"A table was in use at each of {len(PAUSES) + 1} tries. Migrations done: "
                        f"{', '.join(sorted(done)) or 'none'}; none is half done. Try again at a quieter time."
                    ) from error
            self._say(f" a table is in use; next try in {pause} s.", options)
            time.sleep(pause)

    def _say(self, sentence, options):
        if options["verbosity"] > 0:
            self.stdout.write(sentence)
            self.stdout.flush()


@contextmanager
def _hasty(alias):
    """A separate connection with a short lock time-out.

    Not the existing one: when adding a foreign key, which comes last, meets a lock, Django leaves its transaction open.
    """
    usual = connections[alias]
    connections[alias] = usual.copy()
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        yield
    finally:
        connections[alias].close()
        connections[alias] = usual


def _recorded(alias):
    return {f"{app}.{name}" for app, name in MigrationRecorder(connections[alias]).applied_migrations()}
