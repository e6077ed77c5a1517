"""The page Money, and what is typed there: refusals at their fields, nothing lost, and the statement."""

import csv
import json
import re
from decimal import Decimal

import pytest

from accounts.actions.membership import end_membership
from bids.actions.costs import add_extra_cost, correct_total
from bids.models import Notification, Payment, Purchase
from bulq.kit.tables import BOM
from bulq.tests.client import signed_in

from .cast import D
from .money import bought_for, friends, owes, pay, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """Mila owes Petar 21.35 in all, Jon owes him 8.00."""
    scene = friends()
    scene.first = bought_for(scene, scene.petar, mila="37.40", jon="8.00")
    scene.second = bought_for(scene, scene.mila, petar="16.05")
    return scene


def page_of(user, url="/money/"):
    return signed_in(user).get(url).content.decode()


def paid(scene, user, person, **data):
    return signed_in(user).post(f"/money/{scene.group.pk}/{person.pk}/paid/", data)


def test_each_friend_is_one_sum_with_the_debts_that_make_it(scene):
    text = page_of(scene.mila)
    for sentence in ("You owe Petar", "€21.35", "€37.40", "-€16.05", "2 runs", "Paid? Say so"):
        assert sentence in text
    text = page_of(scene.petar)
    for sentence in ("Mila owes you", "Jon owes you", "from Mila and Jon", "€29.35", "Remind Jon"):
        assert sentence in text


def amounts_in(text):
    """What each list that reckons (`calc`) shows before its sum, and the sum."""
    for calc in re.findall(r'<dl class="calc">(.*?)</dl>', text, re.S):
        found = [D(amount.replace("−€", "-").replace("€", "")) for amount in re.findall(r"<dd[^>]*>([^<]+)</dd>", calc)]
        yield found[:-1], found[-1]


def test_why_each_debt_is_what_it_is_adds_up(scene):
    """M5: on the page of all friends, and thing by thing on that of one, also with a part paid or too much."""
    pay(scene, scene.mila, scene.petar, "10")
    pay(scene, scene.jon, scene.petar)
    correct_total(Purchase.objects.get(item__run=scene.first, total=8), D(6), was=D(8), by=scene.petar)
    add_extra_cost(scene.first, label="Fuel", amount=D("1.01"), by=scene.petar)
    seen = 0
    for user in (scene.mila, scene.petar, scene.jon):
        for other in (scene.mila, scene.petar, scene.jon):
            urls = ["/money/", "/me/"] if user == other else [f"/money/{scene.group.pk}/{other.pk}/"]
            for parts, total in (calc for url in urls for calc in amounts_in(page_of(user, url))):
                assert abs(sum(parts)) == total
                seen += 1
    assert seen == 12
    assert "What you had" in page_of(scene.jon)
    given_back = page_of(scene.petar, f"/money/{scene.group.pk}/{scene.jon.pk}/")
    assert "What they had" in given_back
    assert "What you had" not in given_back
    text = page_of(scene.mila, f"/money/{scene.group.pk}/{scene.petar.pk}/")
    assert "Part of the trip" in text
    assert "Why this number?" in text


def test_nothing_yet_says_what_will_be_here(scene):
    text = page_of(scene.dora)
    assert "No money yet" in text
    assert "Say how you want to be paid" in text


def test_the_page_of_a_group_has_its_own_sums_only(scene):
    other = friends()
    text = page_of(scene.mila, f"/groups/{scene.group.pk}/money/")
    assert "€21.35" in text
    assert signed_in(scene.mila).get(f"/groups/{other.group.pk}/money/").status_code == 404


def test_saying_it_asks_the_receiver_and_can_be_undone(scene):
    client = signed_in(scene.mila)
    url = f"/money/{scene.group.pk}/{scene.petar.pk}/paid/"
    text = client.post(url, {"amount": "21,35", "owed": "21.35", "note": "By bank"}, follow=True).content.decode()
    payment = Payment.objects.get()
    assert "Petar is told: €21.35" in text
    assert f'action="/money/payments/{payment.pk}/take-back/"' in text
    assert "€21.35 is on its way" in text
    asked = page_of(scene.petar)
    assert "Mila says they paid you €21.35" in asked
    assert "It arrived: €21.35 from Mila" in asked
    assert "Mila says they paid you €21.35" in page_of(scene.petar, "/")
    assert "You owe Petar" not in page_of(scene.mila, "/")


def test_more_than_is_owed_is_asked_about_and_what_was_typed_stays(scene):
    answer = paid(scene, scene.mila, scene.petar, amount="22.95", owed="21.35", note="By bank")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "€1.60 more than is owed: keep it as credit?" in text
    assert '<button class="btn" name="credit" value="1.60">' in text
    assert 'value="22.95"' in text
    assert 'value="By bank"' in text
    answer = paid(scene, scene.mila, scene.petar, amount="22.95", owed="21.35", note="By bank", credit="1.60")
    assert answer.status_code == 302
    assert owes(scene, scene.mila, scene.petar) == D("-1.60")


def test_a_sum_that_changed_meanwhile_is_a_409_with_the_new_one_and_what_was_typed(scene):
    thing = Purchase.objects.filter(item__run=scene.first, total=D("37.40")).get()
    correct_total(thing, D("40.00"), was=D("37.40"), by=scene.petar)
    answer = paid(scene, scene.mila, scene.petar, amount="21.35", owed="21.35", note="By bank")
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "This has changed: you now owe Petar €23.95" in text
    assert 'value="21.35"' in text
    assert 'name="owed" value="23.95"' in text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "This field is required"),
        ("x", "Enter a number"),
        ("-5", "Enter a number"),
        ("1.234", "two ways"),
        ("0", "Enter an amount above 0"),
        ("99999999", "Enter at most"),
    ],
)
def test_a_bad_amount_is_a_sentence_at_its_field(scene, amount, sentence):
    answer = paid(scene, scene.mila, scene.petar, amount=amount, owed="21.35")
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Payment.objects.exists()


def test_a_payment_may_be_of_an_earlier_day_but_not_of_one_to_come(scene):
    answer = paid(scene, scene.mila, scene.petar, amount="5", owed="21.35", day="2999-01-01")
    assert answer.status_code == 422
    assert "This day is still to come" in answer.content.decode()
    paid(scene, scene.mila, scene.petar, amount="5", owed="21.35", day="2026-11-02")
    assert "Mon 2 November" in page_of(scene.petar, "/money/payments/")


def test_a_currency_without_cents_takes_whole_amounts_only():
    scene = friends(currency="JPY")
    bought_for(scene, scene.petar, mila="3000")
    answer = paid(scene, scene.mila, scene.petar, amount="10.50", owed="3000")
    assert "JPY has no cents" in answer.content.decode()


@pytest.mark.parametrize("owed", ["", "x", "NaN", "1e400", "99999999999999"])
def test_a_forged_sum_is_refused(scene, owed):
    answer = paid(scene, scene.mila, scene.petar, amount="5", owed=owed)
    assert answer.status_code == 422
    assert not Payment.objects.exists()


def test_to_oneself_and_to_strangers(scene):
    answer = paid(scene, scene.mila, scene.mila, amount="5", owed="0")
    assert answer.status_code == 422
    assert "You can&#x27;t pay yourself" in answer.content.decode()
    assert paid(scene, scene.mila, scene.charlie, amount="5", owed="0").status_code == 404


def test_another_amount_and_not_arrived_are_answers_on_the_page(scene):
    payment = say(scene, scene.mila, scene.petar)
    client = signed_in(scene.petar)
    answer = client.post(f"/money/payments/{payment.pk}/confirm/", {"amount": "0"})
    assert answer.status_code == 422
    assert "Enter at least 0.01" in answer.content.decode()
    client.post(f"/money/payments/{payment.pk}/confirm/", {"amount": "20"})
    assert "€20.00 arrived, not €21.35" in page_of(scene.mila, "/inbox/")
    client.post(f"/money/payments/{payment.pk}/undo/")
    client.post(f"/money/payments/{payment.pk}/not-arrived/", {"note": "Nothing yet"})
    assert "Nothing yet" in page_of(scene.mila, "/money/payments/")
    answer = signed_in(scene.mila).post(f"/money/payments/{payment.pk}/take-back/")
    assert (answer.status_code, "not arrived" in answer.content.decode()) == (409, True)


def test_a_notification_of_a_payment_leads_to_the_page(scene):
    say(scene, scene.mila, scene.petar)
    note = Notification.objects.get(user=scene.petar, entry__isnull=False)
    assert signed_in(scene.petar).post(f"/inbox/{note.pk}/")["Location"] == "/money/"


def test_a_former_member_settles_from_their_account_page(scene):
    end_membership(scene.group.pk, scene.jon.pk, by=scene.jon)
    text = page_of(scene.jon, "/me/")
    assert "€8.00" in text
    assert 'href="/money/"' in text
    assert f'href="/runs/{scene.first.pk}/"' not in text
    assert paid(scene, scene.jon, scene.petar, amount="8", owed="8.00").status_code == 302
    assert page_of(scene.petar).count("Jon says they paid you €8.00") == 1


def test_the_run_says_that_a_payment_is_on_its_way(scene):
    say(scene, scene.jon, scene.petar)
    assert "On its way" in page_of(scene.jon, f"/runs/{scene.first.pk}/hand-out/")
    assert "On its way from Jon: see Money" in page_of(scene.petar, f"/runs/{scene.first.pk}/hand-out/")


class TestStatement:
    def rows(self, user, url="/money/statement.csv"):
        text = signed_in(user).get(url).content.decode().removeprefix(BOM)
        return list(csv.DictReader(text.splitlines()))

    def test_it_has_ones_own_debts_and_payments_and_nobody_elses(self, scene):
        pay(scene, scene.mila, scene.petar, "30", credit=D("8.65"))
        rows = self.rows(scene.mila)
        assert [(row["kind"], row["from"], row["amount"]) for row in rows] == [
            ("debt", "Mila", "37.40"), ("debt", "Petar", "16.05"), ("payment", "Mila", "30.00")
        ]  # fmt: skip
        assert [row["credit"] for row in rows] == ["", "", "8.65"]
        assert [row["from"] for row in self.rows(scene.dora)] == []
        assert {row["from"] for row in self.rows(scene.jon)} == {"Jon"}

    def test_a_group_admin_gets_no_more_than_a_member(self, scene):
        rows = self.rows(scene.petar, f"/groups/{scene.group.pk}/money/statement.csv")
        assert all("Petar" in (row["from"], row["to"]) for row in rows)
        assert signed_in(scene.charlie).get(f"/groups/{scene.group.pk}/money/statement.csv").status_code == 404

    def test_the_document_adds_up_to_the_balances(self, scene):
        pay(scene, scene.mila, scene.petar, "10")
        document = json.loads(signed_in(scene.mila).get("/money/statement.json").content)
        [balance] = document["balances"]
        owed = Decimal(0)
        for row in document["rows"]:
            sign = 1 if row["from"] == "Mila" else -1
            if row["kind"] == "debt":
                owed += sign * (Decimal(row["amount"]) - Decimal(row["paid"]))
            else:
                owed -= sign * Decimal(row["credit"])
        assert Decimal(balance["owes"]) == owed == D("11.35")
