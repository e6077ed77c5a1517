"""Spec 84: in the last stretch, whoever could fill a pack is reminded too."""

from datetime import timedelta

import pytest
from django.core import mail

from bids.actions import runs
from bids.actions.bidding import Wish, place_bids, set_ready
from bids.actions.closing import ClosingTime
from bids.actions.mail import mail_reminders
from bids.actions.reminders import remind_due
from bids.actions.stretch import set_last_stretch
from bids.models import Bid, Notification, Reminder
from bids.reading.history import news_of
from stores.models import Offer
from stores.tests.factories import make_offer

from .cast import D
from .test_mail import wants
from .test_reminders import closing, inbox_of, reminded

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def stretched():
    """Alice wants 2 oil, Bob 4 and Hana 2, in packs of 5; all three are done. Of gouda there is no pack."""
    scene, at = closing()
    make_offer(scene.oil, scene.run.store, pack_size=5)
    for user in (scene.alice, scene.bob, scene.hana):
        set_ready(scene.run, True, by=user)
    set_last_stretch(scene.run, True, by=scene.alice)
    return scene, at


def test_in_the_last_stretch_those_who_could_fill_a_pack_are_reminded_too():
    """Spec 84: who wants something of it, even if done; those still choosing are reminded as always."""
    scene, at = stretched()
    wants(scene.bob)
    assert remind_due(at - 3 * HOUR) == 5
    assert remind_due(at - 3 * HOUR) == 0
    about = Reminder.objects.filter(is_about_packs=True).values_list("user__name", flat=True)
    assert sorted(about) == ["Alice", "Bob", "Hana"]
    [news] = news_of(Notification.objects.filter(user=scene.bob, event__kind="packs_to_fill").with_words())
    assert f"Full packs still need 2 pieces of {scene.oil}: take more" in news.sentence
    assert inbox_of(scene.dora)
    mail_reminders(at - 3 * HOUR)
    assert [f"Full packs still need 2 pieces of {scene.oil}." in message.body for message in mail.outbox] == [True]


def test_habit_counts_and_full_packs_remind_nobody():
    scene, at = stretched()
    for user in (scene.bob, scene.hana):
        Bid.objects.filter(participation__user=user, product=scene.oil).delete()
    past = runs.start_run(scene.group, store=scene.run.store, by=scene.alice)
    place_bids(past, [Wish(scene.oil.pk, D(2))], by=scene.hana)
    remind_due(at - 3 * HOUR)
    about = Reminder.objects.filter(is_about_packs=True, run=scene.run).values_list("user__name", flat=True)
    assert sorted(about) == ["Alice", "Hana"]
    scene, at = stretched()
    Offer.objects.filter(product=scene.oil).update(pack_size=4)
    remind_due(at - 3 * HOUR)
    assert not Reminder.objects.filter(is_about_packs=True, run=scene.run).exists()


def test_two_runs_to_the_same_store_both_remind():
    scene, at = stretched()
    other = runs.start_run(scene.group, store=scene.run.store, by=scene.bob, closing=ClosingTime(at))
    place_bids(other, [Wish(scene.oil.pk, D(3))], by=scene.hana)
    set_ready(other, True, by=scene.hana)
    set_last_stretch(other, True, by=scene.bob)
    remind_due(at - 3 * HOUR)
    about = Reminder.objects.filter(is_about_packs=True, user=scene.hana).values_list("run", flat=True)
    assert sorted(about) == sorted([scene.run.pk, other.pk])


def test_without_a_last_stretch_who_is_done_is_left_alone():
    scene, at = stretched()
    set_last_stretch(scene.run, False, by=scene.alice)
    for user in (scene.alice, scene.bob, scene.hana):
        set_ready(scene.run, True, by=user)
    remind_due(at - 3 * HOUR)
    assert reminded() == ["Adam", "Dora"]
