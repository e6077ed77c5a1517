"""What a page says of what was done, refused, or still open; and where it leads from there (spec 23, 39, 24)."""

import re

import pytest
from django.urls import reverse

from accounts.actions.membership import end_membership
from bids import states
from bids.actions.bidding import set_ready
from bids.actions.runs import leave_run, lock_list
from bulq.tests.client import signed_in

from . import stages
from .cast import stage

pytestmark = pytest.mark.django_db


# --- Debts -----------------------------------------------------------------------------------------
def links(user, address="/me/"):
    return re.findall(r'href="(/runs/\d+/)"', signed_in(user).get(address).content.decode())


def test_a_debt_leads_to_its_run_and_for_who_has_left_the_group_nowhere():
    one = stage(states.DISTRIBUTING)
    run = f"/runs/{one.run.pk}/"
    assert links(one.bob) == [run]
    assert links(one.alice) == [run] * 2  # Bob's and Hana's
    end_membership(one.group.pk, one.bob.pk, by=one.bob)
    assert links(one.bob) == []
    page = signed_in(one.bob).get("/me/").content.decode()
    assert "€47.00" in page
    assert str(one.run) in page
    assert links(one.bob, "/") == []  # the job at home leads to this page instead
    assert 'href="/me/"' in signed_in(one.bob).get("/").content.decode()


# --- Choosing again --------------------------------------------------------------------------------
SAID = "Your order changed, so you are choosing again."


def change(one, user, quantity, **headers):
    data = {f"q-{one.oil.pk}": quantity, f"was-{one.oil.pk}": "4"}
    return signed_in(user).post(reverse("run-order", args=[one.run.pk]), data, headers=headers, follow=True)


@pytest.mark.parametrize("headers", [{}, {"X-Bulq-Part": "order"}], ids=["form", "autosave"])
def test_who_was_done_is_told_that_a_change_makes_them_choose_again(headers):
    one = stage(states.ACTIVE)
    set_ready(one.run, True, by=one.bob)
    assert SAID in change(one, one.bob, "5", **headers).content.decode()
    assert not one.part_of(one.bob).is_ready


def test_who_was_still_choosing_is_told_nothing_of_the_kind():
    one = stage(states.ACTIVE)
    assert SAID not in change(one, one.bob, "5").content.decode()


# --- Amounts that are refused, without script ------------------------------------------------------
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
    one = stages.stage(states.ACTIVE)
    data = {f"q-{one.oil.pk}": typed, f"was-{one.oil.pk}": "4"}
    answer = signed_in(one.bob).post(reverse("run-order", args=[one.run.pk]) + f"?on={on}", data)
    assert f'value="{typed}"' in refused(answer, f"q-{one.oil.pk}")


@pytest.mark.parametrize("typed", ["two", "1.5", "-1", "9"])
def test_so_is_a_refused_amount_while_sorting_out(typed):
    one = stages.stage(states.ADJUSTING)
    data = {"quantity": typed, "was": "4"}
    answer = signed_in(one.bob).post(reverse("sort-out", args=[one.run.pk, one.oil.pk]), data)
    assert f'value="{typed}"' in refused(answer, f"amount-{one.oil.pk}-{one.bob.pk}")


# --- Files -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["run-csv", "run-json", "run-print"])
def test_who_has_left_a_run_exports_it_no_more(name):
    """Spec 64: files are for people in the run."""
    one = stage(states.ACTIVE)
    leave_run(one.run, by=one.bob)
    lock_list(one.run, by=one.alice)
    address = reverse(name, args=[one.run.pk])
    assert [signed_in(user).get(address).status_code for user in (one.bob, one.hana)] == [403, 200]
