"""The stages of a run as its pages draw them. No database."""

import re

import pytest
from django.template import Context, Template

from bids.states import RunState


def render(tag, state, settled=False):
    return Template(f"{{% load stages %}}{{% {tag} state settled %}}").render(
        Context({"state": state, "settled": settled})
    )


def stages(state, settled=False):
    """How many are done, the present one, and all that is written."""
    html = render("stages", state, settled)
    current = re.findall(r'aria-current="step">.*?<span>([^<]*)', html, re.DOTALL)
    return html.count('class="done"'), current, " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_stages_mark_where_a_run_is():
    assert stages("planning")[:2] == stages("active")[:2] == (0, ["Collecting"])
    assert stages("confirmed")[:2] == (1, ["Locked"])
    assert stages("shopping")[:2] == (2, ["Shopping"])
    assert stages("distributing")[:2] == (3, ["Hand-out"])
    assert stages("completed")[:2] == (3, ["Hand-out"])
    assert stages("completed", settled=True)[:2] == (5, [])
    assert stages("cancelled") == (0, [], "Called off")


def test_a_state_that_is_not_called_like_its_stage_is_written_beneath_it():
    assert "Hand-out Sort out" in stages("adjusting")[2]
    assert "Hand-out Handed out" in stages("completed")[2]
    assert "Handed out" not in stages("completed", settled=True)[2]
    assert stages("distributing")[2].count("Hand-out") == 1


@pytest.mark.parametrize("state", RunState)
def test_the_small_bars_show_the_same(state):
    done, current, _text = stages(state)
    assert render("stage_bar", state).count('class="on"') == done + len(current)
    assert render("stage_bar", "completed", settled=True).count('class="on"') == 5
