"""Asks for pages over kept-open connections, from a process of its own; prints what it measured as JSON."""

import http.client
import json
import sys
import threading
import time
from itertools import count
from uuid import uuid4


def main():
    job = json.load(sys.stdin)
    results = []
    numbers = count()
    threads = [
        threading.Thread(target=_ask, args=(job, cookie, numbers, results))
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
        },
        sys.stdout,
    )


def _ask(job, cookie, numbers, results):
    connection = http.client.HTTPConnection("127.0.0.1", job["port"], timeout=60)
    deadline = time.monotonic() + job["seconds"]
    headers = {"Cookie": f"sessionid={cookie}; csrftoken={'c' * 32}"}
    while time.monotonic() < deadline and next(numbers) < job["most"]:
        body, extra = _body(job)
        start = time.monotonic()
        connection.request(job["method"], job["path"], body, headers | extra)
        response = connection.getresponse()
        response.read()
        results.append((response.status, time.monotonic() - start))


def _body(job):
    if job["method"] == "GET":
        return None, {}
    fields = {"csrfmiddlewaretoken": "c" * 32, "once": str(uuid4())} | job["fields"]
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return body, {"Content-Type": "application/x-www-form-urlencoded", "X-Bulq-Part": "order", "HX-Request": "true"}


if __name__ == "__main__":
    main()
