"""S5, S7: what a log line contains, and what it leaves out."""

import json
import logging
import re
from ipaddress import ip_network

import pytest
from django.core import mail
from django.test import Client

from accounts.tests.factories import make_user
from bulq.logs import lines
from bulq.tests.client import signed_in

DEAD = "canary-dead-token"
ESCAPES = 'x\r\n{"level": "INFO"}\x1b[31m\u2028'


def line(message, *args, as_json=False, **options):
    record = logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": message, "args": args, **options})
    return (lines.JsonLine if as_json else lines.TextLine)().format(record)


def test_any_message_stays_one_line():
    """S5, S7."""
    assert "\n" not in line("%s", ESCAPES)
    assert "\x1b" not in line("%s", ESCAPES)
    assert json.loads(line("%s", ESCAPES, as_json=True))["message"] == ESCAPES


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("redis://:pass@word@host:1/2 away", "redis://host:1 away"),
        ("checking failed - https://site/join/token/?a=b does not", "checking failed - https://site does not"),
        ("('https://hooks.example/secret', 3)", "('https://hooks.example', 3)"),
        ("no address: a/b", "no address: a/b"),
    ],
)
def test_only_the_host_of_an_address_is_kept(text, stays):
    assert json.loads(line(text, as_json=True))["message"] == stays


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ('duplicate key violates "u"\nDETAIL:  Key (token)=(secret)', 'duplicate key violates "u"'),
        ('invalid input syntax for type integer: "secret"\nLINE 1: ...', "invalid input syntax for type integer: ..."),
        ("Reverse for 'x' with arguments '{'token': 'secret'}'", "Reverse for 'x' with arguments '{'token': ..."),
        ("[Errno 2] No such file: 'a'", "[Errno 2] No such file: 'a'"),
    ],
)
def test_no_value_in_an_exception_text_is_kept(text, stays):
    assert lines.first_line(text) == stays


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'GET {DEAD}'",
        f'Invalid request from ip=127.0.0.1: Invalid HTTP Header: b"{DEAD}"',
        f"Error handling request GET /join/{DEAD}/",
    ],
)
def test_bytes_that_gunicorn_could_not_read_are_not_repeated(text):
    assert DEAD not in line(text, name="gunicorn.error")


def test_an_exception_comes_with_its_causes_even_in_a_circle():
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError as error:
        error.__cause__.__cause__ = error
        traceback = json.loads(line("x", as_json=True, exc_info=(type(error), error, error.__traceback__)))["exc_info"]
    assert re.search(r"builtins.KeyError: 'first'\n\nwhich led to\n\n(.*\n)+builtins.ValueError: second$", traceback)


@pytest.mark.parametrize("given", ["", "a b", "a\x1b", "x" * 65, '"}', "é"])
def test_an_invalid_id_is_replaced(given):
    assert re.fullmatch("[0-9a-f]{32}", lines.request_id(given, is_trusted=True))


def test_an_id_is_taken_only_from_a_trusted_proxy(db, settings):
    def answered():
        return Client().get("/login/", headers={"X-Request-ID": "mine"})["X-Request-ID"]

    settings.TRUSTED_PROXIES = []
    assert answered() != "mine"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    assert answered() == "mine"


def test_a_line_costs_no_query(db, django_assert_num_queries, caplog):
    bob = signed_in(make_user("Bob"))
    with django_assert_num_queries(0), caplog.at_level(logging.INFO):
        bob.get("/static/css/app.css").close()
    assert [record.getMessage() for record in caplog.records] == ["GET - 200"]


def test_nobody_is_mailed_a_traceback(db, settings, client):
    settings.ADMINS = [("Root", "root@bulq.test")]
    client.raise_request_exception = False
    logging.getLogger("django.request").critical("x", extra={"status_code": 500})
    logging.getLogger("django").error("x")
    assert mail.outbox == []
