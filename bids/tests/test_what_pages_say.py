"""What a page says about things done, refused or still open, and where it links to (spec 23, 24, 39)."""

import re

import pytest
from django.urls import reverse

from accounts.actions.membership import end_membership
from accounts.tests.factories import make_user
from bids import states
from bids.actions.bidding import set_ready
from bids.actions.membership import leave_run
from bids.actions.runs import lock_list
from bulq.tests.client import signed_in

from . import stages
from .cast import stage

pytestmark = pytest.mark.django_db


# --- Debts -----------------------------------------------------------------------------------------
def links(user, address="/me/"):
    return re.findall(r'href="(/runs/\d+/)"', signed_in(user).get(address).content.decode())


def test_a_debt_links_to_its_run_except_for_people_who_have_left_the_group():
    scene = stage(states.DISTRIBUTING)
    run = f"/runs/{scene.run.pk}/"
    assert links(scene.bob) == [run]
    assert links(scene.alice) == [run] * 2  # Bob's and Hana's
    end_membership(scene.group.pk, scene.bob.pk, by=scene.bob)
    assert links(scene.bob) == []
    page = signed_in(scene.bob).get("/me/").content.decode()
    assert "€47.00" in page
    assert str(scene.run) in page
    assert links(scene.bob, "/") == []  # the job at home leads to the page Money
    assert 'href="/money/" aria-label="Pay' in signed_in(scene.bob).get("/").content.decode()


# --- Choosing again --------------------------------------------------------------------------------
SAID = "Your order changed, so you are choosing again."


def change(scene, user, quantity, **headers):
    data = {f"q-{scene.oil.pk}": quantity, f"was-{scene.oil.pk}": "4"}
    return signed_in(user).post(reverse("run-order", args=[scene.run.pk]), data, headers=headers, follow=True)


@pytest.mark.parametrize("headers", [{}, {"X-Bulq-Part": "order"}], ids=["form", "autosave"])
def test_people_who_were_done_are_told_that_a_change_makes_them_choose_again(headers):
    scene = stage(states.ACTIVE)
    set_ready(scene.run, True, by=scene.bob)
    assert SAID in change(scene, scene.bob, "5", **headers).content.decode()
    assert not scene.part_of(scene.bob).is_ready


def test_people_who_were_still_choosing_are_told_nothing_of_the_kind():
    scene = stage(states.ACTIVE)
    assert SAID not in change(scene, scene.bob, "5").content.decode()


# --- Refused amounts, without JavaScript -----------------------------------------------------------
def refused(answer, place):
    page = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r"<title>\s*Error:", page)
    summary = page.split('class="errors"')[1].split("</ul>")[0]
    assert f'href="#{place}"' in summary
    assert f'id="{place}"' in page
    return page


@pytest.mark.parametrize("on", ["board", "add"])
@pytest.mark.parametrize("typed", ["two", "1.5", "-1", "100000"])
def test_a_refused_order_is_summed_up_and_keeps_what_was_typed(on, typed):
    scene = stages.stage(states.ACTIVE)
    data = {f"q-{scene.oil.pk}": typed, f"was-{scene.oil.pk}": "4"}
    answer = signed_in(scene.bob).post(reverse("run-order", args=[scene.run.pk]) + f"?on={on}", data)
    assert f'value="{typed}"' in refused(answer, f"q-{scene.oil.pk}")


@pytest.mark.parametrize("typed", ["two", "1.5", "-1", "9"])
def test_a_refused_amount_while_sorting_out_is_summed_up_too(typed):
    scene = stages.stage(states.ADJUSTING)
    data = {"quantity": typed, "was": "4"}
    answer = signed_in(scene.bob).post(reverse("sort-out", args=[scene.run.pk, scene.oil.pk]), data)
    assert f'value="{typed}"' in refused(answer, f"amount-{scene.oil.pk}-{scene.bob.pk}")


# --- Files -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["run-csv", "run-json", "run-print"])
def test_people_who_have_left_a_run_cannot_export_it(name):
    """Spec 64: files are for people in the run."""
    scene = stage(states.ACTIVE)
    leave_run(scene.run, by=scene.bob)
    lock_list(scene.run, by=scene.alice)
    address = reverse(name, args=[scene.run.pk])
    assert [signed_in(user).get(address).status_code for user in (scene.bob, scene.hana)] == [403, 200]


def test_an_empty_inbox_says_so():
    assert "Nothing yet." in signed_in(make_user("Eve")).get("/inbox/").content.decode()
