"""B7, B11, B13: the network to the bucket fails or falsifies, and both are noticed."""

import hashlib
import json
import socket
import time
from functools import partial
from urllib.parse import urlsplit

import pytest
from boto3.s3.transfer import TransferConfig

from bulq.backups import places
from bulq.backups.job import back_up
from bulq.backups.places import PlaceError, place
from bulq.models import BackupRun

from . import s3
from .conftest import BUCKET

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DONE, FAILED = BackupRun.State.DONE, BackupRun.State.FAILED


@pytest.fixture
def proxy(bucket, settings, monkeypatch):
    """The bucket of the settings, behind a proxy."""
    proxy = s3.S3Proxy(urlsplit(settings.BACKUP_S3_ENDPOINT).port)
    settings.BACKUP_S3_ENDPOINT, settings.BACKUP_S3_TIMEOUT = proxy.url, 10
    # boto waits up to some seconds between its attempts.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    yield proxy
    proxy.close()


def keys(bucket, ending=""):
    found = bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [item["Key"] for item in found if item["Key"].endswith(ending)]


def assert_failed(run, sentence):
    assert run.state == FAILED
    assert sentence in run.error
    assert len(run.error.splitlines()) == 1
    assert len(run.error) < 500


def assert_whole(bucket, run):
    """The stored object is what the row says; checked without the proxy."""
    assert (run.state, run.error) == (DONE, "")
    content = bucket.get_object(Bucket=BUCKET, Key=f"bulq/{run.key}.dump")["Body"].read()
    note = json.loads(bucket.get_object(Bucket=BUCKET, Key=f"bulq/{run.key}.json")["Body"].read())
    assert hashlib.sha256(content).hexdigest() == run.sha256 == note["sha256"]
    assert len(content) == run.size == note["size"]


# --- B7: everything that can happen in transit -----------------------------------------------------
HARM = {
    "upload cut": ("PUT", ".dump", s3.cut_the_upload, "Storing bulq-"),
    "upload halved": ("PUT", ".dump", s3.halve_the_upload, "stored bytes, not"),
    "upload changed": ("PUT", ".dump", s3.change_the_upload, "differs from what was written"),
    "upload refused": ("PUT", ".dump", s3.answer_500, "Storing bulq-"),
    "upload denied": ("PUT", ".dump", s3.deny, "AccessDenied"),
    "length refused": ("HEAD", ".dump", s3.answer_500, "Looking at bulq-"),
    "length wrong": ("HEAD", ".dump", s3.announce_one_byte_more, "stored bytes, not"),
    "reading refused": ("GET", ".dump", s3.answer_500, "Reading bulq-"),
    "reading cut": ("GET", ".dump", s3.cut_the_answer, "Reading bulq-"),
    "reading halved": ("GET", ".dump", s3.halve_the_answer, "differs from what was written"),
    "reading changed": ("GET", ".dump", s3.change_the_answer, "differs from what was written"),
    "manifest cut": ("PUT", ".json", s3.cut_the_upload, "Storing bulq-"),
    "manifest refused": ("PUT", ".json", s3.answer_500, "Storing bulq-"),
}


@pytest.mark.parametrize("what", HARM)
def test_a_network_failure_publishes_nothing(bucket, proxy, what):
    """B7: and the next run, when all is well, succeeds."""
    method, ending, how, sentence = HARM[what]
    proxy.harm(method, ending, how)
    assert_failed(back_up(), sentence)
    assert keys(bucket, ".json") == []
    proxy.heal()
    run = back_up()
    assert_whole(bucket, run)
    assert keys(bucket, ".json") == [f"bulq/{run.key}.json"]


@pytest.mark.parametrize(
    ("method", "how"), [("PUT", s3.answer_500), ("PUT", s3.cut_the_upload), ("HEAD", s3.answer_500)]
)
def test_a_single_failure_is_retried(bucket, proxy, method, how):
    """B7: under the same key, so that there is no second object."""
    proxy.harm(method, ".dump", how, times=1)
    run = back_up()
    assert_whole(bucket, run)
    assert keys(bucket) == [f"bulq/{run.key}.dump", f"bulq/{run.key}.json"]
    assert proxy.seen.count((method, f"/{BUCKET}/bulq/{run.key}.dump")) == 2


def test_an_upload_whose_answer_is_lost_is_not_taken_for_a_success(bucket, proxy):
    """B7, B9: the retry finds its own key taken."""
    proxy.harm("PUT", ".dump", s3.lose_the_answer, times=1)
    assert_failed(back_up(), "PreconditionFailed")
    assert keys(bucket, ".json") == []
    assert_whole(bucket, back_up())


def test_a_manifest_changed_in_transit_is_not_left_there(bucket, proxy):
    """B7: it could not be restored."""
    proxy.harm("PUT", ".json", s3.change_the_upload)
    assert_failed(back_up(), "manifest")
    assert keys(bucket, ".json") == []


def test_a_dump_too_large_for_one_request_is_sent_in_parts(bucket, proxy, settings, monkeypatch):
    """B7: read back in the same way, and also encrypted."""
    settings.BACKUP_S3_ENCRYPTION = "AES256"
    monkeypatch.setattr(places, "LARGEST_SINGLE_PUT", 10_000)
    monkeypatch.setattr(places, "TransferConfig", partial(TransferConfig, multipart_threshold=10_000))
    run = back_up()
    assert_whole(bucket, run)
    assert "POST" in [method for method, path in proxy.seen]
    assert bucket.head_object(Bucket=BUCKET, Key=f"bulq/{run.key}.dump")["ServerSideEncryption"] == "AES256"
    proxy.harm("PUT", ".dump", s3.halve_the_upload)
    assert_failed(back_up(), "bulq-")
    assert keys(bucket, ".json") == [f"bulq/{run.key}.json"]


def test_objects_are_encrypted_if_the_settings_say_so(bucket, proxy, settings):
    """B20."""
    settings.BACKUP_S3_ENCRYPTION = "AES256"
    run = back_up()
    assert_whole(bucket, run)
    for key in keys(bucket):
        assert bucket.head_object(Bucket=BUCKET, Key=key)["ServerSideEncryption"] == "AES256"


# --- B9: buckets with fewer features ----------------------------------------------------------------
def test_a_bucket_without_conditional_writes_is_asked_first(bucket, proxy, tmp_path):
    """B9: the unique key and HEAD replace them, and existing objects are left alone."""
    proxy.be(s3.know_no_conditions)
    run = back_up()
    assert_whole(bucket, run)
    dump = f"/{BUCKET}/bulq/{run.key}.dump"
    assert [method for method, path in proxy.seen if path == dump][:3] == ["PUT", "HEAD", "PUT"]
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    for size in (places.LARGEST_SINGLE_PUT, 1):
        with (
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(PlaceError, match="this key is already taken"),
        ):
            patch.setattr(places, "LARGEST_SINGLE_PUT", size)
            place().put(f"{run.key}.dump", other, sha256=hashlib.sha256(b"something else").hexdigest())
    assert_whole(bucket, run)


@pytest.mark.parametrize("largest", [places.LARGEST_SINGLE_PUT, 10_000], ids=["whole", "in parts"])
def test_a_bucket_without_checksums_is_a_setting(bucket, proxy, settings, monkeypatch, largest):
    """B7: stored objects are read back and hashed in either case; pruning and listing send no checksums either."""
    monkeypatch.setattr(places, "LARGEST_SINGLE_PUT", largest)
    monkeypatch.setattr(places, "TransferConfig", partial(TransferConfig, multipart_threshold=10_000))
    settings.BACKUP_KEEP = {}
    small_backups(bucket, 4)
    proxy.be(s3.know_no_checksums)
    assert_failed(back_up(), "InvalidArgument")
    settings.BACKUP_S3_CHECKSUMS = False
    assert_whole(bucket, back_up())
    assert len(keys(bucket, ".json")) == 3
    proxy.be(s3.pass_on)
    proxy.harm("PUT", ".dump", s3.change_the_upload)
    proxy.harm("PUT", "", s3.change_the_upload)
    assert back_up().state == FAILED


# --- B11: pruning over a network -------------------------------------------------------------------
def small_backups(bucket, count):
    """One for each of as many days, none of which a rule keeps."""
    for n in range(count):
        for ending in ("dump", "json"):
            bucket.put_object(
                Bucket=BUCKET, Key=f"bulq/bulq-2020010{n + 1}T030000000000Z-{n:016x}.{ending}", Body=b"{}"
            )


@pytest.mark.parametrize(
    ("method", "ending", "what"), [("DELETE", "", "Deleting bulq-2020"), ("GET", BUCKET, "Listing")]
)
def test_a_failed_deletion_is_reported_and_the_backup_counts(bucket, proxy, settings, method, ending, what):
    """B11: DeleteObject is denied, or the list."""
    settings.BACKUP_KEEP = {}
    small_backups(bucket, 4)
    proxy.harm(method, ending, s3.deny)
    run = back_up()
    assert run.state == DONE
    assert what in run.error
    assert "AccessDenied" in run.error
    assert len(keys(bucket)) == 10
    proxy.heal()
    assert (back_up().state, len(keys(bucket))) == (DONE, 6)


# --- B13: nobody answers ---------------------------------------------------------------------------
def test_a_bucket_that_never_answers_times_out(db, bucket, settings, monkeypatch):
    """B13: it accepts the connection, and that is all."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.BACKUP_S3_ENDPOINT = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings.BACKUP_S3_TIMEOUT = 1
        begun = time.monotonic()
        assert_failed(back_up(), "Storing bulq-")
    assert time.monotonic() - begun < 30
    assert keys(bucket) == []


def test_an_answer_that_never_comes_times_out(bucket, proxy, settings):
    """B13: the answer to reading it back."""
    settings.BACKUP_S3_TIMEOUT = 1
    proxy.harm("GET", ".dump", s3.say_nothing)
    assert_failed(back_up(), "Read timeout on endpoint")
    assert keys(bucket, ".json") == []


def test_a_bucket_where_nobody_listens_is_a_failure(db, bucket, settings, monkeypatch):
    """B1."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
    settings.BACKUP_S3_ENDPOINT = "http://127.0.0.1:1"
    assert_failed(back_up(), "Could not connect")
    with pytest.raises(PlaceError, match="Listing the backups failed"):
        list(place().list())
