"""Where backups are stored: an S3 bucket or a folder. Both write a key only once.

A place sees only keys under its own prefix, and raises `PlaceError` with a sentence.
"""

import base64
import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage

from .errors import PlaceError

# S3 takes larger objects only in parts, which do not support `If-None-Match`.
LARGEST_SINGLE_PUT = 5 * 1024**3
MEGABYTE = 1024**2
# A copy being written into a folder. After a day its process must have been killed.
UNFINISHED = re.compile(r"\.bulq-\d{8}T\d{12}Z-[0-9a-f]{16}\.(dump|json)\.\d+")
ABANDONED_AFTER = 24 * 60 * 60


@dataclass(frozen=True)
class Found:
    key: str
    size: int
    written_at: datetime


def place():
    """The place that the settings name."""
    if settings.BACKUP_S3_BUCKET:
        return BucketPlace()
    if not settings.BACKUP_FOLDER:
        raise PlaceError("There is no place for backups: set BACKUP_S3_BUCKET or BACKUP_FOLDER.")
    return FolderPlace(Path(settings.BACKUP_FOLDER))


@contextlib.contextmanager
def _reported(what):
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error, OSError) as error:
        raise PlaceError(f"{what} failed: {error}") from error


class BucketPlace:
    def __init__(self):
        storage = S3Storage(
            bucket_name=settings.BACKUP_S3_BUCKET,
            endpoint_url=settings.BACKUP_S3_ENDPOINT or None,
            region_name=settings.BACKUP_S3_REGION or None,
            access_key=settings.BACKUP_S3_ACCESS_KEY or None,
            secret_key=settings.BACKUP_S3_SECRET_KEY or None,
            file_overwrite=False,
            client_config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=10,
                read_timeout=settings.BACKUP_S3_TIMEOUT,
                retries={"max_attempts": 3, "mode": "standard"},
                **dict.fromkeys(
                    ("request_checksum_calculation", "response_checksum_validation"),
                    "when_supported" if settings.BACKUP_S3_CHECKSUMS else "when_required",
                ),
            ),
        )
        self.client, self.bucket = storage.connection.meta.client, settings.BACKUP_S3_BUCKET
        self.prefix = settings.BACKUP_S3_PREFIX

    def put(self, key, path, *, sha256):
        """Store the file `path` (SHA-256 in hex) under a key that is not taken.

        If the bucket does not support `If-None-Match`, the key is looked up first; it is unique anyway.
        """
        more = {"ServerSideEncryption": settings.BACKUP_S3_ENCRYPTION} if settings.BACKUP_S3_ENCRYPTION else {}
        with _reported(f"Storing {key}"):
            if path.stat().st_size > LARGEST_SINGLE_PUT:
                self._refuse_taken(key)
                more |= {"ChecksumAlgorithm": "SHA256"} if settings.BACKUP_S3_CHECKSUMS else {}
                self.client.upload_file(
                    str(path), self.bucket, self.prefix + key, ExtraArgs=more, Config=TransferConfig()
                )
                return
            if settings.BACKUP_S3_CHECKSUMS:
                more |= {"ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()}
            try:
                self._put(key, path, IfNoneMatch="*", **more)
            except ClientError as error:
                if _status(error) != HTTPStatus.NOT_IMPLEMENTED:
                    raise
                self._refuse_taken(key)
                self._put(key, path, **more)

    def _put(self, key, path, **more):
        with path.open("rb") as body:
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=body, **more)

    def _refuse_taken(self, key):
        try:
            self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return
            raise
        raise PlaceError(f"Storing {key} failed: this key is already taken.")

    def size(self, key):
        with _reported(f"Looking at {key}"):
            return self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)["ContentLength"]

    def chunks(self, key):
        """The content, a megabyte at a time."""
        with _reported(f"Reading {key}"):
            body = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"]
            with contextlib.closing(body):
                yield from body.iter_chunks(MEGABYTE)

    def list(self):
        with _reported("Listing the backups"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            for page in pages:
                for item in page.get("Contents", []):
                    yield Found(item["Key"].removeprefix(self.prefix), item["Size"], item["LastModified"])

    def delete(self, key):
        with _reported(f"Deleting {key}"):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)


def _status(error):
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


class FolderPlace:
    def __init__(self, folder):
        self.folder = folder

    def put(self, key, path, *, sha256):
        """Written under another name, flushed to disk, then linked to its key, which fails if the key exists."""
        unfinished = self.folder / f".{key}.{os.getpid()}"
        with _reported(f"Storing {key}"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_abandoned()
            try:
                with path.open("rb") as source, open(unfinished, "xb", opener=_private) as target:
                    shutil.copyfileobj(source, target, MEGABYTE)
                    target.flush()
                    os.fsync(target.fileno())
                os.link(unfinished, self.folder / key)
                self._flush()
            finally:
                unfinished.unlink(missing_ok=True)

    def _remove_abandoned(self):
        for file in self.folder.glob(".bulq-*"):
            with contextlib.suppress(FileNotFoundError):
                if UNFINISHED.fullmatch(file.name) and file.stat().st_mtime < time.time() - ABANDONED_AFTER:
                    file.unlink()

    def _flush(self):
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def size(self, key):
        with _reported(f"Looking at {key}"):
            return (self.folder / key).stat().st_size

    def chunks(self, key):
        with _reported(f"Reading {key}"), (self.folder / key).open("rb") as file:
            while chunk := file.read(MEGABYTE):
                yield chunk

    def list(self):
        with _reported("Listing the backups"):
            files = sorted(self.folder.glob("[!.]*")) if self.folder.exists() else []
            for file in files:
                about = file.stat()
                yield Found(file.name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))

    def delete(self, key):
        with _reported(f"Deleting {key}"):
            (self.folder / key).unlink()


def _private(path, flags):
    return os.open(path, flags, mode=0o600)
