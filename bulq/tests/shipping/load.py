"""People who use the site while an operator works on it."""

import contextlib
import threading
from itertools import count
from uuid import uuid4

import psycopg

from .machine import until

_numbers = count(1)
# Seconds between an answer and the next question: the processor is for who is looked at, and a restart takes longer.
PAUSE = 0.25


class Load:
    """Answers so far, by method: statuses, and for forms the name of the group that they make."""

    def __init__(self):
        self.seen, self.tag = {"GET": [], "POST": []}, uuid4().hex[:8]

    def goes_on(self, times=5):
        """Wait until everyone has received more answers."""
        before = {method: len(answers) for method, answers in self.seen.items()}
        until(lambda: all(len(self.seen[method]) > number + times for method, number in before.items()))


@contextlib.contextmanager
def load(site, page, cookies):
    """Three request a page, one sends forms. Afterwards everyone was answered, and each form had one effect."""
    load, over = Load(), threading.Event()

    def ask(method):
        while not over.wait(PAUSE):
            fields = {"name": f"{load.tag} {next(_numbers)}", "currency": "EUR"} if method == "POST" else None
            status, _headers, _body = site.ask(method, "/groups/new/" if fields else page, fields, cookies=cookies)
            load.seen[method].append((status, fields and fields["name"]))

    people = [threading.Thread(target=ask, args=(method,), daemon=True) for method in ("GET", "GET", "GET", "POST")]
    for person in people:
        person.start()
    try:
        load.goes_on()
        yield load
        load.goes_on()
    finally:
        over.set()
        for person in people:
            person.join(120)
    statuses = {method: {status for status, _name in answers} for method, answers in load.seen.items()}
    assert statuses == {"GET": {200}, "POST": {302}}, statuses
    with psycopg.connect(site.environment("web")["DATABASE_URL"]) as link:
        question = "SELECT name FROM accounts_group WHERE name LIKE %s"
        stored = [name for [name] in link.execute(question, [f"{load.tag} %"])]
    assert sorted(stored) == sorted(name for _status, name in load.seen["POST"])  # none lost, none twice
