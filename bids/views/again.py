"""Ordering again what one had last time, and a run begun again from a past one."""

from dataclasses import dataclass

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from bids.access import get_run, get_run_led_by
from bids.actions import again
from bids.models import Event, Run
from bids.reading.again import LastTime, last_time, usual_here
from bulq.kit.http import offer_undo
from bulq.kit.names import listed
from bulq.kit.numbers import parse_id
from bulq.kit.ratelimit import limited
from bulq.kit.units import with_unit

from .order_table import OrderTable, facts_of, plain


@dataclass
class Line:
    """Something to order again: its row of the order table, and what one tap adds, as it is sent and as it is said."""

    row: object
    facts: str
    amount: str = ""
    add: str = ""


class Again:
    """What the reader had last time, and what is usual here, for the page to add products."""

    def __init__(self, run, user, rows_of, *, is_shown):
        """`rows_of(ids)` gives rows of the order table for products of the catalogue."""
        self.user, self.had = user, last_time(run, user) if is_shown else LastTime()
        self.usual = [pk for pk in usual_here(run) if pk not in self.had.bids] if is_shown else []
        self._rows_of = rows_of

    @property
    def products(self):
        return {*self.had.bids, *self.usual}

    def context(self, board, refused):
        if not self.products:
            return {}
        table, in_run = OrderTable(board, self.user, refused=refused), {row.product.pk: row for row in board.rows}
        rows = {row.product.pk: in_run.get(row.product.pk, row) for row in self._rows_of(list(self.products))}
        mine = [self._line(table, rows[pk], bid) for pk, bid in self.had.bids.items()]
        return {
            "had": self.had,
            "last_time": mine,
            "all_added": all(line.row.is_real for line in mine),
            "usual": [self._line(table, rows[pk]) for pk in self.usual],
        }

    @staticmethod
    def _line(table, row, bid=None):
        line = Line(table.row(row), facts_of(row))
        if bid:
            line.amount, line.add = plain(bid.quantity), with_unit(bid.quantity, bid.product.unit)
        return line


def past_run(group, text):
    """The ended run of the group that the address names, or None."""
    pk = parse_id(text)
    return Run.objects.ended().filter(group=group).with_names().filter(pk=pk).first() if pk else None


@limited("bids")
@require_POST
def order_again(request, run_id):
    """All of what one had last time."""
    run = get_run(request.user, run_id)
    event, left_out = again.order_last_time(run, by=request.user)
    if event:
        count = event.data["count"]
        text = ngettext(
            "%(count)s product of last time is on your order",
            "%(count)s products of last time are on your order",
            count,
        )
        offer_undo(request, text % {"count": count}, "run-again-undo", run.pk, event.pk)
    if left_out:
        messages.warning(request, _("Could not be ordered again: %(names)s.") % {"names": listed(left_out)})
    elif event is None:
        messages.info(request, _("There is nothing more to order again."))
    return redirect("run-add", run.pk)


@limited("bids")
@require_POST
def order_again_undo(request, run_id, again_id):
    run = get_run(request.user, run_id)
    event = get_object_or_404(Event, run=run, pk=again_id, kind="last_time", actor=request.user)
    again.undo_last_time(run, event, by=request.user)
    messages.success(request, _("What you had last time is off your order again."))
    return redirect("run-add", run.pk)


@require_POST
def drop_list(request, run_id):
    run = get_run_led_by(request.user, run_id)
    again.drop_list(run, by=request.user)
    messages.success(request, _("What nobody wants is off the list."))
    return redirect("run", run.pk)
