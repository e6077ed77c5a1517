"""S2, S3, S6: every address of the site, requested by everyone, with every method, foreign ids and old cookies.

The addresses come from the URLconf itself; a new one has to be added to access_table.py, or the first test fails.
"""

from contextlib import contextmanager
from http.cookies import SimpleCookie
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.access import MAIL_OFF, REMINDERS_OFF
from accounts.models import HowToPay, Membership
from accounts.tests.factories import PASSWORD, make_user
from bids import states
from bids.models import Event, Notification, Participation, Payment, Receipt
from bids.tests.stages import stage
from bids.tests.test_views import checksum
from bulq.tests.access_table import (
    ALICES,
    ALL,
    IN_THE_RUN,
    LET_IN,
    MEMBERS,
    MISSING,
    OF_ADMIN,
    OUTSIDERS,
    PAIR,
    PERSON,
    PUBLIC,
    RULES,
    SHARED,
    SITE,
    WITHIN,
)
from bulq.tests.client import FormClient, as_read, signed_in
from stores.models import CatalogueFile, CatalogueImport, Offer, Price

pytestmark = pytest.mark.django_db


def test_every_address_is_in_the_table():
    """S2, S3: for a new address, the table has to say who may come in."""
    assert {address.name for address in SITE} == set(RULES)
    assert len(SITE) == len(RULES)
    assert all(address.url(dict.fromkeys(address.parameters, 1)).startswith("/admin/") for address in OF_ADMIN)
    assert len(OF_ADMIN) > 100


@pytest.fixture
def world():
    return make_world()


def make_world():
    """Two runs being handed out, in two groups; everyone who may ask; and an id for each part of an address."""
    world = SimpleNamespace(scene=stage(states.DISTRIBUTING), other=stage(states.DISTRIBUTING))
    scene = world.scene
    scene.former = make_user("Fred", wants_reminders=False, calendar_token="calendar-of-fred")
    Participation.objects.create(run=scene.run, user=scene.former, left_at=timezone.now())
    scene.root = make_user("Root", is_staff=True, is_superuser=True)
    scene.clerk = make_user("Clerk", is_staff=True)
    HowToPay.objects.create(user=scene.alice, text="Cash is fine too", account="DE89370400440532013000")
    file = CatalogueFile.objects.create(name="prices.csv", by=scene.root)
    CatalogueImport.objects.create(store=scene.store, by=scene.root, file=file, is_rehearsal=True, state="failed")
    world.own, world.foreign = ids_of(scene, actor=scene.alice), ids_of(world.other, actor=scene.alice)
    # A third run, of the same group and leader: its objects are foreign only by their run.
    sibling = stage(states.DISTRIBUTING)
    type(sibling.run).objects.filter(pk=sibling.run.pk).update(group=scene.group, leader=scene.alice)
    world.sibling = ids_of(sibling, actor=scene.alice)
    world.clients = {role: signed_in(getattr(scene, role)) for role in (*OUTSIDERS, *MEMBERS)}
    world.clients |= {"visitor": FormClient(), "clerk": signed_in(scene.clerk)}
    for client in world.clients.values():
        client.raise_request_exception = False  # a server error is just another wrong status
    tokens = scene.group.join_token, REMINDERS_OFF.sign(scene.former.pk), scene.former.calendar_token
    world.tokens = {name: {"token": tokens[n]} for n, name in enumerate(("join", "reminders-off", "calendar"))}
    world.form = {"product": scene.spare.pk, "thing": scene.allocation.pk}
    assert not Membership.objects.filter(group=scene.group, user__in=[scene.former, scene.root, scene.clerk]).exists()
    return world


def ids_of(scene, *, actor):
    """One object of each kind in this run; those with an owner are `actor`'s, and still foreign in another run."""
    removed = Event.objects.create(
        run=scene.run,
        kind="order_removed",
        actor=actor,
        subject=scene.bob,
        product=scene.oil,
        data={"was": "1", "comment": ""},
    )
    offer = Offer.objects.get(product=scene.oil, store=scene.store)
    events = scene.run.events
    return {
        "closed_id": events.create(kind="packs_dropped", actor=actor, product=scene.oil, data={"orders": []}).pk,
        "again_id": events.create(kind="last_time", actor=actor, data={"products": []}).pk,
        "group_id": scene.group.pk,
        "run_id": scene.run.pk,
        "user_id": scene.eve.pk,
        "person_id": scene.eve.pk,
        "payment_id": payment_to_alice(scene).pk,
        "product_id": scene.oil.pk,
        "event_id": removed.pk,
        "item_id": scene.item.pk,
        "purchase_id": scene.purchase.pk,
        "cost_id": scene.cost.pk,
        "receipt_id": Receipt.objects.create(run=scene.run, amount=1, added_by=scene.bob).pk,
        "notification_id": Notification.objects.create(user=scene.alice, event=removed).pk,
        "store_id": scene.store.pk,
        "offer_id": offer.pk,
        "price_id": Price.objects.filter(offer=offer).first().pk,
        "uidb64": "x",
        "token": MAIL_OFF.sign(scene.bob.pk),
    }


def payment_to_alice(scene):
    values = {"group": scene.run.group, "note": "By bank"}
    payment = Payment.objects.create(
        **values, sender=scene.bob, receiver=scene.alice, created_by=scene.bob, amount=1, said_amount=1, state="said"
    )
    payment.entries.create(**values, kind="said", actor=scene.bob, subject=scene.alice, amount=1)
    return payment


@contextmanager
def undone(client):
    """Undo what happens within, cookies included; but keep what a refusal did, if its answer is put into the list."""
    cookies, answers = client.cookies.output(header=""), []
    with transaction.atomic():
        yield answers
        transaction.set_rollback(not answers or answers[0].status_code < 400)
    client.cookies = SimpleCookie(cookies)


def ask(world, role, method, url):
    client = world.clients[role]
    return client.post(url, dict(world.form)) if method == "POST" else getattr(client, method.lower())(url)


def url_of(world, address, **changed):
    return address.url(world.own | world.tokens.get(address.name, {}) | changed)


def who_asks(world, address, method):
    """Everyone, where access depends on the group; elsewhere, and for unknown methods, some are enough."""
    if address in WITHIN and method in ("GET", "POST"):
        return ["visitor", *OUTSIDERS, *MEMBERS]
    return ["visitor", "alice"]


def is_let_in(name, role):
    """Whether the address itself, not the state of the run or what was sent, lets this person in."""
    who = RULES[name][0]
    if who in (PUBLIC, PERSON):
        return who == PUBLIC or role != "visitor"
    return role in LET_IN.get(who, MEMBERS)


def is_right(answer, name, role, method):
    """Whether this is what the table says."""
    who, methods = RULES[name]
    status = answer.status_code
    if who == PUBLIC:
        is_left = method == "GET" and status == 302 and answer["Location"].startswith("/login/")
        return status in ({200, 204, 302, 403, 404, 422} if method in methods else {302, 405}) and not is_left
    if role == "visitor":
        return status == 302 and answer["Location"] == f"/login/?next={quote(answer.wsgi_request.path)}"
    is_sent_away = answer.get("Location", "").startswith("/login/") and name != "logout-everywhere"
    if method not in methods or is_sent_away:
        return status == 405
    if not is_let_in(name, role):
        return status == (403 if role in MEMBERS and who not in (ALICES, PAIR) else 404)
    return status in {200, 302, 403, 422, 409} and (who == PERSON or method == "POST" or status in {200, 302})


def seen_by(answer):
    """What distinguishes an answer from another."""
    return answer.status_code, answer.get("Location"), as_read(answer)


@pytest.mark.slow
def test_everyone_gets_what_they_may_see_and_nothing_changes_unasked(world):
    """S2, S3: outside the group everything is missing, visitors log in first, nobody has rights beyond the table."""
    wrong, before = [], checksum()
    for address in SITE:
        url = url_of(world, address)
        for method in ALL.split():
            for role in who_asks(world, address, method):
                if method == "POST" and is_let_in(address.name, role):
                    with undone(world.clients[role]) as answers:
                        answers.append(answer := ask(world, role, method, url))
                else:
                    answer = ask(world, role, method, url)
                if not is_right(answer, address.name, role, method):
                    wrong.append(f"{role} {method} {url}: {answer.status_code}")
        if (after := checksum()) != before:
            wrong.append(f"{address.name} changed {[table for table in after if after[table] != before[table]]}")
            before = after
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_foreign_and_missing_get_the_same_answer(world):
    """S2: no part of an address tells an outsider, or a member elsewhere, whether something is there."""
    wrong, before = [], checksum()
    for address in WITHIN:
        for method in RULES[address.name][1]:
            for role, word, foreign in swapped(world, address):
                answers = [ask(world, role, method, url_of(world, address, **{word: pk})) for pk in (*foreign, MISSING)]
                lacks_the_right = role in MEMBERS and not is_let_in(address.name, role)
                known = {seen_by(answer) for answer in answers}
                if len(known) > 1 or answers[0].status_code not in ({404, 403} if lacks_the_right else {404}):
                    statuses = [answer.status_code for answer in answers]
                    wrong.append(f"{role} {method} {url_of(world, address)}, {word} in {foreign}: {statuses}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


def swapped(world, address):
    """Who asks, and the wrong ids to put in place of the right one."""
    first = address.parameters[0]
    for role in ("charlie", "former"):
        if not is_let_in(address.name, role):
            yield role, first, [world.own[first]]
    for word in address.parameters:
        foreign = [] if word in SHARED else [world.foreign[word]]
        if foreign and word not in {"run_id", "group_id", "notification_id", "person_id"}:
            foreign.append(world.sibling[word])
        if word == "user_id" and address.name in IN_THE_RUN:
            foreign.append(world.scene.dora.pk)
        if word == "event_id":
            foreign.append(world.scene.run.events.exclude(kind="order_removed").first().pk)
        yield "alice", word, [*foreign, 10**30]
        if foreign and word != first:
            yield "dora", word, foreign


@pytest.mark.slow
def test_every_post_needs_the_csrf_token(world):
    """S3: only a mail program may post without one, with the signed address of its mail."""
    before, wrong = checksum(), []
    for role in ("visitor", "alice"):
        client = Client(enforce_csrf_checks=True)
        if role != "visitor":
            client.force_login(world.scene.alice)
        for address in (*SITE, *OF_ADMIN):
            url = url_of(world, address, **admin_parameters(address))
            if client.post(url, world.form).status_code != 403 and address.name not in ("mail-off", "reminders-off"):
                wrong.append(f"{role} {url}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


def admin_parameters(address):
    """For an address of the admin: a row of the table that it is about."""
    if not address.in_admin:
        return {}
    parts = address.route.split("/")
    values = {"app_label": "bids", "url": "nowhere", "content_type_id": 1, "object_id": 1, "id": 1}
    if len(parts) > 3 and parts[1] in apps.app_configs:
        row = apps.get_model(parts[1], parts[2]).objects.order_by("pk").first()
        values |= {"object_id": row.pk if row else 1, "id": row.pk if row else 1}
    return values


@pytest.mark.slow
def test_the_admin_answers_only_staff(world):
    """S2: leaders and visitors get a login page; staff without rights see no table."""
    before, wrong = checksum(), []
    for address in OF_ADMIN:
        url = url_of(world, address, **admin_parameters(address))
        doors = {f"/admin/login/?next={quote(url)}", f"/login/?next={quote(url)}"}
        for role, methods in (("visitor", ALL), ("alice", "GET POST"), ("charlie", "GET")):
            for method in methods.split():
                answer = ask(world, role, method, url)
                at_the_door = doors | ({"/admin/"} if address.name == "logout" else set())
                if answer.status_code != 302 or answer["Location"] not in at_the_door:
                    wrong.append(f"{role} {method} {url}: {answer.status_code}")
        is_of_a_model = len(url.split("/")) > 4 and not url.startswith("/admin/password_change/")
        if is_of_a_model and ask(world, "clerk", "GET", url).status_code not in {302, 403, 404, 405}:
            wrong.append(f"clerk {url}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


@pytest.mark.slow
def test_looking_around_in_the_admin_changes_nothing(world):
    """S3."""
    before, wrong = checksum(), []
    for address in OF_ADMIN:
        url = url_of(world, address, **admin_parameters(address))
        for method in ("GET", "PUT", "DELETE"):
            answer = ask(world, "root", method, url)
            if answer.status_code >= 500:
                wrong.append(f"{method} {url}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert checksum() == before


def replay(cookie):
    client = FormClient()
    client.cookies["sessionid"] = cookie
    return client.get("/me/settings/").status_code


@pytest.mark.parametrize(
    "url",
    [
        *("/logout/", "/logout/everywhere/", "/admin/logout/", "/me/close/"),
        *("/me/settings/password/", "/admin/password_change/"),
    ],
)
def test_an_old_cookie_opens_nothing(url):
    """S6: not even the cookie of the session that ended, or that changed the password."""
    person = make_user("Sam", password=make_password(PASSWORD), is_staff="admin" in url)
    here = signed_in(person)
    cookie = here.cookies["sessionid"].value
    assert replay(cookie) == 200
    old, new = (
        ("current_password", "old_password"),
        ("new_password", "new_password_again", "new_password1", "new_password2"),
    )
    answer = here.post(url, dict.fromkeys(old, PASSWORD) | dict.fromkeys(new, "a new and longer secret"))
    assert answer.status_code in {200, 302}
    assert replay(cookie) == 302
    assert (here.get("/me/settings/").status_code == 200) == ("password" in url)


@pytest.mark.parametrize("url", ["/register/", "/admin/login/"])
def test_a_planted_cookie_is_not_the_one_that_is_logged_in(url):
    """S6: registration and the admin's login give a new key too."""
    make_user("Sam", username="sam", password=make_password(PASSWORD), is_staff=True)
    client = FormClient()
    session = client.session
    session["planted"] = 1
    session.save()
    client.cookies["sessionid"] = session.session_key
    data = {"name": "Eva", "username": "eva" if url == "/register/" else "sam", "password_again": PASSWORD}
    assert client.post(url, data | {"password": PASSWORD}).status_code == 302
    assert replay(client.cookies["sessionid"].value) == 200
    assert replay(session.session_key) == 302
