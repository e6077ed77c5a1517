"""Asks for pages over kept-open connections, from a process of its own; prints what it measured as JSON."""

import http.client
import json
import re
import sys
import threading
import time
from itertools import count
from uuid import uuid4

SEEN = re.compile(rb'data-seen="([^"]*)"')


def main():
    job = json.load(sys.stdin)
    results, last = [], {}
    numbers = count()
    threads = [
        threading.Thread(target=_ask, args=(job, cookie, numbers, results, last))
        for cookie in [job["cookies"][n % len(job["cookies"])] for n in range(job["connections"])]
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    times = sorted(elapsed for _status, elapsed in results)
    json.dump(
        {
            "per_second": len(results) / seconds,
            "p50_ms": 1000 * times[len(times) // 2],
            "p95_ms": 1000 * times[int(len(times) * 0.95)],
            "statuses": sorted({status for status, _elapsed in results}),
            "requests": len(results),
            "bytes": last.get("bytes", 0),  # of the last answer
            "seen": last.get("seen", ""),  # what the last page carries for its refresh
        },
        sys.stdout,
    )


def _ask(job, cookie, numbers, results, last):
    connection = http.client.HTTPConnection("127.0.0.1", job["port"], timeout=60)
    deadline = time.monotonic() + job["seconds"]
    headers = {"Cookie": f"sessionid={cookie}; csrftoken={'c' * 32}"} | job["headers"]
    amounts = Amounts()
    while time.monotonic() < deadline and next(numbers) < job["most"]:
        body, extra = _body(job, amounts)
        start = time.monotonic()
        connection.request(job["method"], job["path"], body, headers | extra)
        response = connection.getresponse()
        page = response.read()
        last["bytes"] = len(page)
        if seen := SEEN.search(page):
            last["seen"] = seen[1].decode()
        results.append((response.status, time.monotonic() - start))


class Amounts:
    """Another amount of one product at each call, as from a page that shows the one before."""

    def __init__(self):
        self.amount = ""

    def change(self, product):
        was, self.amount = self.amount, 4 if self.amount == 3 else 3
        return {f"q-{product}": self.amount, f"was-{product}": was}


def _body(job, amounts):
    if job["method"] == "GET":
        return None, {}
    fields = dict(job["fields"])
    if product := fields.pop("changes", None):
        fields |= amounts.change(product)
    fields |= {"csrfmiddlewaretoken": "c" * 32, "once": str(uuid4())}
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return body, {"Content-Type": "application/x-www-form-urlencoded", "X-Bulq-Part": "order", "HX-Request": "true"}


if __name__ == "__main__":
    main()
