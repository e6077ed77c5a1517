"""M6: account numbers are seen only by those who owe their owner, and by nobody on the way there."""

import logging
import re
from decimal import Decimal

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from accounts.actions.people import close_account, set_how_to_pay
from accounts.models import HowToPay, Membership, User
from bids import states
from bids.actions import costs, merging
from bids.actions.mail import mail_digests
from bids.models import Participation
from bids.reading.own_data import everything_about
from bids.reading.paying import way_to_pay
from bids.reading.sums import debts_of, owed_by_person
from bulq.logs import lines
from bulq.tests.access_table import OF_ADMIN, SITE
from bulq.tests.client import signed_in
from bulq.tests.codes import codes_on
from bulq.tests.test_access_matrix import admin_parameters, ask, make_world, undone, url_of

from .stages import stage

pytestmark = pytest.mark.django_db
ACCOUNT, SAYS = "DE89370400440532013000", "canary: cash is fine too"
SERBIAN = "115038169338697697"
# Each way to write it, once tags and blanks are gone.
NUMBER = re.compile("370400440532013000|canary:")


def says(user, text=SAYS, account=ACCOUNT, bic=""):
    set_how_to_pay(by=user, text=text, account=account, bic=bic)


def is_told(text):
    return bool(NUMBER.search(re.sub(r"<[^>]*>|\s", "", text)) or NUMBER.search(text))


def page_of(scene, user):
    return signed_in(user).get(f"/runs/{scene.run.pk}/hand-out/")


def pay(scene, user, by=None):
    owed = owed_by_person(scene.run)[Participation.objects.get(run=scene.run, user=user).pk]
    costs.set_paid(scene.run, user, True, owed=owed, by=by or scene.alice)


# --- Who sees it -----------------------------------------------------------------------------------
@pytest.mark.slow
def test_nobody_but_who_owes_them_gets_an_account_number_from_any_address(caplog):
    """Bob owes Alice. Eve owes her too, but has left the group: she settles on the page Money. Dora owes nothing."""
    caplog.set_level(logging.DEBUG)
    world = make_world()
    scene = world.scene
    says(scene.alice)
    User.objects.update(wants_mail=True, email="someone@example.org")
    Membership.objects.filter(group=scene.group, user=scene.eve).delete()
    told = {role: set() for role in world.clients}
    for address in (*SITE, *OF_ADMIN):
        url = url_of(world, address, **admin_parameters(address))
        for role, client in world.clients.items():
            for method in ("GET", "POST"):
                if address.in_admin and (method == "POST" or role not in ("root", "clerk")):
                    continue
                with undone(client):
                    answer = ask(world, role, method, url)
                    if is_told(answer.content.decode(errors="replace")) or is_told(str(answer.headers)):
                        told[role].add((address.name, method))
                        assert "no-store" in answer["Cache-Control"]
    of_all_runs = {("money", "GET"), ("money-paid", "POST"), ("money-marked", "POST")}
    shown = {("run-hand-out", "GET"), ("run", "GET"), ("group-money", "GET"), ("payment-not-arrived", "POST")}
    shown |= of_all_runs | {("sort-out", "POST"), ("sort-out-of", "POST")}
    assert {("run-hand-out", "GET"), ("money", "GET")} <= told.pop("bob") <= shown
    assert {("money", "GET")} <= told.pop("eve") <= of_all_runs
    own = told.pop("alice")
    assert {name for name, _method in own if not name.startswith("settings")} == {"me-data"}
    assert not {role: names for role, names in told.items() if names}
    mail_digests()
    assert not any(is_told(str(message.message())) for message in mail.outbox)
    assert not any(is_told(lines.TextLine().format(record)) for record in caplog.records)
    assert not any(is_told(str(cached)) for cached in everything_cached())
    assert tables_with_it() == {"accounts_howtopay"}


def everything_cached():
    redis = cache.client.get_client()
    for key in redis.scan_iter("*"):
        yield key
        if redis.type(key) == b"string":
            yield redis.get(key)


def tables_with_it():
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        found = set()
        for name in names:
            cursor.execute(f'SELECT 1 FROM "{name}" AS t WHERE t::text ~ %s LIMIT 1', [NUMBER.pattern])
            found |= {name} if cursor.fetchone() else set()
    return found


def test_who_owes_sees_it_also_after_leaving_the_group_and_nobody_else_does():
    scene = stage(states.DISTRIBUTING)
    says(scene.alice)
    Membership.objects.filter(group=scene.group, user=scene.eve).delete()
    seen = {
        name: way_to_pay(getattr(scene, name), scene.alice, Decimal(5), "EUR")
        for name in ("alice", "bob", "eve", "dora", "charlie")
    }
    assert {name for name, way in seen.items() if way} == {"bob", "eve"}
    assert way_to_pay(scene.bob, scene.eve, Decimal(5), "EUR") is None
    assert seen["eve"].transfer.account == ACCOUNT


def test_it_is_gone_once_the_debt_is_paid():
    scene = stage(states.DISTRIBUTING)
    says(scene.alice)
    assert is_told(page_of(scene, scene.bob).text)
    pay(scene, scene.bob)
    assert not is_told(page_of(scene, scene.bob).text)
    assert is_told(page_of(scene, scene.eve).text)


def test_the_payer_sees_how_to_give_back_what_someone_paid_too_much():
    scene = stage(states.DISTRIBUTING)
    says(scene.bob)
    assert not is_told(page_of(scene, scene.alice).text)
    pay(scene, scene.bob)
    costs.correct_total(scene.purchase, Decimal("20.00"), was=scene.purchase.total, by=scene.alice)
    back = next(debt for debt in debts_of(scene.alice)[0] if debt.creditor == scene.bob)
    page = page_of(scene, scene.alice).text
    assert is_told(page)
    assert f"\nEUR{back.amount.normalize():f}\n" in codes_on(page)[0]
    assert not is_told(page_of(scene, scene.eve).text)


# --- What is seen ----------------------------------------------------------------------------------
def test_the_code_on_the_page_says_what_stands_beside_it():
    scene = stage(states.DISTRIBUTING)
    User.objects.filter(pk=scene.alice.pk).update(name="Ана “Ani” O'Neil <b>|I:RSD1,00</b>")
    says(scene.alice)
    page = page_of(scene, scene.bob)
    debt = debts_of(scene.bob)[0][0]
    (said,) = codes_on(page.text)
    fields = said.split("\n")
    assert fields[5:8] == [User.objects.get(pk=scene.alice.pk).name, ACCOUNT, f"EUR{debt.amount.normalize():f}"]
    assert fields[10] == f"Bulq {scene.run.pk} Bob"
    for key, value in (("account", ACCOUNT), ("amount", debt.amount), ("purpose", fields[10])):
        assert f'id="pay-{scene.alice.pk}-{key}" value="{value}"' in page.text
    assert "<span>DE89</span> <span>3704</span>" in page.text
    assert "&lt;b&gt;|I:RSD1,00&lt;/b&gt;" in page.text
    assert page["Cache-Control"] == "private, no-store"


def test_dinars_have_the_code_of_the_national_bank():
    scene = stage(states.DISTRIBUTING)
    scene.group.__class__.objects.filter(pk=scene.group.pk).update(currency="RSD")
    says(scene.alice, account=f"RS35{SERBIAN}")
    page = page_of(scene, scene.bob).text
    amount = str(debts_of(scene.bob)[0][0].amount).replace(".", ",")
    assert codes_on(page) == [
        f"K:PR|V:01|C:1|R:{SERBIAN}|N:Alice|I:RSD{amount}|SF:289|S:Bulq {scene.run.pk} Bob",
    ]
    assert "<span>115</span> <span>0381693386976</span> <span>97</span>" in page


def test_without_a_code_the_words_are_there_and_without_a_number_what_they_say():
    scene = stage(states.DISTRIBUTING)
    says(scene.alice, account="CH9300762011623852957")
    page = page_of(scene, scene.bob).text
    assert "<span>CH93</span>" in page
    assert not codes_on(page)
    says(scene.alice, account="")
    page = page_of(scene, scene.bob).text
    assert SAYS in page
    assert "payto" not in page
    says(scene.alice, text="", account="")
    assert "Alice hasn't said how to be paid" in page_of(scene, scene.bob).text
    assert not HowToPay.objects.exists()


# --- The row itself --------------------------------------------------------------------------------
def test_the_owner_downloads_it_and_closing_the_account_erases_it():
    scene = stage(states.COMPLETED)
    says(scene.bob)
    assert everything_about(scene.bob)["how_to_pay"] == [{"text": SAYS, "account": ACCOUNT, "bic": ""}]
    assert everything_about(scene.alice)["how_to_pay"] == []
    close_account(by=scene.bob)
    assert not HowToPay.objects.exists()


@pytest.mark.parametrize(("both", "stays"), [(True, SERBIAN), (False, ACCOUNT)])
def test_of_two_accounts_of_one_person_the_kept_one_says_how_to_pay(both, stays):
    scene = stage(states.PLANNING)
    root = User.objects.create_superuser("root", name="Root")
    says(scene.charlie)
    if both:
        says(scene.dora, account=SERBIAN)
    plan = merging.merge(scene.charlie, scene.dora, by=root)
    assert HowToPay.objects.get().account == stays
    assert HowToPay.objects.get().user == scene.dora
    assert any("how to pay" in sentence for sentence in plan.united) == both


def test_an_error_of_the_database_about_it_is_logged_without_it():
    scene = stage(states.PLANNING)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        HowToPay.objects.create(user=scene.alice, account=ACCOUNT, text=SAYS, bic=None)
    assert is_told(str(caught.value))
    assert not is_told(lines.first_line(str(caught.value)))
