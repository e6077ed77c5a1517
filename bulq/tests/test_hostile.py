"""Bytes, numbers, methods and headers that none of our pages sends, at every address of the URLconf."""

from urllib.parse import quote

import pytest
from django.test import RequestFactory

from accounts.tests.factories import make_user
from bids import states
from bids.models import Bid
from bids.tests.stages import stage
from bids.tests.test_views import checksum
from bulq.kit.numbers import parse_id
from bulq.tests.client import FormClient, signed_in
from bulq.wsgi import application

from .test_access_matrix import OF_ADMIN, PUBLIC, RULES, SITE, admin_parameters, make_world, undone

pytestmark = pytest.mark.django_db
EVERYTHING = [*SITE, *OF_ADMIN]
URLENCODED = "application/x-www-form-urlencoded"


def full_width(number):
    return str(number).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})


@pytest.fixture
def world():
    return make_world()


def where(world, address, **changed):
    values = admin_parameters(address)
    return address.url(world.own | world.tokens.get(address.name, {}) | values | changed)


def tried(world, table):
    """`(who asks, address, row of the table)`: all rows at each address, and at those of the admin some in turn."""
    for number, address in enumerate(EVERYTHING):
        rows = [table[(number + more) % len(table)] for more in range(2)] if address.in_admin else table
        for turn, row in enumerate(rows):
            is_known = RULES.get(address.name, (PUBLIC,))[0] != PUBLIC or turn % 2 or address.in_admin
            role = "root" if address.in_admin else "alice" if is_known else "visitor"
            yield world.clients[role], address, row


def problems(answer, url, what):
    """A server error, or an answer without the headers that all our answers carry."""
    found = [f"{what} {url[:90]}: {answer.status_code}"] if answer.status_code >= 500 else []
    lacks = [name for name in ON_EVERY_ANSWER if name not in answer]
    wanted = "no-cache" if answer.get("Content-Type", "").startswith("text/calendar") else "no-store"
    if wanted not in answer.get("Cache-Control", ""):
        lacks.append(wanted)
    return found + [f"{what} {url[:90]}: {answer.status_code} without {lacks}" for _once in lacks[:1]]


ON_EVERY_ANSWER = (
    "X-Request-ID", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy",
    "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy",
)  # fmt: skip

# --- Bodies that are not forms --------------------------------------------------------------------------------------
CONTENT_TYPES = [
    *(f"{URLENCODED}; charset={name}" for name in ("utf-16", "utf-7", "latin-1", "hex", "rot13", "idna", "undefined")),
    *(f"{URLENCODED}; charset={name}" for name in ("nonsense", "x" * 5000, "ü")),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=ü"),
    "multipart/form-data; boundary=x; charset=utf-16",
    *(f"multipart/form-data; boundary*={name}''x" for name in ("utf-16", "hex")),
    *("application/json", "text/plain; charset=utf-16", "/", ";;;=", "multipart/form-data; boundary=x; boundary=y"),
]
BODIES = [b"", b"\xff\xfe\x00=%", b"--x\r\n\r\n", b"once=%ff&q=%00", b"&" * 999, b'{"q": 1}']


@pytest.mark.slow
def test_no_content_type_and_no_body_is_a_server_error(world):
    """Any claim about a form's content, with any content."""
    wrong, before = [], checksum()
    for client, address, number in tried(world, range(len(CONTENT_TYPES))):
        content_type, body, url = CONTENT_TYPES[number], BODIES[number % len(BODIES)], where(world, address)
        with undone(client):
            answer = client.generic("POST", url, body, content_type)
        wrong += problems(answer, url, f"{content_type[:60]!r} {body[:20]!r}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


@pytest.mark.slow
def test_no_query_is_a_server_error(world):
    """In every parameter that some page reads: characters that a database cannot store, endless numbers."""
    wrong = []
    names = ("q", "name", "brand", "store", "product", "page", "next", "on", "show", "by", "join", "link", "currency")
    names += ("p", "o", "e", "id__exact", "_changelist_filters", "at", "run", "group", "offer")
    texts = ("%00", "9" * 1000, quote(full_width(1)), "%ff%fe", "%ed%a0%80", "[", "//[", "-1", "1_0", "%2B1")
    for client, address, text in tried(world, texts):
        query, url = "&".join(f"{name}={text}" for name in names), where(world, address)
        with undone(client):
            wrong += problems(client.get(f"{url}?{query}"), url, f"?={text[:20]}")
    assert not wrong, "\n".join(wrong)


HEADERS = [
    {"cookie": 'sessionid="\\000aaaaaaaaaaaa"'}, {"cookie": f"sessionid={'x' * 5000}"}, {"cookie": "csrftoken=\\377"},
    {"cookie": "=;;=; sessionid"}, {"referer": "http://[::"}, {"origin": "http://["}, {"accept-language": "x" * 5000},
    {"if-modified-since": "yesterday"}, {"if-none-match": '"' * 99}, {"range": "bytes=9-1"}, {"hx-request": "true"},
    {"hx-request": "true", "hx-current-url": "http://["}, {"x-forwarded-for": "9" * 5000}, {"host": "a_b..c"},
    {"x-forwarded-proto": "ftp"}, {"x-request-id": "x" * 5000}, {"accept": "*/*;q=x,;;,"}, {"content-length": "-1"},
]  # fmt: skip


@pytest.mark.slow
def test_no_header_is_a_server_error(world):
    wrong = []
    for number, (client, address, headers) in enumerate(tried(world, HEADERS)):
        url, ask = where(world, address), (client.get, client.post)[number % 2]
        with undone(client):
            wrong += problems(ask(url, headers=headers), url, headers)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_pages_answer_head_requests(world):
    """HEAD wherever GET: the same status, without a body."""
    wrong = []
    for address in [address for address in SITE if "GET" in RULES[address.name][1]]:
        client, url = world.clients["alice"], where(world, address)
        with undone(client):
            page = client.get(url)
        with undone(client):
            head = client.head(url)
        if (head.status_code, head.content) != (page.status_code, b""):
            wrong.append(f"{url}: {head.status_code} instead of {page.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_unknown_methods_get_405(world):
    """Also on the framework's own views, which treat PUT like POST."""
    wrong = []
    for address in SITE:
        client, url = world.clients["alice"], where(world, address)
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            answer = client.generic(method, url)
            if answer.status_code != 405:
                wrong.append(f"{method} {url}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


# --- Too much -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "sentence", "ask"),
    [
        (400, "understand this request", lambda client: client.post("/login/", b"--", "multipart/form-data")),
        (400, "understand this request", lambda client: client.get("/login/", headers={"host": "evil.example"})),
        (413, "too much at once", lambda client: client.post("/login/", {"username": "x" * 2_621_441})),
        (413, "too much at once", lambda client: client.post("/login/", {f"f{n}": "" for n in range(1001)})),
        (413, "too much at once", lambda client: client.get("/login/?" + "&".join("q=" for _n in range(1100)))),
        (414, "too long", lambda client: client.get(f"/products/?q={'x' * 4000}")),
    ],
)
def test_unreadable_requests_are_answered_with_our_page(status, sentence, ask, caplog):
    """Our head, a sentence, and the request id that is in the log too."""
    answer = ask(FormClient())
    assert (answer.status_code, problems(answer, "", "")) == (status, [])
    assert 'class="topbar"' in answer.text
    assert sentence in answer.text
    assert answer["X-Request-ID"] in answer.text
    assert "Refused before any view" in caplog.text


def test_a_header_that_breaks_the_framework_gets_a_page_too():
    """Django reads it before any middleware."""
    answers = []
    environ = RequestFactory().post("/login/").environ | {"CONTENT_TYPE": "text/plain; charset*=nonsense''x"}
    body = b"".join(application(environ, lambda status, _headers: answers.append(status)))
    assert (answers, b"understand this request" in body) == (["400 Bad Request"], True)


@pytest.mark.parametrize("url", ["/nowhere/", "/login", "/groups", "/static/nothing.css", "/health/live"])
def test_every_answer_carries_every_header(db, url):
    """Missing pages, forgotten slashes, no matter what made the answer."""
    for client in (FormClient(), signed_in(make_user("Alice"))):
        assert problems(client.get(url), url, "") == []


# --- Ids ------------------------------------------------------------------------------------------------------------
def test_an_id_is_ascii_digits_that_fit_into_a_column():
    assert (parse_id("0"), parse_id("1"), parse_id("9" * 18)) == (0, 1, 10**18 - 1)
    strange = ("", "-1", "+1", " 1", "1 ", "1_0", "1.0", "1e3", full_width(1), "٣", "²", "9" * 19, "9" * 5000)
    assert {parse_id(text) for text in (*strange, None)} == {None}


@pytest.mark.slow
def test_strange_ids_in_an_address_are_missing_and_do_nothing(world):
    """Each id of each address in turn; the other ids are right."""
    wrong, before = [], checksum()
    for address in SITE:
        ids = [word for word in address.parameters if word.endswith("_id")]
        for word in ids:
            right = (world.own | admin_parameters(address)).get(word, 1)
            for strange in ("9" * 5000, "9" * 30, full_width(right), "0", f"+{right}", "\0"):
                url = where(world, address, **{word: strange})
                answer = world.clients["alice"].post(url, dict(world.form))
                wrong += problems(answer, url, word)
                if answer.status_code < 400:
                    wrong.append(f"{url[:90]}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


SENT_NUMBERS = ("seen", "waiting", "open_lines", "version", "was", "owed")


@pytest.mark.slow
@pytest.mark.parametrize("state", [states.ACTIVE, states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING])
def test_strange_ids_in_a_form_are_refused_and_do_nothing(state):
    """Every form that sends an id of a person or an object, in each state, by the leader."""
    scene, wrong = stage(state), []
    values = {"run_id": scene.run.pk, "group_id": scene.group.pk, "product_id": scene.oil.pk, "user_id": scene.bob.pk}
    values |= {"store_id": scene.store.pk, "token": scene.group.join_token, "uidb64": "x", "offer_id": 1, "price_id": 1}
    values |= {"event_id": 1, "notification_id": 1, "cost_id": 1}
    client, before = signed_in(scene.alice), checksum()
    client.raise_request_exception = False
    good = {"quantity": "1", "day": "", "note": "", "was-1": "", "counted_in": "unit", "price": "1", "price_for": "all"}
    rights = {"product": scene.spare.pk, "whose": scene.bob.pk, "payer": scene.bob.pk, "store": scene.store.pk}
    rights |= {"person": scene.bob.pk, "minus": scene.oil.pk, "plus": scene.oil.pk}
    for address in [address for address in SITE if address.name in NEEDED]:
        for name in (*NEEDED[address.name], *SENT_NUMBERS):
            right = rights.get(name, 1)
            for strange in ("9" * 5000, full_width(right), f" {right}", f"{right}_0", "\0"):
                url = address.url(values)
                with undone(client) as answers:
                    sent = good | {key: value for key, value in rights.items() if key not in ("plus", "minus")}
                    if address.name == "run-order" or name == "thing":
                        sent = {}
                    answers.append(answer := client.post(url, sent | {name: strange}))
                wrong += problems(answer, url, f"{name}={strange[:20]!r}")
                if name in NEEDED[address.name] and answer.status_code < 400:
                    wrong.append(f"{url} took {name}={strange!r}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


NEEDED = {
    "run-order": ("minus", "plus"), "run-pick-up": ("person", "thing"), "shop-add": ("product", "whose"),
    "shop-finish": ("payer",), "run-new": ("store",), "run-lead": ("person",),
}  # fmt: skip


def test_a_button_without_its_field_changes_nothing(db):
    """`minus=5` without `q-5` does not say which amount it showed."""
    scene = stage(states.ACTIVE)
    for button in ("minus", "plus"):
        answer = signed_in(scene.bob).post(f"/runs/{scene.run.pk}/order/", {button: scene.oil.pk})
        assert answer.status_code == 422
        assert Bid.objects.get(participation__user=scene.bob, product=scene.oil).quantity == 4
        assert "incomplete" in answer.text


@pytest.mark.parametrize(("state", "page"), [(states.ACTIVE, "p"), (states.ADJUSTING, "sort-out")])
def test_id_zero_is_not_the_reader(db, state, page):
    """/p/5/0/ names a person who does not exist."""
    scene = stage(state)
    before = list(Bid.objects.order_by("pk").values())
    answer = signed_in(scene.bob).post(f"/runs/{scene.run.pk}/{page}/{scene.oil.pk}/0/", {"quantity": "9", "was": "4"})
    assert (answer.status_code, list(Bid.objects.order_by("pk").values())) == (404, before)
