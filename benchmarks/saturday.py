"""A Saturday: 20 runs of 15 people with open pages, a shopper in five of them, through Caddy on this one machine.

`python -m benchmarks.saturday`; also the last row of `make bench`. Each person orders, or as a shopper ticks a line,
once in ten seconds, and their page refreshes as static/js/live.js does: when the stream says so, at most every three
seconds. It takes `BENCH_SATURDAY_SECONDS` (120); then come more and more people, half a minute each, until fewer than
95 of 100 answers come within a second.
"""

import asyncio
import math
import os
import random
import re
import statistics
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

PEOPLE, RUNS, SHOPPING, PRODUCTS = 15, 20, 5, 20
MOST_RUNS = 60
PACE = 10  # seconds between two actions of a person
OPENING = 0.1  # seconds from one page that is opened to the next
LEAST, MOST, SHARE, SPREAD = 3, 15, 30, 0.25  # between two refreshes (static/js/live.js)
SECONDS = int(os.environ.get("BENCH_SATURDAY_SECONDS", "120"))
STAMP = re.compile(rb'data-seen="([^"]*)"')
TOKEN = "c" * 32


@dataclass
class Person:
    """One browser with one page open."""

    run: int
    cookie: str
    user: int
    product: int | None  # what they order; a shopper ticks
    items: list = field(default_factory=list)
    amount: int = 1
    seen: str = ""


@dataclass
class Answers:
    """Seconds of each answer, by what was asked, and how often each status came, once all pages are open."""

    starts_at: float
    seconds: dict = field(default_factory=lambda: {"page": [], "refresh": [], "order": [], "tick": []})
    statuses: Counter = field(default_factory=Counter)
    bytes: list = field(default_factory=list)  # of refreshes, as they are sent

    def p95(self):
        taken = sorted(second for seconds in self.seconds.values() for second in seconds)
        return taken[int(len(taken) * 0.95)]


# --- Data ------------------------------------------------------------------------------------------
def seed():
    """`MOST_RUNS` runs, each of its own group; one in four is in the shop."""
    from accounts.models import Group, Membership, User
    from bids.actions.bidding import Wish, place_bids
    from bids.actions.runs import lock_list, start_run, start_shopping
    from stores.models import Store

    from .seed import _catalogue, _session

    store = Store.objects.create(name="Saturday Store", currency="EUR")
    products = _catalogue(store, prefix="Saturday")[:PRODUCTS]
    people = []
    for number in range(MOST_RUNS):
        users = [User.objects.create(username=f"s{number}x{n}", name=f"Friend {number} {n}") for n in range(PEOPLE)]
        group = Group.objects.create(name=f"Saturday {number}", currency="EUR")
        Membership.objects.bulk_create(Membership(group=group, user=user, is_admin=user == users[0]) for user in users)
        run = start_run(group, store=store, by=users[0])
        for n, user in enumerate(users):
            wishes = [Wish(product.pk, Decimal(1 + (n + k) % 5)) for k, product in enumerate(products)]
            place_bids(run, wishes, by=user)
        shops = number % (RUNS // SHOPPING) == 0
        if shops:
            lock_list(run, by=users[0])
            start_shopping(run, by=users[0])
        items = list(run.items.order_by("pk").values_list("pk", flat=True)) if shops else []
        for n, user in enumerate(users):
            product = None if shops else products[n].pk
            mine = Person(run.pk, _session(user), user.pk, product, items if user == users[0] else [], 1 + 2 * n % 5)
            people.append(mine)
    return people


# --- One browser -----------------------------------------------------------------------------------
class Browser:
    def __init__(self, port, person, answers, ends_at):
        self.port, self.person, self.answers, self.ends_at = port, person, answers, ends_at
        self.changed, self.link = asyncio.Event(), None
        self.fastest = math.inf
        self.lock = asyncio.Lock()

    async def run(self, delay):
        await asyncio.sleep(delay)
        await self.look("page")
        await asyncio.gather(self.hear(), self.refresh(), self.act())

    async def hear(self):
        """Told of each change by the stream."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._head("GET", f"/live/?run={self.person.run}&at={int(time.time())}"))
        try:
            async with asyncio.timeout_at(self.ends_at):
                while line := await reader.readline():
                    if line.startswith(b"data: changed"):
                        self.changed.set()
        except TimeoutError:
            writer.close()

    async def refresh(self):
        while await self._before_the_end(self.changed.wait()):
            self.changed.clear()
            await asyncio.sleep(SPREAD * random.random())
            started = time.monotonic()
            await self.look("refresh")
            took = time.monotonic() - started
            self.fastest = min(self.fastest, took)
            pause = max(LEAST - took, min(MOST, SHARE * (took - self.fastest)))
            await self._before_the_end(asyncio.sleep(pause * random.uniform(1, 1.5)))

    async def act(self):
        """An order or a tick, once in ten seconds; not everybody at once."""
        person = self.person
        wait = PACE * (hash((person.user, "start")) % 100 / 100)
        while await self._before_the_end(asyncio.sleep(wait)):
            wait = PACE
            if person.product:
                await self.order()
            elif person.items:
                await self.tick(person.items.pop(0))

    async def _before_the_end(self, awaitable):
        try:
            async with asyncio.timeout_at(self.ends_at):
                await awaitable
                return True
        except TimeoutError:
            return False

    async def look(self, kind):
        headers = {"X-Bulq-Part": "live", "X-Bulq-Seen": self.person.seen} if kind == "refresh" else {}
        status, body, size = await self.ask(kind, "GET", f"/runs/{self.person.run}/", headers=headers)
        if kind == "refresh":
            self.answers.bytes.append(size)
        if status == 200 and (found := STAMP.search(body)):
            self.person.seen = found[1].decode()

    async def order(self):
        person, was = self.person, self.person.amount
        amount = was % 90 + 1
        fields = {f"q-{person.product}": amount, f"was-{person.product}": was}
        headers = {"X-Bulq-Part": "order", "HX-Request": "true"}
        status, _body, _size = await self.ask("order", "POST", f"/runs/{person.run}/order/", fields, headers)
        if status == 200:
            person.amount = amount

    async def tick(self, item):
        fields = {"quantity": 1, "counted_in": "unit", "price": "2.50", "price_for": "unit", "seen": 0}
        path = f"/runs/{self.person.run}/shop/items/{item}/buy/"
        status, _body, _size = await self.ask("tick", "POST", path, fields, {"HX-Request": "true"})
        if status == 302:
            await self.look("page")

    async def ask(self, kind, method, path, fields=None, headers=None):
        async with self.lock:  # one connection a browser
            started = time.monotonic()
            status, body, size = await self._exchange(method, path, fields, headers or {})
            if started > self.answers.starts_at:
                self.answers.seconds[kind].append(time.monotonic() - started)
                self.answers.statuses[status] += 1
            return status, body, size

    async def _exchange(self, method, path, fields, headers):
        if self.link is None:
            self.link = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.link
        body = urlencode({"csrfmiddlewaretoken": TOKEN, "once": str(uuid4())} | fields).encode() if fields else b""
        if fields:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        writer.write(self._head(method, path, headers) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        content = await self._content(reader, head)
        plain = zlib.decompress(content, 31) if "content-encoding: gzip" in head else content
        if "connection: close" in head:
            self.link = None
        return int(head.split()[1]), plain, len(content)

    async def _content(self, reader, head):
        if length := re.search(r"content-length: (\d+)", head):
            return await reader.readexactly(int(length[1]))
        chunks = []
        while size := int(await reader.readline(), 16):
            chunks.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return b"".join(chunks)

    def _head(self, method, path, headers=None):
        own = {
            "Host": f"localhost:{self.port}",
            "Origin": f"http://localhost:{self.port}",
            "Cookie": f"sessionid={self.person.cookie}; csrftoken={TOKEN}",
            "Accept-Encoding": "gzip",
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in (own | (headers or {})).items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _spend(port, people, seconds):
    opening = OPENING * len(people) + LEAST
    answers = Answers(starts_at=time.monotonic() + opening)
    ends_at = asyncio.get_running_loop().time() + opening + seconds
    browsers = [Browser(port, person, answers, ends_at) for person in people]
    await asyncio.gather(*(browser.run(OPENING * n) for n, browser in enumerate(browsers)))
    return answers


# --- Results ---------------------------------------------------------------------------------------
def saturday(port, people):
    answers = asyncio.run(_spend(port, people[: RUNS * PEOPLE], SECONDS))
    print(f"\nA Saturday: {RUNS} runs of {PEOPLE} people, {SHOPPING} of them in the shop, for {SECONDS} s.\n")
    print("| asked | answers | p50 ms | p95 ms |\n|---|---|---|---|")
    for kind, seconds in answers.seconds.items():
        if seconds:
            taken = sorted(1000 * second for second in seconds)
            print(f"| {kind} | {len(taken)} | {statistics.median(taken):.0f} | {taken[int(len(taken) * 0.95)]:.0f} |")
    print(f"\nTogether p95 {1000 * answers.p95():.0f} ms (goal 300); answered with {dict(answers.statuses)};")
    print(f"a refresh is {statistics.median(answers.bytes) / 1000:.1f} kB on the wire; {_lost(people)} orders lost.")


def carries(port, people):
    """More and more people, until an answer takes a second."""
    most = 0
    for runs in (4, 8, 12, 16, 20, 30, 40, MOST_RUNS):
        answers = asyncio.run(_spend(port, people[: runs * PEOPLE], 30))
        print(f"{runs * PEOPLE} people: p95 {1000 * answers.p95():.0f} ms", flush=True)
        if answers.p95() > 1 or set(answers.statuses) - {200, 302}:
            break
        most = runs * PEOPLE
    print(f"The machine carries {most} people before p95 passes a second.")


def _lost(people):
    """How many of the last answered orders differ from what is stored."""
    from bids.models import Bid

    stored = {(user, product): amount for user, product, amount in Bid.objects.values_list(
        "participation__user", "product", "quantity"
    )}  # fmt: skip
    return sum(stored[person.user, person.product] != person.amount for person in people if person.product)


def run():
    """On the database of `seeded`, with everything else of its own."""
    from .live import _site

    people = seed()
    with _site(Path(os.environ["STATIC_ROOT"]), BULQ_TRUSTED_PROXIES="127.0.0.1") as site:
        saturday(site.port, people)
        carries(site.port, people)


def main():
    from .__main__ import seeded

    with seeded():
        run()


if __name__ == "__main__":
    main()
