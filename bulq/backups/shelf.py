"""The stored backups: each is a dump and a manifest, written last. Without a manifest there is no backup."""

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from .errors import BackupError, PlaceError
from .retention import kept

VERSION = 1
KEY = re.compile(r"bulq-(\d{8}T\d{12}Z)-[0-9a-f]{16}\.(dump|json)")
TIME = "%Y%m%dT%H%M%S%fZ"  # microseconds, so that keys sort by time
# After this, a dump without a manifest was left by a killed run; before, it may still be being written.
ORPHANED_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Manifest:
    key: str  # without its ending
    taken_at: datetime
    size: int
    sha256: str
    counts: dict
    migrations: list

    def text(self):
        return json.dumps(asdict(self) | {"version": VERSION, "taken_at": self.taken_at.isoformat()}, indent=1)

    @classmethod
    def read(cls, text, key):
        try:
            fields = json.loads(text)
            if fields.pop("version") != VERSION:
                raise ValueError("another version")
            return cls(**fields | {"taken_at": datetime.fromisoformat(fields["taken_at"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackupError(f"The manifest of {key} cannot be read: {error}") from error


# --- Writing ---------------------------------------------------------------------------------------
def publish(dump, place, clock):
    """Store a verified dump, read it back, and only then write the manifest, which is returned."""
    key = f"bulq-{dump.taken_at:{TIME}}-{secrets.token_hex(8)}"
    clock.say(f"Storing {key} ({dump.size} bytes)")
    made = Manifest(key, dump.taken_at, dump.size, dump.sha256, dump.counts, dump.migrations)
    place.put(f"{key}.dump", dump.path, sha256=dump.sha256)
    clock.left()
    clock.say("Reading it back")
    check_stored(made, place, clock)
    note = dump.path.with_suffix(".json")
    note.touch(mode=0o600)
    note.write_text(made.text())
    place.put(f"{key}.json", note, sha256=hashlib.sha256(note.read_bytes()).hexdigest())
    if b"".join(place.chunks(f"{key}.json")) != note.read_bytes():
        place.delete(f"{key}.json")
        raise BackupError(f"The manifest of {key} differs from what was written.")
    return made


def check_stored(manifest, place, clock):
    """`BackupError` unless the stored dump matches the manifest byte for byte."""
    for _chunk in whole(manifest, place, clock):
        pass


def whole(manifest, place, clock):
    """The dump in chunks. `BackupError`, by the end at the latest, if it does not match the manifest."""
    size = place.size(f"{manifest.key}.dump")
    if size != manifest.size:
        raise BackupError(f"{manifest.key} has {size} stored bytes, not {manifest.size}.")
    digest = hashlib.sha256()
    for chunk in place.chunks(f"{manifest.key}.dump"):
        digest.update(chunk)
        clock.left()
        yield chunk
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"{manifest.key} differs from what was written.")


# --- Looking ---------------------------------------------------------------------------------------
def keys(place):
    """Keys of all backups, newest first."""
    return _keys({found.key for found in place.list()})


def _keys(names):
    names = {name for name in names if KEY.fullmatch(name)}
    found = {name[:-5] for name in names if name.endswith(".json") and name.replace(".json", ".dump") in names}
    return sorted(found, reverse=True)  # a key begins with its time


def find(place, key):
    """`key` if that backup exists; the key of the newest for “latest”."""
    there = keys(place)
    if not there:
        raise BackupError("There is no backup.")
    if key == "latest":
        return there[0]
    if key not in there:
        raise BackupError(f"There is no backup {key}. The newest is {there[0]}.")
    return key


def manifest(place, key):
    return Manifest.read(b"".join(place.chunks(f"{key}.json")), key)


# --- Pruning ---------------------------------------------------------------------------------------
def superfluous(place, policy, but=None):
    """Keys of files that no rule keeps: old backups, and leftovers of killed runs."""
    files = {found.key: found for found in place.list() if KEY.fullmatch(found.key)}
    there = set(_keys(files))
    keep = kept({key: _time_of(key) for key in there}, policy) | {but}
    old = timezone.now() - ORPHANED_AFTER
    for name in sorted(files):
        is_orphan = name[:-5] not in there and files[name].written_at < old
        if is_orphan or name[:-5] in there - keep:
            yield name


def prune(place, policy, but=None):
    """Delete what is superfluous, manifests first; never `but`, the backup just made, even if the clock was wrong.

    `BackupError` names what could not be deleted.
    """
    deleted, failed = [], []
    for name in sorted(superfluous(place, policy, but), key=lambda name: (name.endswith(".dump"), name)):
        try:
            place.delete(name)
            deleted.append(name)
        except PlaceError as error:
            failed.append(str(error))
    if failed:
        raise BackupError(f"Old backups could not be deleted: {failed[0]}")
    return deleted


def _time_of(key):
    return datetime.strptime(key.split("-")[1], TIME).replace(tzinfo=UTC)
