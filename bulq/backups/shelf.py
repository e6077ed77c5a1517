"""The backups in their place: each is a dump and, written last, its manifest. Without a manifest there is no backup."""

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from .errors import BackupError
from .places import PlaceError
from .retention import kept

VERSION = 1
KEY = re.compile(r"bulq-(\d{8}T\d{12}Z)-[0-9a-f]{16}\.(dump|json)")
TIME = "%Y%m%dT%H%M%S%fZ"  # to the microsecond, so that the newest is the newest
# A dump without a manifest is what a killed run left behind; before that, somebody may still be at it.
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
    def read(cls, text):
        try:
            words = json.loads(text)
            if words.pop("version") != VERSION:
                raise ValueError("another version")
            return cls(**words | {"taken_at": datetime.fromisoformat(words["taken_at"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackupError(f"A manifest cannot be read: {error}") from error


# --- Writing ---------------------------------------------------------------------------------------
def publish(dump, place, clock):
    """Store a verified dump, read it back, and only then say that there is a backup. Returns its manifest."""
    key = f"bulq-{dump.taken_at:{TIME}}-{secrets.token_hex(8)}"
    manifest = Manifest(key, dump.taken_at, dump.size, dump.sha256, dump.counts, dump.migrations)
    place.put(f"{key}.dump", dump.path, sha256=dump.sha256)
    clock.left()
    check_stored(manifest, place, clock)
    note = dump.path.with_suffix(".json")
    note.write_text(manifest.text())
    place.put(f"{key}.json", note, sha256=hashlib.sha256(note.read_bytes()).hexdigest())
    return manifest


def check_stored(manifest, place, clock):
    """`BackupError` unless the place holds, byte by byte, what the manifest says."""
    size = place.size(f"{manifest.key}.dump")
    if size != manifest.size:
        raise BackupError(f"{manifest.key} has {size} bytes in its place, not {manifest.size}.")
    digest = hashlib.sha256()
    for chunk in place.chunks(f"{manifest.key}.dump"):
        digest.update(chunk)
        clock.left()
    if digest.hexdigest() != manifest.sha256:
        raise BackupError(f"{manifest.key} reads otherwise than it was written.")


# --- Looking ---------------------------------------------------------------------------------------
def published(place):
    """The manifests of all backups, newest first."""
    names = {one.key for one in place.list() if KEY.fullmatch(one.key)}
    keys = [name for name in names if name.endswith(".json") and name.replace(".json", ".dump") in names]
    found = [read_manifest(place, key[:-5]) for key in keys]
    return sorted(found, key=lambda one: (one.taken_at, one.key), reverse=True)


def read_manifest(place, key):
    return Manifest.read(b"".join(place.chunks(f"{key}.json")).decode())


# --- Pruning ---------------------------------------------------------------------------------------
def superfluous(place, policy):
    """Keys of files that no rule keeps: backups, newest rules first, and what killed runs left behind."""
    files = {one.key: one for one in place.list() if KEY.fullmatch(one.key)}
    there = {name[:-5] for name in files if name.endswith(".json") and name.replace(".json", ".dump") in files}
    keep = kept({key: _time_of(key) for key in there}, policy)
    old = timezone.now() - ORPHANED_AFTER
    for name in sorted(files):
        is_orphan = name[:-5] not in there and files[name].written_at < old
        if is_orphan or name[:-5] in there - keep:
            yield name


def prune(place, policy):
    """Delete what is superfluous, manifests first. `BackupError` names what could not be deleted."""
    deleted, failed = [], []
    for name in sorted(superfluous(place, policy), key=lambda name: (name.endswith(".dump"), name)):
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
