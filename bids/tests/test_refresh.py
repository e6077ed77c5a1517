"""An open order table brings itself up to date with a part of its page (bids/views/refresh.py)."""

import re
from decimal import Decimal

import pytest

from accounts.actions.membership import end_membership
from bids.actions import bidding, lead, membership, packs, runs, stretch
from bids.actions.bidding import Terms, Wish
from bids.reading.board import Board
from bids.reading.packs import open_packs
from bids.views import refresh
from bulq.tests.client import signed_in
from stores.models import Offer, Price
from stores.tests.factories import make_product

from .cast import D, stage
from .factories import order

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<tr role="row" id="p([0-9]+)">.*?</tr>', re.DOTALL)
LINE = re.compile(r'<(tr|li)(?: role="row")? id="([pu][0-9]+)">.*?</\1>', re.DOTALL)
LIST = re.compile(r'(<(tbody|ul)[^>]*?) data-lines="([pu0-9 ]*)">(.*?)(</\2>)', re.DOTALL)
CHANGING = re.compile(r'(?:name="csrfmiddlewaretoken"|name="once"|data-seen=)[^>]*')


def page_of(scene, user, seen="", query="", language="en"):
    headers = {"X-Bulq-Part": "live", "X-Bulq-Seen": seen, "Accept-Language": language}
    answer = signed_in(user).get(f"/runs/{scene.run.pk}/{query}", headers=headers)
    assert answer.status_code == 200
    return answer.text


def stamp_of(page):
    return re.search(r'data-seen="([^"]*)"', page)[1]


def words_of(page):
    """What the person sees, tag by tag, without ids that differ from page to page."""
    main = CHANGING.sub("", re.search(r"<main.*</main>", page, re.DOTALL)[0])
    return re.sub(r"\s*([<>])\s*", r" \1 ", main).split()


def rows_of(page):
    return {match[1]: match[0] for match in ROW.finditer(page)}


def taken_in(old, answer):
    """The page after static/js/live.js has put what it has into the answer: lines, and the form of the order."""
    if form := re.search(r'<form id="order".*?</form>', old, re.DOTALL):
        answer = answer.replace('<form id="order"></form>', form[0])
    lines = {match[2]: match[0] for page in (old, answer) for match in LINE.finditer(page)}
    return LIST.sub(lambda match: f"{match[1]}>{''.join(lines[line] for line in match[3].split())}{match[5]}", answer)


def set_price(scene, amount):
    offer, _made = Offer.objects.get_or_create(product=scene.oil, store=scene.run.store)
    Price.objects.create(offer=offer, amount=Decimal(amount), quantity=1)


def set_offer(scene, **terms):
    Offer.objects.update_or_create(product=scene.oil, store=scene.run.store, defaults=terms)


def rename(row, name):
    row.name = name
    row.save()


def set_terms(scene, user, terms):
    quantity = scene.wanted(user, scene.oil)
    bidding.place_bids(scene.run, [Wish(scene.oil.pk, quantity, terms=terms)], by=user)


def round_down(scene):
    set_offer(scene, pack_size=5)
    [pack] = open_packs(Board(scene.run))
    packs.close_packs(scene.run, {scene.oil.pk: ("down", pack.fingerprint())}, by=scene.alice)


def take_off(scene):
    order(scene.run, scene.bob, scene.gouda, 0)


# Whatever can change an order table: by people in the run, by its leader, elsewhere in the catalogue.
CHANGES = {
    "nothing": lambda _scene: None,
    "an amount": lambda scene: order(scene.run, scene.hana, scene.oil, 7),
    "a limit": lambda scene: set_terms(scene, scene.hana, Terms(D(9))),
    "all or nothing": lambda scene: set_terms(scene, scene.hana, Terms(all_or_nothing=True)),
    "the reader's own limit": lambda scene: set_terms(scene, scene.bob, Terms(D(9), instead="rape")),
    "packs rounded down": lambda scene: round_down(scene),
    "the last stretch": lambda scene: stretch.set_last_stretch(scene.run, True, by=scene.alice),
    "maybe": lambda scene: order(scene.run, scene.hana, scene.gouda, None),
    "a comment": lambda scene: order(scene.run, scene.hana, scene.oil, 2, comment="<b>the small ones</b>"),
    "a product nobody wanted before": lambda scene: order(scene.run, scene.hana, make_product("Rice"), 3),
    "a product nobody wants any more": take_off,
    "a person who was not there": lambda scene: order(scene.run, scene.dora, scene.oil, 1),
    "done choosing": lambda scene: bidding.set_ready(scene.run, True, by=scene.bob),
    "choosing again": lambda scene: (
        bidding.set_ready(scene.run, True, by=scene.bob),
        order(scene.run, scene.bob, scene.oil, 6),
    ),
    "the reader's own order, by the leader": lambda scene: bidding.place_bids(
        scene.run, [Wish(scene.oil.pk, D(9))], by=scene.alice, whose=scene.bob
    ),
    "left the run": lambda scene: membership.leave_run(scene.run, by=scene.hana),
    "left the group": lambda scene: end_membership(scene.group.pk, scene.hana.pk, by=scene.hana),
    "no longer a helper": lambda scene: lead.set_helper(scene.run, scene.hana, False, by=scene.alice),
    "asked to lead": lambda scene: lead.offer_lead(scene.run, scene.bob, by=scene.alice),
    "another leader": lambda scene: (
        lead.offer_lead(scene.run, scene.bob, by=scene.alice),
        lead.accept_lead(scene.run, by=scene.bob),
    ),
    "another day": lambda scene: runs.edit_run(
        scene.run, by=scene.alice, day=None, note="Bring bags", version=runs.details_version(scene.run)
    ),
    "locked": lambda scene: runs.lock_list(scene.run, by=scene.alice),
    "called off": lambda scene: runs.call_off(scene.run, by=scene.alice),
    "a first price": lambda scene: set_price(scene, "12.50"),
    "another price": lambda scene: (
        set_price(scene, "12.50"),
        order(scene.run, scene.hana, scene.oil, 3),
        set_price(scene, "9"),
    ),
    "a pack": lambda scene: set_offer(scene, pack_size=6, min_quantity=2, note="top shelf"),
    "another name of a product": lambda scene: rename(scene.oil, "Olive oil"),
    "another name of a person": lambda scene: rename(scene.hana, "Hannah"),
    "another name of the group": lambda scene: rename(scene.group, "Neighbours"),
    "two amounts": lambda scene: (
        order(scene.run, scene.hana, scene.oil, 7),
        order(scene.run, scene.hana, scene.gouda, 2),
    ),
    "the first who wanted it takes it off": lambda scene: (
        order(scene.run, scene.alice, scene.oil, 0),
        order(scene.run, scene.alice, scene.oil, 1),
    ),
}


@pytest.mark.parametrize("query", ["", "?show=mine", "?show=open"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_page_is_the_same_as_loaded_anew(change, query):
    scene = stage()
    before = page_of(scene, scene.bob, query=query)
    CHANGES[change](scene)
    answer = page_of(scene, scene.bob, stamp_of(before) if "data-seen" in before else "", query)
    now = page_of(scene, scene.bob, query=query)
    after = taken_in(before, answer)
    assert words_of(after) == words_of(now)
    if "data-seen" in now:
        assert stamp_of(after) == stamp_of(now)


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ("an amount", {"hana"}),
        ("a comment", {"hana"}),
        ("choosing again", {"bob"}),
        ("the reader's own order, by the leader", {"alice", "bob"}),
    ],
)
def test_only_lines_that_may_differ_are_sent(change, concerned):
    scene = stage()
    seen = stamp_of(page_of(scene, scene.bob))
    CHANGES[change](scene)
    answer = page_of(scene, scene.bob, seen)
    assert "data-refresh" in answer
    assert "<html" not in answer
    assert set(rows_of(answer)) == {str(scene.oil.pk)}
    people = {name: getattr(scene, name).pk for name in ("alice", "bob", "hana")}
    assert {name for name, pk in people.items() if f'id="u{pk}"' in answer} == concerned


def test_rows_that_were_not_taken_in_are_sent_again():
    scene = stage()
    seen = stamp_of(page_of(scene, scene.bob))
    assert rows_of(page_of(scene, scene.bob, seen)) == {}
    assert set(rows_of(page_of(scene, scene.bob, f"{seen} {scene.gouda.pk} {scene.oil.pk}0"))) == {str(scene.gouda.pk)}


@pytest.mark.parametrize("change", ["an amount", "a first price"])
def test_without_the_comparison_a_page_would_be_outdated(change, monkeypatch):
    """Negative control: neither events nor the checksum are looked at."""
    scene = stage()
    monkeypatch.setattr(refresh, "_events_since", lambda *_: [])
    monkeypatch.setattr("bids.views.order_table.OrderTable.shape", lambda *_: None)
    before = page_of(scene, scene.bob)
    CHANGES[change](scene)
    after = taken_in(before, page_of(scene, scene.bob, stamp_of(before)))
    assert words_of(after) != words_of(page_of(scene, scene.bob))


@pytest.mark.parametrize(
    "seen", ["", "x", "1.00000000", "-1.{shape}", "9" * 19 + ".{shape}", "{stamp} x", "1.{shape}é"]
)
def test_any_other_request_gets_the_whole_page(seen):
    scene = stage()
    stamp = stamp_of(page_of(scene, scene.bob))
    seen = seen.format(stamp=stamp, shape=stamp.split(".")[1])
    assert "<html" in page_of(scene, scene.bob, seen)


def test_the_page_of_someone_else_or_in_another_language_is_never_completed():
    scene = stage()
    assert "<html" in page_of(scene, scene.hana, stamp_of(page_of(scene, scene.bob)))
    assert "data-refresh" in page_of(scene, scene.bob, stamp_of(page_of(scene, scene.bob)))


def test_the_page_to_choose_products_is_always_whole():
    scene = stage()
    seen = stamp_of(page_of(scene, scene.bob))
    headers = {"X-Bulq-Part": "live", "X-Bulq-Seen": seen}
    answer = signed_in(scene.bob).get(f"/runs/{scene.run.pk}/add/", headers=headers)
    assert {str(scene.oil.pk), str(scene.gouda.pk)} <= rows_of(answer.text).keys()


def test_a_page_that_has_seen_the_newest_event_is_sent_no_row():
    scene = stage()
    newest = scene.last_event().pk
    seen = stamp_of(page_of(scene, scene.bob))
    assert seen.startswith(f"{newest}.")
    assert rows_of(page_of(scene, scene.bob, seen)) == {}


def test_the_answer_to_an_order_has_only_the_readers_own_line():
    scene = stage()
    typed = {f"q-{scene.oil.pk}": "5", f"was-{scene.oil.pk}": "4"}
    answer = signed_in(scene.bob).post(f"/runs/{scene.run.pk}/order/", typed, headers={"X-Bulq-Part": "order"}).text
    assert re.findall(r'<li id="(u[0-9]+)">', answer) == [f"u{scene.bob.pk}"]
    people = [f"u{user.pk}" for user in (scene.alice, scene.bob, scene.hana)]
    assert re.search(r'<ul class="people" data-lines="([^"]*)">', answer)[1].split() == people
    assert set(rows_of(answer)) == {str(scene.oil.pk)}
