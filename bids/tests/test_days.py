"""Spec 31: names of runs, which tell them apart; days and times in one style (spec 7)."""

import re
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import localdate

from accounts.models import User
from bids import states
from bids.actions import runs
from bids.actions.runs import details_version, edit_run, start_run
from bids.models import Run
from bulq.kit.dates import format_day, format_day_long
from bulq.tests.architecture import templates
from bulq.tests.browser.samples import Samples
from bulq.tests.client import signed_in

from .cast import stage

pytestmark = pytest.mark.django_db
TODAY = localdate()


def start(scene, day=None):
    return start_run(scene.group, store=scene.run.store, by=scene.alice, day=day)


class TestNames:
    def test_two_runs_with_the_same_name_are_numbered(self):
        scene = stage(states.PLANNING)
        names = [str(scene.run), str(start(scene)), str(start(scene))]
        store = scene.run.store
        assert names == [f"{store}, no day yet", f"{store}, no day yet (2)", f"{store}, no day yet (3)"]
        day = TODAY + timedelta(days=3)
        name = f"{store}, {format_day(day)}"
        assert [str(start(scene, day)) for _ in range(2)] == [name, f"{name} (2)"]

    def test_the_name_of_a_run_that_has_ended_is_not_reused(self):
        """Past runs are in lists, in the history and in the inbox too."""
        scene = stage(states.PLANNING)
        runs.call_off(scene.run, by=scene.alice)
        assert str(start(scene)).endswith("(2)")

    def test_a_run_that_is_given_a_day_is_numbered_among_the_runs_of_that_day(self):
        scene = stage(states.PLANNING)
        start(scene, TODAY)
        other = start(scene)
        changed = edit_run(other, by=scene.alice, day=TODAY, note="", version=details_version(other))
        assert str(changed).endswith(f"{format_day(TODAY)} (2)")
        same = edit_run(changed, by=scene.alice, day=TODAY, note="early", version=details_version(changed))
        assert same.number == 2

    def test_another_group_has_its_own_numbers(self):
        scene, other = stage(states.PLANNING), stage(states.PLANNING)
        run = start_run(other.group, store=scene.run.store, by=other.alice)
        assert run.number == 1

    def test_the_group_is_named_where_runs_of_several_groups_are_listed(self):
        """Home, inbox, money and the page of a store list runs of several groups."""
        scene = stage(states.DISTRIBUTING)
        type(scene.group).objects.filter(pk=scene.group.pk).update(name="Friday Club")
        for address in ("/", "/me/", "/inbox/"):
            assert "Friday Club" in signed_in(scene.bob).get(address).content.decode(), address
        assert "Friday Club" in signed_in(scene.bob).get(f"/stores/{scene.run.store_id}/").content.decode()


class TestADayThatIsOver:
    def page(self, scene, kind):
        return reverse("run-new", args=[scene.group.pk]) if kind == "new" else reverse("run-edit", args=[scene.run.pk])

    @pytest.mark.parametrize("kind", ["new", "edit"])
    def test_is_asked_about_once(self, kind):
        scene, known = stage(states.ACTIVE), Run.objects.count()
        client, day = signed_in(scene.alice), TODAY - timedelta(days=1)
        typed = {
            "store": scene.run.store_id,
            "day": day.isoformat(),
            "note": "x",
            "version": details_version(scene.run),
        }
        answer = client.post(self.page(scene, kind), typed)
        assert answer.status_code == 422
        sentence = f"{format_day(day)} is in the past. Send it again if you mean that day"
        assert answer.context["form"].errors == {"day": [sentence]}
        assert (Run.objects.count(), scene.fresh().day) == (known, None)
        again = {"past_day": answer.context["form"]["past_day"].value()}
        other = client.post(self.page(scene, kind), typed | again | {"day": (day - timedelta(days=1)).isoformat()})
        assert other.status_code == 422, "another day is another question"
        assert client.post(self.page(scene, kind), typed | again).status_code == 302
        assert Run.objects.filter(day=day).count() == 1

    def test_a_day_already_stored_is_not_asked_about_again(self):
        scene = stage(states.ACTIVE)
        Run.objects.filter(pk=scene.run.pk).update(day=TODAY - timedelta(days=1))
        typed = {"day": (TODAY - timedelta(days=1)).isoformat(), "note": "x", "version": details_version(scene.fresh())}
        assert signed_in(scene.alice).post(self.page(scene, "edit"), typed).status_code == 302

    def test_today_is_not_over(self):
        scene = stage(states.ACTIVE)
        typed = {"day": TODAY.isoformat(), "note": "", "version": details_version(scene.run)}
        assert signed_in(scene.alice).post(self.page(scene, "edit"), typed).status_code == 302


def test_the_year_is_shown_when_it_is_not_the_current_one():
    this_year, other = date(TODAY.year, 3, 8), date(TODAY.year + 1, 3, 8)
    assert re.fullmatch(r"[A-Z][a-z]{2} 8 March", format_day(this_year))
    assert re.fullmatch(rf"[A-Z][a-z]{{2}} 8 March {TODAY.year + 1}", format_day(other))
    assert re.fullmatch(rf"[A-Z][a-z]+day 8 March {TODAY.year + 1}", format_day_long(other))


# --- One style ---------------------------------------------------------------------------------------
FOR_MACHINES = {"c", "Y-m-d"}
OTHER_STYLES = re.compile(r"\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b[ap]\.m\.|\b[A-Z][a-z]{2}\. \d")


def test_templates_leave_dates_for_people_to_one_place():
    found = set()
    for path in templates():
        found |= set(re.findall(r"""\|(?:date|time):["']([^"']*)["']""", path.read_text(encoding="utf-8")))
        assert not re.search(r"\|(?:date|time)\b(?!:)", path.read_text(encoding="utf-8")), path
    assert found == FOR_MACHINES


@pytest.mark.slow
def test_no_page_writes_a_day_or_a_time_in_another_style():
    """The demo's pages, as its people see them: no 11/02/2026, no 3 p.m., no Nov. 2."""
    call_command("demo", verbosity=0)
    wrong, seen = [], 0
    for who, address in Samples().pages:
        client = signed_in(User.objects.get(username=who or "vera"))
        page = re.sub(r"<[^>]*>", " ", client.get(address).content.decode())
        wrong += [(address, text) for text in OTHER_STYLES.findall(page)]
        seen += 1
    assert wrong == []
    assert seen > 30
