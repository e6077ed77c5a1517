"""The stages of a run as people see them: as a row of words, or as small bars beside the word for its state."""

from functools import cache

from django import template
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from bids import states

register = template.Library()
# Each stage with the states in it. The last one is reached once everything is paid.
STAGES = (
    (_("Collecting"), states.COLLECTING),
    (_("Locked"), {states.CONFIRMED}),
    (_("Shopping"), {states.SHOPPING}),
    (_("Hand-out"), {states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED}),
    (_("Settled"), ()),
)


def _stage_of(state):
    """The number of the stage; None for a run that was called off."""
    return next((n for n, (_name, within) in enumerate(STAGES) if state in within), None)


@register.inclusion_tag("bids/_stages.html")
def stages(state, settled=False):
    """The five stages with the one of `state` marked, and the state's own word beneath it where they differ."""
    current = _stage_of(state)
    called_off = current is None
    if settled:
        current = len(STAGES)
    return {
        "called_off": called_off,
        "stages": [] if called_off else [(name, n < current, n == current) for n, (name, _within) in enumerate(STAGES)],
        "state": states.RunState(state).label,
    }


@register.simple_tag
@cache
def stage_bar(state, settled=False):
    """The same as five small bars beside the word; for a run that was called off, none is filled."""
    current = len(STAGES) if settled else _stage_of(state)
    bars = [(n * 13, current is not None and n <= current) for n in range(len(STAGES))]
    return render_to_string("bids/_stage_bar.html", {"bars": bars})
