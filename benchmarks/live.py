"""`python -m benchmarks.live`: how soon others see a change, what 500 open pages cost, and who is asked to wait."""

import asyncio
import contextlib
import http.client
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

from playwright.sync_api import sync_playwright

from dev import caddy
from dev.processes import Child, free_port
from dev.run import GUNICORN, LIVE
from dev.services import throwaway_services

from .__main__ import EMPTY, RATES, ROOT, _manage, _wait, load

PEOPLE = 30
STREAMS = int(os.environ.get("BENCH_STREAMS", "500"))
CHANGES = int(os.environ.get("BENCH_CHANGES", "20"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def main():
    with throwaway_services() as started, tempfile.TemporaryDirectory() as folder:
        os.environ.update(started.urls, STATIC_ROOT=folder, BULQ_TRUSTED_PROXIES="127.0.0.1")
        os.environ.update(DJANGO_SETTINGS_MODULE="benchmarks.settings", SECRET_KEY="for the benchmark only")
        _manage("migrate", "--no-input", "--skip-checks")
        _manage("collectstatic", "--no-input", environment={**os.environ, "COLLECTING_STATIC": "true"})
        import django

        django.setup()
        from .seed import seed

        known = seed()
        with _site(Path(folder), **dict.fromkeys(RATES, "1000000/m")) as site:
            five_hundred_streams(site, known)
        with _site(Path(folder)) as site, _browser() as open_page:
            seen_by_the_other(open_page, site, known)
            offline(open_page, site, known)
            crowd(open_page, site, known)


class Site:
    def __init__(self, port, live):
        self.port, self.live = port, live

    @property
    def worker(self):
        """The process that holds the streams; the other is gunicorn's master."""
        return Path(f"/proc/{self.live}/task/{self.live}/children").read_text().split()[0]

    def memory(self):
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def processor(self):
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _site(folder, **settings):
    web, live, port = free_port(), free_port(), free_port()
    with contextlib.ExitStack() as stack:
        children = []
        for name, arguments, where in (("web", GUNICORN, web), ("live", LIVE, live)):
            command = [sys.executable, "-m", "gunicorn", *arguments, "--bind", f"127.0.0.1:{where}"]
            children.append(Child.start(name, command, cwd=ROOT, env={**os.environ, **settings}))
            stack.callback(children[-1].stop)
        stack.enter_context(caddy.running(folder, port, web=web, live=[live]))
        for where in (web, live, port):
            _wait(where)
        yield Site(port, children[1].process.pid)


# --- Many open pages ---------------------------------------------------------------------------------
def five_hundred_streams(site, known):
    """The pages of the web process, alone and beside 500 streams, in turn."""
    run = known["runs"][20]
    Streams(site, known, run, 1).close()  # the first one loads what all of them need
    before = site.memory()
    alone, beside = [], []
    for _turn in range(3):
        alone.append(load(site.port, known, EMPTY, 8)["per_second"])
        connections = _connections()
        streams = Streams(site, known, run, STREAMS)
        held = _connections() - connections
        used, memory = site.processor(), site.memory()
        beside.append(load(site.port, known, EMPTY, 8)["per_second"])
        idle = site.processor() - used
        used = site.processor()
        for _change in range(10):
            _tell(run)
            time.sleep(0.2)
        time.sleep(1)
        spent, messages = site.processor() - used, streams.messages
        streams.close()
    ratio = statistics.median(beside) / statistics.median(alone)
    print(f"{STREAMS} streams on one process: {memory:.0f} MB, {(memory - before) * 1024 / STREAMS:.0f} kB each.")
    print(f"Processor of the live process while nothing happens: {idle / 4:.1%} of one.")
    print(f"Ten changes told to all of them ({messages} messages): {spent / 10 * 1000:.0f} ms of CPU each.")
    print(f"Ordinary pages beside them: {ratio:.2f} of as many as without.")
    print(f"Connections of the database held for them: {held}.", flush=True)


class Streams:
    def __init__(self, site, known, run, number):
        self.messages, self.opened, self.ended = 0, threading.Event(), False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._hold(site, known, run, number)))
        self.thread.start()
        assert self.opened.wait(60), "not all streams could be opened"

    async def _hold(self, site, known, run, number):
        open_ones = []
        for n in range(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            cookie = known["cookies"][n % PEOPLE]
            writer.write(f"GET /live/?run={run}&at={int(time.time()) + 9} HTTP/1.1\r\n".encode())
            writer.write(f"Host: localhost\r\nCookie: sessionid={cookie}\r\n\r\n".encode())
            status = await reader.readline()
            if b" 200 " not in status:
                raise SystemExit(status)
            open_ones.append((asyncio.create_task(self._count(reader)), writer))
        self.opened.set()
        while not self.ended:
            await asyncio.sleep(0.1)
        for task, writer in open_ones:
            task.cancel()
            writer.close()

    async def _count(self, reader):
        while line := await reader.readline():
            self.messages += line.startswith(b"data: changed")

    def close(self):
        self.ended = True
        self.thread.join()
        time.sleep(1)


def _tell(run):
    from bulq.kit.live import announce

    announce(f"run:{run}")


def _connections():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


# --- In a browser ------------------------------------------------------------------------------------
@contextlib.contextmanager
def _browser():
    """`open_page(site, cookie, path)`: a page in a browser of its own."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        chromium = own if Path(own).exists() else shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def open_page(site, cookie, path, context=None):
            context = context or browser.new_context(base_url=f"http://127.0.0.1:{site.port}")
            context.add_cookies([{"name": "sessionid", "value": cookie, "domain": "127.0.0.1", "path": "/"}])
            page = context.new_page()
            page.goto(path)
            page.locator("#live", has_text="Live").wait_for()
            return page

        yield open_page
        browser.close()


def seen_by_the_other(open_page, site, known):
    """From the tap to the number on the other's page; each change comes after the pause of three seconds."""
    run, product = known["runs"][5], known["products"][0]
    mine, other = (open_page(site, known["cookies"][n], f"/runs/{run}/") for n in (0, 1))
    taken = []
    for _change in range(CHANGES):
        time.sleep(3.5)
        row = other.locator(f"#p{product}")
        before = row.inner_text()
        started = time.monotonic()
        mine.locator(f".qty[data-line='{product}'] [name=plus]:not(.add-btn)").click()
        other.wait_for_function(
            "([id, text]) => document.getElementById(id).innerText !== text", arg=[f"p{product}", before]
        )
        taken.append(time.monotonic() - started)
    taken.sort()
    median = statistics.median(taken)
    print(f"A change is seen by the other, {CHANGES} times: median {median:.2f} s, most {taken[-1]:.2f} s.")
    mine.context.close()
    other.context.close()


def offline(open_page, site, known):
    run, product = known["runs"][5], known["products"][1]
    page = open_page(site, known["cookies"][1], f"/runs/{run}/")
    before = page.locator(f"#p{product}").inner_text()
    page.context.set_offline(True)
    assert _order(site, run, known["cookies"][0], product, was=2, quantity=77) == 200
    time.sleep(SECONDS)
    assert page.locator(f"#p{product}").inner_text() == before
    started = time.monotonic()
    page.context.set_offline(False)
    page.wait_for_function(
        "([id, text]) => document.getElementById(id).innerText !== text", arg=[f"p{product}", before]
    )
    print(f"Offline for {SECONDS} s, the present state is there {time.monotonic() - started:.2f} s after waking.")
    page.context.close()


def crowd(open_page, site, known):
    """Twenty people each change something every three seconds; one of them has three pages open."""
    run = known["runs"][20]
    first = open_page(site, known["cookies"][0], f"/runs/{run}/")
    pages = [first, *(open_page(site, known["cookies"][0], path, first.context) for path in (f"/runs/{run}/", "/"))]
    statuses = []
    for page in pages:
        page.on("response", lambda answer: statuses.append(answer.status))
    ends_at, posted = time.monotonic() + SECONDS, []
    people = [threading.Thread(target=_change, args=(site, known, n, ends_at, posted)) for n in range(20)]
    for person in people:
        person.start()
    while time.monotonic() < ends_at:
        first.wait_for_timeout(200)
    for person in people:
        person.join()
    print(f"Twenty people for {SECONDS} s: {len(posted)} changes, answered with {_counted(posted)};")
    print(f"three open pages of one of them asked {len(statuses)} times, answered with {_counted(statuses)}.")


def _change(site, known, person, ends_at, posted):
    quantity = 1 + 2 * person % 5  # as it was seeded
    while time.monotonic() < ends_at:
        was, quantity = quantity, quantity % 90 + 1
        posted.append(
            _order(site, known["runs"][20], known["cookies"][person], known["products"][person], was, quantity)
        )
        time.sleep(3.1)


def _order(site, run, cookie, product, was, quantity):
    fields = {"csrfmiddlewaretoken": "c" * 32, "once": str(uuid4())}
    fields |= {f"q-{product}": quantity, f"was-{product}": was}
    link = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Bulq-Part": "order", "HX-Request": "true"}
    headers["Cookie"] = f"sessionid={cookie}; csrftoken={'c' * 32}"
    link.request("POST", f"/runs/{run}/order/", urlencode(fields), headers)
    with contextlib.closing(link), link.getresponse() as answer:
        return answer.status


def _counted(statuses):
    return ", ".join(f"{status}: {statuses.count(status)}" for status in sorted(set(statuses)))


if __name__ == "__main__":
    main()
