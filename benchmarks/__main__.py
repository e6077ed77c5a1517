"""`make bench`: serves the site as in production, asks for its pages, prints ratios to an empty page."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

from dev.processes import free_port, is_listening
from dev.run import GUNICORN
from dev.services import throwaway_services

from . import saturday

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = (1, 8, 32)
EMPTY = "/bench/empty/"
RATES = ("RATE_LIMIT_GENERAL", "RATE_LIMIT_BIDS")
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))


def main():
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the image is compiled, and compiling takes memory
    with seeded() as known:
        with serving(RATELIMIT_ENABLE="false") as (_site, port):
            unlimited = {connections: load(port, known, EMPTY, connections) for connections in CONNECTIONS}
        with serving(**dict.fromkeys(RATES, "1000000/m")) as (site, port):
            report(site, port, known, unlimited)
        saturday.run()


@contextmanager
def seeded():
    """The seeded data, on this run's own database and Redis."""
    with throwaway_services() as started, tempfile.TemporaryDirectory() as static:
        os.environ.update(started.urls, STATIC_ROOT=static)
        os.environ.update(DJANGO_SETTINGS_MODULE="benchmarks.settings", SECRET_KEY="for the benchmark only")
        _manage("migrate", "--no-input", "--skip-checks")
        _manage("collectstatic", "--no-input", environment={**os.environ, "COLLECTING_STATIC": "true"})
        import django

        django.setup()
        from .seed import seed

        known = seed()
        _vacuum()
        yield known


@contextmanager
def serving(arguments=GUNICORN, **settings):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", *arguments, "--bind", f"127.0.0.1:{port}"]
    # It logs each request, as in production; here the log is thrown away.
    site = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield site, port
    finally:
        site.terminate()
        site.wait()


def report(site, port, known, unlimited):
    run = known["runs"][20]
    pages = {
        "empty signed-in page": EMPTY,
        "store list": "/stores/",
        "store page (200 products)": f"/stores/{known['store']}/",
        "run page (60 products, 20 people)": f"/runs/{run}/",
        "home": "/",
        "search": "/search/?q=prod",
        "money (300 runs, 100 payments)": "/money/",
        "money of a group (300 runs)": f"/groups/{known['friends']}/money/",
    }
    queries = {name: _count_queries(known, path) for name, path in pages.items()}
    print("| page | connections | per second | p50 ms | p95 ms | of the empty page | queries |")
    print("|---|---|---|---|---|---|---|")
    for connections in CONNECTIONS:
        baseline = None
        for name, path in pages.items():
            result = load(port, known, path, connections)
            if baseline is None:
                baseline = result["per_second"]
                _row("the same without rate limits", connections, unlimited[connections], baseline, queries[name])
            _row(name, connections, result, baseline, queries[name])
        _row("bids of 20 people on one run", connections, bids(port, known, connections), baseline, "")
    _check_bids(port, known)
    _processor(site, port, known, pages)
    _growth(port, known)
    print(f"\nPeak memory of the web server: {peak_memory(site.pid):.0f} MB, over all its processes.")
    print(f"Dividing 200 products among 100 people takes {_division():.0f} ms of the processor (goal 100).")


def _division():
    """The slowest of a shortage, extras and a surplus, in milliseconds."""
    from bids.allocation import Want, divide

    wants = {n: Want(Decimal(n % 5 + 1), Decimal(n % 5 + 4), all_or_nothing=n % 7 == 0) for n in range(100)}
    took = []
    for bought in (200, 400, 700):
        begun = time.process_time()
        for product in range(200):
            divide(Decimal(bought), wants, grain=Decimal(1), tolerance_percent=0, seed=f"1:{product}")
        took.append(1000 * (time.process_time() - begun))
    return max(took)


GOALS = {
    "store list": 2.5,
    "store page (200 products)": 4,
    "home": 4,
    "search": 4,
    "money (300 runs, 100 payments)": 4,
    "money of a group (300 runs)": 4,
    "order, nothing changed": 4,
    "order": 4,
    "run page (60 products, 20 people)": 9,
    "refresh of it after a change": 4,
}


def _processor(site, port, known, pages):
    """How long the web processes compute for each page, as ratios to the empty one; waiting does not count."""
    baseline = None
    print("\n| page | processor ms | of the empty page | goal | kB |\n|---|---|---|---|---|")
    asked = {name: partial(load, port, known, path, 1) for name, path in pages.items()}
    asked["refresh of it after a change"] = partial(refreshes, port, known)
    asked["order, nothing changed"] = partial(bids, port, known, 1)
    asked["order"] = partial(changes, port, known)
    for name, ask in asked.items():
        before = processor_seconds(site.pid)
        result = ask()
        ms = 1000 * (processor_seconds(site.pid) - before) / result["requests"]
        baseline = baseline or ms
        size = f"{result['bytes'] / 1000:.1f}"
        print(f"| {name} | {ms:.1f} | {ms / baseline:.1f} | {GOALS.get(name, '')} | {size} |", flush=True)


def _row(name, connections, result, baseline, queries):
    ratio = baseline / result["per_second"]
    print(
        f"| {name} | {connections} | {result['per_second']:.0f} | {result['p50_ms']:.1f} | {result['p95_ms']:.1f} "
        f"| 1/{ratio:.1f} | {queries} |",
        flush=True,
    )
    assert result["statuses"] == [200], result["statuses"]


def load(port, known, path, connections, method="GET", fields=None, cookies=None, most=10**9, headers=None):
    job = {
        "port": port, "path": path, "connections": connections, "seconds": SECONDS, "method": method,
        "fields": fields or {}, "cookies": cookies or _cookies(known, path), "most": most, "headers": headers or {},
    }  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(result.stdout)


def _cookies(known, path):
    """Whose pages these are."""
    return [known["friend"]] if "money" in path else known["cookies"]


def bids(port, known, connections):
    """Everyone sets one amount, again and again, on one run at once."""
    fields = {f"q-{known['products'][0]}": "3"}
    return load(port, known, f"/runs/{known['crowd']}/order/", connections, "POST", fields, known["cookies"][:20])


def changes(port, known):
    """One person, whose amount is another one each time."""
    path, fields = f"/runs/{known['crowd']}/order/", {"changes": known["products"][0]}
    return load(port, known, path, 1, "POST", fields, [known["cookies"][25]])


def refreshes(port, known):
    """What an open run page asks after someone else has ordered."""
    path = f"/runs/{known['runs'][20]}/"
    page = load(port, known, path, 1, most=1)
    product, other = known["products"][5], known["cookies"][3]
    order = {f"q-{product}": "9", f"was-{product}": "4"}  # as it was seeded
    assert load(port, known, f"{path}order/", 1, "POST", order, [other], most=1)["statuses"] == [200]
    headers = {"X-Bulq-Part": "live", "X-Bulq-Seen": page["seen"]}
    return load(port, known, path, 1, headers=headers)


def _check_bids(port, known):
    """Twenty people order a product each, all at once: none is lost, and the total is right."""
    product = known["products"][1]
    jobs = [
        threading.Thread(
            target=load,
            args=(port, known, f"/runs/{known['crowd']}/order/", 1, "POST", {f"q-{product}": "2"}, [cookie], 1),
        )
        for cookie in known["cookies"][:20]
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    from bids.models import Bid

    bids = Bid.objects.filter(participation__run=known["crowd"], product=product)
    total = sum(bids.values_list("quantity", flat=True), Decimal(0))
    print(f"\nBids of 20 people at once on one product: {bids.count()} stored, {total} in all (20 and 40 wanted).")
    assert (bids.count(), total) == (20, 40)


def _growth(port, known):
    """The run page's time against its number of bids."""
    print("\n| bids in the run | run page, p50 ms | ms a bid |\n|---|---|---|")
    for bidders, run in known["runs"].items():
        result = load(port, known, f"/runs/{run}/", 1)
        bids = bidders * 60
        print(f"| {bids} | {result['p50_ms']:.1f} | {result['p50_ms'] / bids:.3f} |")


def _count_queries(known, path):
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(HTTP_HOST="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = _cookies(known, path)[0]
    client.get(path)  # fills the cache
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def _processes(master):
    return [str(master), *Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def processor_seconds(master):
    """What all threads of the web server's processes have computed so far (Linux)."""
    stats = [path for pid in _processes(master) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(path.read_text().split()[0]) for path in stats) / 1e9


def peak_memory(master):
    """Megabytes: the largest resident size of the master and each worker, added up (Linux)."""
    peaks = [
        int(line.split()[1])
        for pid in _processes(master)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return sum(peaks) / 1024


def _manage(*arguments, environment=None):
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, env=environment)


def _vacuum():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _wait(port):
    for _ in range(200):
        if is_listening(port):
            return
        time.sleep(0.1)
    raise SystemExit("The web server did not start.")


if __name__ == "__main__":
    main()
