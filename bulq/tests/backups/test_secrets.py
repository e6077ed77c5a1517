"""B7, B9, B20: no secret is visible anywhere, and an S3 that checks credentials lets nobody else in."""

import contextlib
import hashlib
import http.client
import logging
import shutil
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from django.db import connection
from psycopg import sql

from bulq.backups.errors import PlaceError
from bulq.backups.job import back_up
from bulq.backups.places import FolderPlace, place
from bulq.models import BackupRun

from . import s3
from .conftest import BUCKET

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DONE, FAILED = BackupRun.State.DONE, BackupRun.State.FAILED
CANARY = "canary-of-the-database-8d1f"
S3_CANARY = "canary-of-the-bucket-4b7e"


# --- B20: what others on the machine, and readers of logs, see -------------------------------------
@pytest.fixture
def canary(db, monkeypatch):
    """The site's database password is one that can be found wherever it turns up."""
    role = sql.Identifier("bulq_canary")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(role, sql.Literal(CANARY)))
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "USER", "bulq_canary")
        patch.setitem(connection.settings_dict, "PASSWORD", CANARY)
        connection.close()
        yield
        connection.close()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP ROLE {}").format(role))


class Watcher(threading.Thread):
    """Reads the arguments of all processes, and the modes of files in `temp`, again and again."""

    def __init__(self, temp):
        super().__init__()
        self.temp, self.over, self.arguments, self.modes = temp, threading.Event(), set(), set()

    def run(self):
        while not self.over.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.arguments.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            with contextlib.suppress(OSError):
                for path in self.temp.rglob("*"):
                    self.modes.add((path.name.split("-")[0], oct(path.stat().st_mode & 0o7777)))


@pytest.fixture
def watcher(tmp_path, monkeypatch):
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temp))
    watcher = Watcher(temp)
    watcher.start()
    yield watcher
    watcher.over.set()
    watcher.join(30)


@pytest.fixture
def all_that_is_logged(caplog):
    """Everything logged, whatever level a logger sets for itself."""
    caplog.set_level(logging.DEBUG)
    for name in ["django.db.backends", *logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_no_secret_is_seen(canary, bucket, settings, shim, watcher, all_that_is_logged, capfd, ends):
    """B20, and B13: temporary files are ours alone. botocore may log what it signed, but not the key."""
    settings.BACKUP_S3_SECRET_KEY = S3_CANARY
    for program in ("pg_dump", "pg_restore"):
        shim(program, f'[ "$1" = --version ] || sleep 0.3\nexec {shutil.which(program)} "$@"')
    if ends == "badly":
        settings.BACKUP_S3_BUCKET = "somebody-elses"
    run = back_up()
    watcher.over.set()
    assert run.state == (DONE if ends == "well" else FAILED), run.error
    arguments, logged = "\n".join(watcher.arguments), all_that_is_logged.text
    assert "pg_dump --format=custom" in arguments
    assert "pg_restore --exit-on-error" in arguments
    assert "botocore" in logged
    seen = [
        arguments,
        logged,
        run.error,
        *capfd.readouterr(),
        *(f"{record.__dict__}" for record in all_that_is_logged.records),
    ]
    for item in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        seen.append(bucket.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().decode(errors="replace"))
    for secret in (CANARY, S3_CANARY):
        assert not any(secret in text for text in seen), secret
    assert ("bulq", "0o700") in watcher.modes
    assert ("database.dump", "0o600") in watcher.modes


def test_temporary_files_are_readable_by_us_alone(db, folder, watcher, monkeypatch):
    """B13: the manifest too."""
    put = FolderPlace.put

    def slowly(self, key, path, *, sha256):
        time.sleep(0.2)
        put(self, key, path, sha256=sha256)

    monkeypatch.setattr(FolderPlace, "put", slowly)
    assert back_up().state == DONE
    watcher.over.set()
    assert {name for name, mode in watcher.modes} == {"bulq", "database.dump", "database.json"}
    assert {mode for name, mode in watcher.modes} == {"0o700", "0o600"}


# --- An S3 that checks credentials -----------------------------------------------------------------
@pytest.fixture(scope="module")
def weed(tmp_path_factory):
    with s3.seaweedfs(tmp_path_factory.mktemp("weed"), access_key="bulq-key", secret_key=S3_CANARY) as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="bulq-key",
            aws_secret_access_key=S3_CANARY,
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def guarded(db, weed, settings):
    settings.BACKUP_S3_BUCKET, settings.BACKUP_S3_REGION = BUCKET, "us-east-1"
    settings.BACKUP_S3_ENDPOINT = weed.meta.endpoint_url
    settings.BACKUP_S3_ACCESS_KEY, settings.BACKUP_S3_SECRET_KEY = "bulq-key", S3_CANARY
    yield weed
    for item in weed.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        weed.delete_object(Bucket=BUCKET, Key=item["Key"])


def keys(client):
    return [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_with_the_right_key_a_backup_is_stored_for_us_alone(guarded):
    """B7, B9, B20: it is read back, and a request without a key gets nothing."""
    run = back_up()
    assert (run.state, run.error) == (DONE, "")
    assert keys(guarded) == [f"bulq/{run.key}.dump", f"bulq/{run.key}.json"]
    assert hashlib.sha256(b"".join(place().chunks(f"{run.key}.dump"))).hexdigest() == run.sha256
    address = urlsplit(guarded.meta.endpoint_url)
    for path in (f"/{BUCKET}/bulq/{run.key}.dump", f"/{BUCKET}/bulq/{run.key}.json", f"/{BUCKET}?list-type=2"):
        with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=10)) as nobody:
            nobody.request("GET", path)
            assert nobody.getresponse().status == 403


@pytest.mark.parametrize(
    ("name", "sentence"), [("SECRET_KEY", "SignatureDoesNotMatch"), ("ACCESS_KEY", "InvalidAccessKeyId")]
)
def test_a_wrong_key_gets_a_sentence_and_nothing_else(guarded, settings, name, sentence):
    """B1."""
    setattr(settings, f"BACKUP_S3_{name}", "canary-of-a-wrong-one")
    run = back_up()
    assert run.state == FAILED
    assert run.error.startswith("Storing bulq-")
    assert sentence in run.error
    assert "canary" not in run.error.replace("canary-of-a-wrong-one" * (name == "ACCESS_KEY"), "")
    assert keys(guarded) == []


def test_a_server_with_conditions_and_checksums_refuses_other_content(guarded, tmp_path):
    """B7, B9: a key that is taken, and a checksum that does not match the content."""
    file = tmp_path / "file"
    file.write_bytes(b"what was there first")
    sha256 = hashlib.sha256(b"what was there first").hexdigest()
    place().put("note", file, sha256=sha256)
    file.write_bytes(b"something else")
    with pytest.raises(PlaceError, match=r"Storing other failed: .*BadDigest"):
        place().put("other", file, sha256=sha256)
    with pytest.raises(PlaceError, match=r"Storing note failed: .*PreconditionFailed"):
        place().put("note", file, sha256=hashlib.sha256(b"something else").hexdigest())
    assert b"".join(place().chunks("note")) == b"what was there first"
    assert keys(guarded) == ["bulq/note"]
