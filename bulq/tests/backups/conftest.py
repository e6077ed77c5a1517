"""Places for backups: a folder, and a bucket behind a real S3 server; and a database with something in it."""

import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import boto3
import botocore.session
import pytest
from django.db import connection

from accounts.tests.factories import make_user
from bulq.backups import databases, tools
from bulq.backups.places import place
from stores.models import Offer, Price, Product
from stores.tests.factories import make_store

from .looking import manage_here, others

BUCKET = "bulq-backups"
# Every client of a bucket would read botocore's descriptions of all services again: 70 ms.
botocore.session.create_loader = cache(botocore.session.create_loader)


@pytest.fixture(scope="session")
def s3_server():
    from moto.server import ThreadedMotoServer  # only here: it takes half a second, in every worker

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(autouse=True)
def good_settings(settings):
    """Failures are reported to someone, and no night ends while the test runs."""
    settings.BACKUP_ALERT_EMAILS = ["operator@bulq.test"]
    settings.BACKUP_AT = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"


@pytest.fixture
def bucket(s3_server, settings):
    """Settings with a bucket, empty at first."""
    client = boto3.client(
        "s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    client.create_bucket(Bucket=BUCKET)
    settings.BACKUP_S3_BUCKET, settings.BACKUP_S3_ENDPOINT, settings.BACKUP_S3_REGION = BUCKET, s3_server, "us-east-1"
    settings.BACKUP_S3_ACCESS_KEY, settings.BACKUP_S3_SECRET_KEY = "x", "y"
    yield client
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def folder(tmp_path, settings):
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    return Path(settings.BACKUP_FOLDER)


@pytest.fixture(params=["folder", "bucket"])
def there(request):
    """A folder and a bucket in turn."""
    request.getfixturevalue(request.param)
    return place()


@pytest.fixture
def another_process():
    """For tests that restore as the site does; in all others this process checks the restored database itself."""


@pytest.fixture(autouse=True)
def no_new_interpreter(request, monkeypatch):
    """A new one spends seconds importing what is loaded here already."""
    if "another_process" not in request.fixturenames:
        monkeypatch.setattr(tools, "manage", manage_here)


@pytest.fixture
def something(db):
    """Rows to find again."""
    store = make_store("Grossmarkt")
    things = Product.objects.bulk_create(
        Product(name=f"Thing {n}", unit="piece", kind=Product.Kind.COUNTED, step=1) for n in range(30)
    )
    offers = Offer.objects.bulk_create(Offer(product=thing, store=store, note="x" * 100) for thing in things)
    Price.objects.bulk_create(Price(offer=offer, amount=Decimal("7.40"), quantity=1) for offer in offers)
    return make_user("Mara")


@pytest.fixture
def shim(tmp_path, monkeypatch):
    """`shim("pg_dump", "exit 1")` puts a shell script of that name first in PATH; `$real` is the program itself."""
    path = os.environ["PATH"]
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()

    def make(name, body):
        script = bin_folder / name
        script.write_text(f"#!/bin/sh\nreal={shutil.which(name, path=path)}\n{body}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    return make


@pytest.fixture
def target():
    """The name of a database that does not exist yet."""
    yield f"{connection.settings_dict['NAME']}_restored"
    for name in others():
        databases.drop(name)
