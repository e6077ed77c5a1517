"""Who can see and do what at every address of a run, and that each form has one effect (D6, S2, S3)."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import localdate

from accounts.tests.factories import make_group
from bids import states, urls
from bids.actions import again, bidding, distribution, lead, packs, payments, receipts, shopping
from bids.actions.closing import closing_version
from bids.actions.runs import start_run
from bids.models import Bid, Run
from bids.reading.board import Board
from bids.reading.division import Division
from bids.reading.lines import lines_of
from bids.reading.money import net_between
from bids.reading.packs import open_packs
from bids.reading.receipts import comparison_of
from bids.reading.sums import owed_by_person
from bulq.tests.client import FormClient, signed_in

from .stages import stage

pytestmark = pytest.mark.django_db

LATER = {"closing_day": (localdate() + timedelta(days=9)).isoformat(), "closing_time": "18:00", "at_closing": "lock"}
PURCHASE = {"quantity": "5", "counted_in": "unit", "price": "37.00", "price_for": "all"}


def _fingerprint(scene):
    return Division(scene.run, lines_of(scene.run)).fingerprint()


def _open(scene):
    return comparison_of(scene.run).version


def _eve_owes(scene):
    return str(owed_by_person(scene.run)[scene.run.participations.get(user=scene.eve).pk])


def _bob_owes(scene):
    owed = net_between(scene.bob, scene.alice, scene.group).owes
    return {"amount": str(owed), "owed": str(owed)}


# address, state, who posts, further parts of the address, what is posted
POSTS = [
    ("group-archive", None, "alice", ["other"], {}),
    ("run-new", states.PLANNING, "alice", ["group"], lambda scene: {"store": scene.store.pk, "note": "again"}),
    ("run-edit", states.ACTIVE, "alice", [], {"day": "", "note": "later", "version": "|"}),
    ("run-leave", states.ACTIVE, "eve", [], {}),
    ("run-lock", states.ACTIVE, "alice", [], {}),
    ("run-unlock", states.CONFIRMED, "alice", [], {}),
    ("run-closing", states.ACTIVE, "alice", [], lambda scene: LATER | {"version": closing_version(scene.run)}),
    ("run-remind", states.ACTIVE, "alice", [], {}),
    ("run-start-shopping", states.CONFIRMED, "alice", [], {}),
    ("run-stop-shopping", "empty shop", "alice", [], {}),
    ("run-call-off", states.ACTIVE, "alice", [], {}),
    ("run-helper", states.ACTIVE, "alice", ["eve"], {"helps": "1"}),
    ("run-lead", states.ACTIVE, "alice", [], lambda scene: {"person": scene.bob.pk}),
    ("run-lead-withdraw", "offered", "alice", [], {}),
    ("run-lead-answer", "offered", "bob", [], {"answer": "yes"}),
    ("run-order", states.ACTIVE, "bob", [], lambda scene: {f"q-{scene.oil.pk}": "3", f"was-{scene.oil.pk}": "4"}),
    ("order-undo", "removed", "bob", ["event"], {}),
    ("run-ready", states.ACTIVE, "bob", [], {"ready": "1"}),
    ("run-product", states.ACTIVE, "bob", ["oil"], {"quantity": "2", "comment": "the red one", "was": "4"}),
    ("run-product-of", states.ACTIVE, "alice", ["oil", "bob"], {"quantity": "2", "was": "4"}),
    (
        "shop-add",
        states.SHOPPING,
        "bob",
        [],
        lambda scene: {"product": scene.spare.pk, "quantity": 2, "whose": scene.eve.pk},
    ),
    ("shop-finish", states.SHOPPING, "alice", [], lambda scene: {"payer": scene.bob.pk, "open_lines": 2}),
    ("item-buy", states.SHOPPING, "bob", ["item"], PURCHASE | {"seen": "0"}),
    ("item-not-there", states.SHOPPING, "bob", ["item"], {}),
    ("run-packs", "packs", "alice", [], lambda scene: {f"pack-{scene.oil.pk}": "drop", **_seen(scene)}),
    ("run-packs-undo", "dropped", "alice", ["event"], {}),
    ("run-last-stretch", states.ACTIVE, "alice", [], {"on": "1"}),
    ("run-again", "again", "bob", [], {}),
    ("run-again-undo", "taken", "bob", ["event"], {}),
    ("run-drop-list", "again", "alice", [], {}),
    ("item-instead", "missing", "bob", ["item", "spare"], {}),
    ("item-price", states.SHOPPING, "bob", ["item"], {"amount": "7.10", "quantity": "1"}),
    ("purchase-edit", states.SHOPPING, "bob", ["purchase"], PURCHASE | {"quantity": "1.4", "seen": "1"}),
    ("purchase-undo", states.SHOPPING, "bob", ["purchase"], {}),
    ("run-start-hand-out", "sorted", "alice", [], {}),
    ("run-pick-up", states.DISTRIBUTING, "bob", [], lambda scene: {"thing": scene.allocation.pk}),
    ("sort-out", states.ADJUSTING, "bob", ["oil"], {"quantity": "3", "was": "4"}),
    ("sort-out-of", states.ADJUSTING, "alice", ["oil", "eve"], {"quantity": "1", "was": "2"}),
    ("run-force", states.ADJUSTING, "alice", [], lambda scene: {"seen": _fingerprint(scene)}),
    ("run-paid", states.DISTRIBUTING, "alice", ["eve"], lambda scene: {"paid": "1", "owed": _eve_owes(scene)}),
    ("extra-add", states.SHOPPING, "bob", [], {"label": "Fuel", "amount": "2.00"}),
    ("extra-remove", states.DISTRIBUTING, "bob", ["cost"], {}),
    ("receipt-add", states.SHOPPING, "bob", [], {"label": "Till 4", "amount": "2.00"}),
    ("receipt-remove", "receipt", "bob", ["receipt"], {}),
    (
        "run-difference",
        "receipt",
        "alice",
        [],
        lambda scene: {"choice": "split", "seen": _open(scene)},
    ),
    ("run-difference-back", "taken over", "alice", [], {}),
    ("money-paid", states.DISTRIBUTING, "bob", ["group", "alice"], _bob_owes),
    ("money-marked", states.DISTRIBUTING, "alice", ["group", "bob"], _bob_owes),
    ("money-remind", states.DISTRIBUTING, "alice", ["group", "bob"], {}),
    ("payment-confirm", "said", "alice", ["payment"], {}),
    ("payment-not-arrived", "said", "alice", ["payment"], {"note": "Not yet"}),
    ("payment-undo", "arrived", "alice", ["payment"], {}),
    ("payment-take-back", "said", "bob", ["payment"], {}),
    ("total-correct", states.DISTRIBUTING, "alice", ["purchase"], {"total": "36.00", "was": "37.00"}),
    ("run-complete", states.DISTRIBUTING, "alice", [], {"waiting": "3"}),
    ("run-reopen", states.COMPLETED, "alice", [], {}),
    ("run-back-to-shop", states.DISTRIBUTING, "alice", [], {}),
]
IDS = [post[0] for post in POSTS]


def _prepare(state):
    """The scene that a post needs, where the state alone is not enough."""
    scene = stage(
        {
            "empty shop": states.SHOPPING, "offered": states.ACTIVE, "removed": states.ACTIVE,
            "packs": states.ACTIVE, "dropped": states.ACTIVE, "sorted": states.ADJUSTING, "missing": states.SHOPPING,
            "receipt": states.DISTRIBUTING, "taken over": states.DISTRIBUTING, "said": states.DISTRIBUTING,
            "arrived": states.DISTRIBUTING,
            "again": states.ACTIVE, "taken": states.ACTIVE, None: states.PLANNING,
        }.get(state, state)
    )  # fmt: skip
    if state == "empty shop":
        shopping.undo_purchase(scene.purchase, by=scene.bob)
    elif state == "offered":
        lead.offer_lead(scene.run, scene.bob, by=scene.alice)
    elif state == "removed":
        scene.event = bidding.place_bids(scene.run, [bidding.Wish(scene.oil.pk, 0)], by=scene.bob).removed[0]
    elif state in ("again", "taken"):
        past, scene.run = scene.run, start_run(scene.group, store=scene.store, by=scene.alice)
        Run.objects.filter(pk=scene.run.pk).update(again_of=past, brings_list=True)
        if state == "taken":
            scene.event, _left_out = again.order_last_time(scene.run, by=scene.bob)
    elif state in ("packs", "dropped"):
        bidding.place_bids(scene.run, [bidding.Wish(scene.oil.pk, 5)], by=scene.bob)
        if state == "dropped":
            [scene.event] = packs.close_packs(scene.run, {scene.oil.pk: ("drop", _pack(scene))}, by=scene.alice)
    elif state == "missing":
        Bid.objects.filter(product=scene.oil).update(substitute=scene.spare)
        shopping.set_not_there(scene.item, True, by=scene.bob)
    elif state in ("receipt", "taken over"):
        scene.receipt = receipts.add_receipt(scene.run, amount=Decimal("52.00"), by=scene.bob)
        if state == "taken over":
            receipts.leave_to_payer(scene.run, seen=_open(scene), by=scene.alice)
    elif state in ("said", "arrived"):
        owed = net_between(scene.bob, scene.alice, scene.group).owes
        scene.payment = payments.say_paid(scene.group, scene.alice, owed, owed=owed, by=scene.bob)
        if state == "arrived":
            payments.confirm(scene.payment, by=scene.alice)
    elif state == "sorted":
        distribution.sort_out(scene.run, scene.oil, 3, was=4, by=scene.bob)
    return scene


def _pack(scene):
    return open_packs(Board(scene.run))[0].fingerprint()


def _seen(scene):
    return {f"seen-{scene.oil.pk}": _pack(scene)}


def _address(name, scene, parts):
    if name == "group-archive":
        scene.other = make_group("Quiet", admin=scene.alice)
    ids = [getattr(scene, part).pk for part in parts]
    return reverse(
        name, args=ids if name.startswith(("group-archive", "run-new", "money-", "payment-")) else [scene.run.pk, *ids]
    )


def _data(data, scene):
    return data(scene) if callable(data) else dict(data)


def checksum():
    """Digest of every table that a form may change, without forms already answered, sessions and logins."""
    left_out = {"django_session", "bulq_sentform", "django_migrations"}
    with connection.cursor() as cursor:
        tables = sorted(set(connection.introspection.table_names(cursor)) - left_out)
        sums = [
            "(SELECT md5(string_agg(row, '|' ORDER BY row)) FROM"
            f" (SELECT (to_jsonb(t) - 'last_login')::text AS row FROM {connection.ops.quote_name(table)} t) rows)"
            for table in tables
        ]
        cursor.execute("SELECT " + ", ".join(sums))
        return dict(zip(tables, cursor.fetchone(), strict=True))


@pytest.mark.parametrize(("name", "state", "who", "parts", "data"), POSTS, ids=IDS)
def test_the_same_form_sent_twice_has_one_effect_and_one_answer(name, state, who, parts, data):
    """D6: the second answer is the first one, whatever happened to the run."""
    scene = _prepare(state)
    client = signed_in(getattr(scene, who))
    url, form = _address(name, scene, parts), _data(data, scene) | {"once": str(uuid.uuid4())}
    before = checksum()
    first = client.post(url, form)
    after = checksum()
    second = client.post(url, form)
    assert first.status_code == 302, first.content.decode()[-3000:]
    assert before != after
    assert (second.status_code, second["Location"]) == (first.status_code, first["Location"])
    assert checksum() == after


# The row itself shows the mark, and how to undo it.
SEEN_BY_THEMSELVES = {"run-pick-up", "run-paid"}


@pytest.mark.parametrize(("name", "state", "who", "parts", "data"), POSTS, ids=IDS)
def test_the_page_after_an_action_says_what_was_done(name, state, who, parts, data):
    scene = _prepare(state)
    client = signed_in(getattr(scene, who))
    answer = client.post(_address(name, scene, parts), _data(data, scene), follow=True)
    assert answer.status_code == 200
    assert ('<div class="toast">' in answer.content.decode()) != (name in SEEN_BY_THEMSELVES)


@pytest.mark.parametrize(("name", "state", "who", "parts", "data"), POSTS, ids=IDS)
def test_outsiders_find_nothing_and_change_nothing(name, state, who, parts, data):
    """S2: for people outside the group everything in it is the same missing page."""
    scene = _prepare(state)
    url, before = _address(name, scene, parts), checksum()
    for method in ("get", "post"):
        answer = getattr(signed_in(scene.charlie), method)(url, _data(data, scene) if method == "post" else None)
        assert answer.status_code in (404, 405)
    anonymous = FormClient().post(url, _data(data, scene))
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/login/")
    assert checksum() == before


@pytest.mark.parametrize(("name", "state", "who", "parts", "data"), POSTS, ids=IDS)
def test_a_form_without_its_one_time_id_changes_nothing(name, state, who, parts, data):
    scene = _prepare(state)
    url, before = _address(name, scene, parts), checksum()
    answer = signed_in(getattr(scene, who)).post(url, _data(data, scene), once=False)
    assert answer.status_code == 422
    assert "Reload the page" in answer.content.decode()
    assert checksum() == before


ONLY_SOME = {post[0] for post in POSTS} - {
    "run-leave",
    "run-again",
    "run-order",
    "order-undo",
    "run-ready",
    "run-product",
    "run-new",
}


@pytest.mark.parametrize(
    ("name", "state", "who", "parts", "data"), [post for post in POSTS if post[0] in ONLY_SOME - {"sort-out"}]
)
def test_a_member_who_is_not_in_the_run_cannot_run_it(name, state, who, parts, data):
    """Dora sees the run, but neither leads nor helps."""
    scene = _prepare(state)
    url, before = _address(name, scene, parts), checksum()
    answer = signed_in(scene.dora).post(url, _data(data, scene))
    assert 400 <= answer.status_code < 500
    assert checksum() == before


def test_every_posting_address_is_tried():
    """S3: a new posting address has to be added above."""
    get_only = {
        "home", "me", "me-data", "group", "run", "run-more", "run-history", "run-add", "run-shop", "run-hand-out",
        "run-costs", "run-print", "run-csv", "run-json", "store", "inbox", "sharing", "calendar", "money", "payments",
        "statement-csv", "statement-json", "group-money", "money-with", "group-statement-csv", "group-statement-json",
        "run-estimate",
    }  # fmt: skip
    in_test_notifications = {"inbox-open", "inbox-read"}
    assert {pattern.name for pattern in urls.urlpatterns} - get_only - in_test_notifications == set(IDS)


GETS = ["run", "run-more", "run-history", "run-add", "run-shop", "run-hand-out", "run-costs"]


@pytest.mark.parametrize("name", GETS)
@pytest.mark.parametrize("state", [states.PLANNING, states.ACTIVE, states.SHOPPING, states.DISTRIBUTING])
def test_only_its_group_sees_the_pages_of_a_run(name, state):
    """S2: every member can read them; outsiders and former members find nothing; visitors log in first."""
    scene = stage(state)
    url = reverse(name, args=[scene.run.pk])
    assert signed_in(scene.dora).get(url, follow=True).status_code == 200
    assert signed_in(scene.charlie).get(url).status_code == 404
    assert FormClient().get(url)["Location"].startswith("/login/")
    assert signed_in(scene.dora).post(url).status_code == 405
    scene.group.memberships.filter(user=scene.dora).delete()
    assert signed_in(scene.dora).get(url).status_code == 404


def test_objects_of_another_run_are_missing():
    """S2: every nested id is resolved through its run."""
    scene, other = stage(states.DISTRIBUTING), stage(states.DISTRIBUTING)
    client = signed_in(scene.alice)
    for name, ids in (
        ("extra-remove", [other.cost.pk]),
        ("receipt-remove", [receipts.add_receipt(other.run, amount=Decimal(1), by=other.bob).pk]),
        ("total-correct", [other.purchase.pk]),
        ("run-paid", [other.eve.pk]),
        ("sort-out-of", [scene.oil.pk, other.eve.pk]),
        ("order-undo", [other.run.events.first().pk]),
    ):
        assert client.post(reverse(name, args=[scene.run.pk, *ids]), {"paid": "1"}).status_code == 404, name
    answer = client.post(reverse("run-pick-up", args=[scene.run.pk]), {"thing": other.allocation.pk})
    assert answer.status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["", "x", "-1", "9" * 30, "1' OR 1=1", "\x00"])
def test_odd_values_never_break_a_page(bad):
    """Spec 72: a malformed value gets a sentence or a missing page, never a server error."""
    for state in (states.ACTIVE, states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING):
        scene = stage(state)
        for name, needed, who, parts, data in POSTS:
            if needed != state:
                continue
            client, good = signed_in(getattr(scene, who)), _data(data, scene)
            for field in good:
                answer = client.post(_address(name, scene, parts), good | {field: bad})
                assert answer.status_code < 500, (name, field)
        client = signed_in(scene.alice)
        for query in ("q", "page", "show", "by"):
            for name in GETS:
                answer = client.get(reverse(name, args=[scene.run.pk]), {query: bad}, follow=True)
                assert answer.status_code < 500, (name, query)


@pytest.mark.slow
def test_a_get_request_changes_nothing():
    """S3: reading only reads."""
    for state in (states.ACTIVE, states.SHOPPING, states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED):
        scene = stage(state)
        before, client = checksum(), signed_in(scene.alice)
        for pattern in urls.urlpatterns:
            names = re.findall(r"<\w+:(\w+)>", str(pattern.pattern))
            known = {"run_id": scene.run, "group_id": scene.group, "product_id": scene.oil, "user_id": scene.bob}
            ids = [known[name].pk if name in known else 1 for name in names]
            client.get(reverse(pattern.name, args=ids))
        after = checksum()
        assert {table for table in before if before[table] != after[table]} == set(), state
