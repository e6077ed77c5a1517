"""Spec 89 to 93, 97: saying, confirming, correcting, refusing and taking back payments over all runs."""

from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from accounts.actions.membership import end_membership
from accounts.actions.people import close_account
from accounts.models import Membership, User
from bids.access import get_companion, get_payment
from bids.actions import payments
from bids.actions.costs import correct_total, set_paid
from bids.actions.distribution import complete, not_picked_up
from bids.models import JournalEntry, Notification, Participation, Payment, PaymentPart, Purchase
from bids.reading.history import news_of
from bids.reading.invariants import problems
from bids.reading.money import net_between, nets_of
from bids.reading.sums import owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed

from .cast import D
from .money import bought_for, friends, nets_cancel_out, owes, pay, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """Mila owes Petar 37.40 for one run, and he owes her 16.05 for another."""
    scene = friends()
    scene.first = bought_for(scene, scene.petar, mila="37.40", jon="8.00")
    scene.second = bought_for(scene, scene.mila, petar="16.05")
    yield scene
    assert problems() == []
    assert nets_cancel_out([scene.mila, scene.petar, scene.jon, scene.dora])


def told(user):
    return [news.sentence for news in news_of(Notification.objects.filter(user=user, event=None).with_words())]


def part_of(run, user):
    return Participation.objects.get(run=run, user=user)


class TestNet:
    def test_one_sum_for_each_friend_made_of_the_debts_of_both_directions(self, scene):
        [petar] = nets_of(scene.mila)
        assert petar.owes == D("21.35")
        assert [(line.debt.run, line.amount) for line in petar.lines] == [
            (scene.first, D("37.40")), (scene.second, D("-16.05"))
        ]  # fmt: skip
        mila, jon = nets_of(scene.petar)
        assert (mila.gets, jon.gets) == (D("21.35"), D("8.00"))
        assert [line.amount for line in mila.lines] == [D("37.40"), D("-16.05")]

    def test_groups_and_currencies_are_kept_apart(self, scene):
        other = friends(currency="RSD")
        other.mila, other.petar = scene.mila, scene.petar
        Membership.objects.bulk_create(Membership(group=other.group, user=user) for user in (scene.mila, scene.petar))
        bought_for(other, scene.petar, mila="1000")
        assert sorted((net.currency, net.owes) for net in nets_of(scene.mila)) == [("EUR", D("21.35")), ("RSD", 1000)]

    def test_nobodys_debt_is_passed_on(self, scene):
        bought_for(scene, scene.jon, petar="8.00")
        assert owes(scene, scene.jon, scene.petar) == 0
        assert owes(scene, scene.mila, scene.jon) == 0


class TestSaying:
    def test_it_counts_at_once_as_on_its_way_and_the_receiver_is_told(self, scene):
        say(scene, scene.mila, scene.petar, note="By bank")
        [net] = nets_of(scene.mila)
        assert (net.balance, net.sent) == (0, D("21.35"))
        assert part_of(scene.first, scene.mila).paid_amount is None
        assert told(scene.petar) == ["Mila says they paid you €21.35: “By bank”"]

    def test_confirmed_it_covers_the_debts_of_both_directions(self, scene):
        payment = pay(scene, scene.mila, scene.petar)
        assert part_of(scene.first, scene.mila).paid_amount == D("37.40")
        assert part_of(scene.second, scene.petar).paid_amount == D("16.05")
        assert [part.amount for part in payment.parts.order_by("pk")] == [D("16.05"), D("37.40")]
        assert nets_of(scene.mila) == []
        assert told(scene.mila) == ["Petar confirmed your payment of €21.35"]

    def test_less_covers_the_oldest_first(self, scene):
        bought_for(scene, scene.petar, mila="10.00")
        pay(scene, scene.mila, scene.petar, "25")
        assert part_of(scene.first, scene.mila).paid_amount == D("37.40")
        assert owes(scene, scene.mila, scene.petar) == D("6.35")

    def test_more_is_asked_about_once_and_is_credit_then(self, scene):
        with pytest.raises(BulqError, match=r"€1\.60 more than is owed: keep it as credit\?") as refusal:
            say(scene, scene.mila, scene.petar, "22.95")
        assert refusal.value.field == "credit"
        with pytest.raises(BulqError, match="more than is owed"):
            say(scene, scene.mila, scene.petar, "22.95", credit=D("1.59"))
        pay(scene, scene.mila, scene.petar, "22.95", credit=D("1.60"))
        assert owes(scene, scene.petar, scene.mila) == D("1.60")
        bought_for(scene, scene.petar, mila="10.00")
        assert owes(scene, scene.mila, scene.petar) == D("8.40")
        pay(scene, scene.mila, scene.petar)
        assert nets_of(scene.mila) == []
        assert Payment.objects.with_credit().exclude(credit=0).count() == 0

    def test_another_sum_than_the_page_said_is_refused_with_the_new_one(self, scene):
        owed = owes(scene, scene.mila, scene.petar)
        thing = Purchase.objects.filter(item__run=scene.first, total=D("37.40")).get()
        correct_total(thing, D("40.00"), was=D("37.40"), by=scene.petar)
        with pytest.raises(ChangedMeanwhile, match=r"you now owe Petar €23\.95"):
            payments.say_paid(scene.group, scene.petar, owed, owed=owed, by=scene.mila)

    def test_the_same_claim_twice_is_told_that_it_changed(self, scene):
        owed = owes(scene, scene.mila, scene.petar)
        say(scene, scene.mila, scene.petar)
        with pytest.raises(ChangedMeanwhile, match="you and Petar owe each other nothing now"):
            payments.say_paid(scene.group, scene.petar, owed, owed=owed, by=scene.mila)

    def test_nobody_pays_themselves_nothing_or_a_stranger(self, scene):
        with pytest.raises(BulqError, match="can't pay yourself"):
            payments.say_paid(scene.group, scene.mila, D(1), owed=D(0), by=scene.mila)
        with pytest.raises(BulqError, match="above 0"):
            say(scene, scene.mila, scene.petar, 0)
        for user, person in ((scene.mila, scene.charlie), (scene.charlie, scene.mila)):
            with pytest.raises(Http404):
                get_companion(user, scene.group.pk, person.pk)

    def test_equal_debts_are_set_off_without_money(self, scene):
        bought_for(scene, scene.mila, petar="21.35")
        assert owes(scene, scene.mila, scene.petar) == 0
        payment = say(scene, scene.mila, scene.petar, 0)
        assert payment.is_confirmed
        assert nets_of(scene.mila) == []
        assert told(scene.petar) == ["Mila set off what you owe each other"]
        payments.take_back(payment, by=scene.petar)
        assert len(nets_of(scene.mila)[0].debts) == 3


class TestAnswering:
    def test_another_amount_stands_and_the_rest_can_be_said_again(self, scene):
        payment = say(scene, scene.mila, scene.petar)
        payments.confirm(payment, by=scene.petar, amount=D("20.00"))
        assert owes(scene, scene.mila, scene.petar) == D("1.35")
        assert told(scene.mila) == ["Petar says that €20.00 arrived, not €21.35. You can say the rest again."]
        pay(scene, scene.mila, scene.petar)
        assert nets_of(scene.mila) == []

    def test_more_than_was_said_is_credit(self, scene):
        payments.confirm(say(scene, scene.mila, scene.petar), by=scene.petar, amount=D("25.00"))
        assert owes(scene, scene.mila, scene.petar) == D("-3.65")

    def test_what_has_not_arrived_is_owed_again(self, scene):
        payments.refuse(say(scene, scene.mila, scene.petar), by=scene.petar, note="Nothing on my account yet")
        assert owes(scene, scene.mila, scene.petar) == D("21.35")
        assert told(scene.mila) == [
            "Petar says that your payment of €21.35 has not arrived: “Nothing on my account yet”"
        ]

    def test_either_undoes_until_the_other_has_confirmed_then_the_receiver_only(self, scene):
        payment = say(scene, scene.mila, scene.petar)
        payments.take_back(payment, by=scene.mila)
        assert owes(scene, scene.mila, scene.petar) == D("21.35")
        with pytest.raises(ChangedMeanwhile, match="was taken back"):
            payments.confirm(payment, by=scene.petar)
        payment = say(scene, scene.mila, scene.petar)
        payments.confirm(payment, by=scene.petar, amount=D("20.00"))
        with pytest.raises(ChangedMeanwhile, match="Petar has confirmed"):
            payments.take_back(payment, by=scene.mila)
        payments.undo_answer(payment, by=scene.petar)
        payment.refresh_from_db()
        assert (payment.state, payment.amount) == ("said", D("21.35"))
        assert part_of(scene.first, scene.mila).paid_amount is None
        payments.refuse(payment, by=scene.petar)
        payments.undo_answer(payment, by=scene.petar)
        payments.confirm(payment, by=scene.petar)
        assert nets_of(scene.mila) == []
        assert [entry.kind for entry in payment.entries.order_by("pk")] == [
            "said", "corrected", "undone", "refused", "undone", "confirmed"
        ]  # fmt: skip

    def test_only_the_two_see_and_change_a_payment(self, scene):
        payment = say(scene, scene.mila, scene.petar)
        with pytest.raises(Http404):
            get_payment(scene.jon, payment.pk)
        with pytest.raises(NotAllowed):
            payments.confirm(payment, by=scene.jon)
        for action, who in ((payments.confirm, scene.mila), (payments.refuse, scene.mila)):
            with pytest.raises(ChangedMeanwhile, match="waiting for Petar's answer"):
                action(payment, by=who)

    def test_only_the_newest_unread_step_of_a_payment_is_in_the_inbox(self, scene):
        payment = say(scene, scene.mila, scene.petar)
        payments.take_back(payment, by=scene.mila)
        assert told(scene.petar) == ["Mila took back their payment of €21.35 to you"]


class TestMarks:
    def test_who_was_paid_marks_it_and_the_payer_is_told(self, scene):
        payment = payments.mark_paid(scene.group, scene.jon, D("8.00"), owed=D("8.00"), by=scene.petar)
        assert part_of(scene.first, scene.jon).paid_amount == 8
        assert told(scene.jon) == ["Petar marked that you paid them €8.00"]
        with pytest.raises(ChangedMeanwhile):
            payments.take_back(payment, by=scene.jon)
        payments.take_back(payment, by=scene.petar)
        assert owes(scene, scene.jon, scene.petar) == 8

    def test_a_mark_on_the_runs_page_does_not_mark_again_what_is_on_its_way(self, scene):
        say(scene, scene.jon, scene.petar)
        owed = owed_by_person(scene.first)[part_of(scene.first, scene.jon).pk]
        set_paid(scene.first, scene.jon, True, owed=owed, by=scene.petar)
        assert Payment.objects.count() == 1
        assert part_of(scene.first, scene.jon).paid_amount is None

    def test_what_was_settled_over_several_runs_is_not_unmarked_in_one(self, scene):
        pay(scene, scene.mila, scene.petar)
        with pytest.raises(BulqError, match="together with other runs"):
            set_paid(scene.first, scene.mila, False, owed=None, by=scene.petar)

    def test_an_overpayment_is_given_back_by_a_payment_of_the_payer(self, scene):
        pay(scene, scene.jon, scene.petar)
        thing = Purchase.objects.filter(item__run=scene.first, total=D("8.00")).get()
        correct_total(thing, D("6.00"), was=D("8.00"), by=scene.petar)
        assert owes(scene, scene.petar, scene.jon) == 2
        pay(scene, scene.petar, scene.jon)
        assert (part_of(scene.first, scene.jon).paid_amount, nets_of(scene.jon)) == (6, [])
        assert PaymentPart.objects.filter(amount=-2).count() == 1

    def test_giving_back_what_no_longer_counts_as_paid_becomes_credit(self, scene):
        first = pay(scene, scene.jon, scene.petar)
        thing = Purchase.objects.filter(item__run=scene.first, total=D("8.00")).get()
        correct_total(thing, D("6.00"), was=D("8.00"), by=scene.petar)
        pay(scene, scene.petar, scene.jon)
        payments.undo_answer(first, by=scene.petar)
        payments.take_back(first, by=scene.jon)
        assert part_of(scene.first, scene.jon).paid_amount is None
        assert owes(scene, scene.jon, scene.petar) == 8  # 6 for the run, and 2 that he got back


class TestReminding:
    def test_once_in_three_days_and_never_by_itself(self, scene):
        payments.remind(scene.group, scene.jon, by=scene.petar)
        assert told(scene.jon) == ["Petar reminds you: you owe them €8.00"]
        with pytest.raises(BulqError, match="You have reminded Jon"):
            payments.remind(scene.group, scene.jon, by=scene.petar)
        JournalEntry.objects.update(at=timezone.now() - timedelta(days=3, minutes=1))
        payments.remind(scene.group, scene.jon, by=scene.petar)
        assert JournalEntry.objects.filter(kind="reminded").count() == 2

    def test_only_who_owes(self, scene):
        for by, debtor in ((scene.mila, scene.petar), (scene.jon, scene.petar), (scene.dora, scene.jon)):
            with pytest.raises(ChangedMeanwhile, match="doesn't owe you anything"):
                payments.remind(scene.group, debtor, by=by)


class TestPeopleWhoGo:
    """Spec 97."""

    def test_a_former_member_still_settles_and_is_told(self, scene):
        end_membership(scene.group.pk, scene.jon.pk, by=scene.jon)
        assert get_companion(scene.jon, scene.group.pk, scene.petar.pk) == (scene.group, scene.petar)
        pay(scene, scene.jon, scene.petar)
        assert told(scene.jon) == ["Petar confirmed your payment of €8.00"]
        assert nets_of(scene.jon) == []

    def test_nobody_waits_for_the_answer_of_a_closed_account(self, scene):
        run = bought_for(scene, scene.jon, mila="5.00")
        complete(run, waiting=not_picked_up(run).count(), by=scene.jon)
        close_account(by=scene.jon)
        jon = User.objects.get(pk=scene.jon.pk)
        payment = say(scene, scene.mila, jon)
        assert payment.is_confirmed
        payments.take_back(payment, by=scene.mila)
        say(scene, scene.mila, jon)
        payments.mark_paid(scene.group, jon, D("8.00"), owed=D("8.00"), by=scene.petar)
        assert nets_of(jon) == []
        with pytest.raises(BulqError, match="doesn't owe you anything"):
            payments.remind(scene.group, jon, by=scene.petar)
        assert net_between(scene.petar, jon, scene.group).balance == 0
