"""Packs that are not full: what the leader decides before locking, and what fills them in the last stretch."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bids.access import check_leads, get_run_led_by, get_run_to_show
from bids.actions import packs, stretch
from bids.actions.packs import DOWN, DROP, KEEP
from bids.models import Event
from bids.reading.board import Board
from bids.reading.packs import open_packs
from bids.reading.standing import standing_before_shopping
from bulq.kit.errors import ChangedMeanwhile
from bulq.kit.http import offer_undo
from bulq.kit.money import format_quantity
from bulq.kit.numbers import parse_id

from . import order_table
from .order_table import plain

NOTHING = Decimal(0)


@dataclass
class Card:
    """An open pack with its picture and the choice that stands, as the page shows it."""

    pack: object
    bar: str
    facts: str
    choice: str
    seen: str


@require_http_methods(["GET", "POST"])
def open_packs_page(request, run_id):
    run = get_run_to_show(request.user, run_id)
    check_leads(run, request.user)
    if not run.is_collecting:
        messages.info(request, _("The list is already locked."))
        return redirect("run", run.pk)
    if request.method == "GET":
        return _page(request, run)
    choices = _read(request.POST)
    try:
        events = packs.close_packs(run, choices, by=request.user)
    except ChangedMeanwhile as changed:
        messages.warning(request, changed.message)
        return _page(request, get_run_to_show(request.user, run_id), status=changed.status, choices=choices)
    for event in events:
        lowered = event.kind == "packs_rounded"
        text = _("Orders of %(product)s lowered") if lowered else _("%(product)s is off the run")
        offer_undo(request, text % {"product": event.product.name}, "run-packs-undo", run.pk, event.pk)
    return redirect("run-lock" if "lock" in request.POST else "run", run.pk)


def _page(request, run, *, status=200, choices=None):
    board, choices = Board(run), choices or {}
    cards = [_card(board, pack, request.user, choices) for pack in open_packs(board)]
    standing = standing_before_shopping(board, request.user)
    context = {"run": run, "board": board, "cards": cards, "others_choosing": standing.others_choosing}
    return render(request, "bids/packs.html", context, status=status)


def _card(board, pack, user, choices):
    row = pack.row
    choice, _seen = choices.get(row.product.pk, (KEEP, ""))
    bar = order_table.packs_of(row, board, user)
    return Card(pack, bar, order_table.facts_of(row), choice, pack.fingerprint())


def _read(post):
    """The choice for each product, and the fingerprint of what the page showed."""
    choices = {}
    for name, choice in post.items():
        product = parse_id(name.removeprefix("pack-"))
        if name.startswith("pack-") and product and choice in (KEEP, DOWN, DROP):
            choices[product] = choice, post.get(f"seen-{product}", "")
    return choices


@require_GET
def how_it_is_shared(request):
    return render(request, "bids/division.html")


@require_POST
def packs_undo(request, run_id, closed_id):
    run = get_run_led_by(request.user, run_id)
    kinds = ("packs_rounded", "packs_dropped")
    event = get_object_or_404(Event.objects.select_related("product"), run=run, pk=closed_id, kind__in=kinds)
    changed = packs.undo_packs(run, event, by=request.user)
    messages.success(request, _("The orders of %(product)s are back.") % {"product": event.product.name})
    if changed:
        messages.info(request, _("%(names)s changed their order since, so it stays as it is.") % {"names": changed})
    return redirect("run", run.pk)


@require_POST
def last_stretch(request, run_id):
    run, on = get_run_led_by(request.user, run_id), request.POST.get("on") == "1"
    stretch.set_last_stretch(run, on, by=request.user)
    messages.success(request, _("Only full packs from now on.") if on else _("Any amount is fine again."))
    return redirect("run", run.pk)


# --- What the reader can do about it -----------------------------------------------------------------
@dataclass
class Tap:
    """A button that changes the reader's order of a product: the amount and the limit that it sends."""

    text: str
    quantity: str
    limit: str


@dataclass
class ToFill:
    """A product whose packs are not full, with the taps that help."""

    row: object
    facts: str
    bar: str
    was: str
    had: str
    choice: str
    instead: str
    taps: list = field(default_factory=list)


def to_fill(board, user):
    """The open packs of a run in its last stretch."""
    if not board.run.is_filling_packs:
        return []
    return [_to_fill(board, row, user) for row in board.rows if row.is_pack_open]


def _to_fill(board, row, user):
    me = board.person_of(user)
    part = me.pk if me else None
    mine, terms = row.wishes.get(part) or NOTHING, order_table.terms_in(row, part)
    return ToFill(
        row=row,
        facts=order_table.facts_of(row),
        bar=order_table.packs_of(row, board, user),
        was=plain(mine or None),
        had=order_table.written_terms(terms),
        choice="all" if terms.all_or_nothing else "less",
        instead=terms.instead,
        taps=list(_taps(row, mine, terms)),
    )


def _taps(row, mine, terms):
    missing, step, limit = row.packs.missing, row.product.step, plain(terms.limit)
    if step < missing:
        yield Tap(_("+%(step)s") % {"step": format_quantity(step)}, plain(mine + step), limit)
    if not missing % step:
        fills = mine + missing
        yield Tap(_("+%(amount)s fills it") % {"amount": format_quantity(missing)}, plain(fills), limit)
        if mine:
            most = (terms.limit or mine) + missing
            yield Tap(_("up to %(limit)s is fine") % {"limit": format_quantity(most)}, plain(mine), plain(most))
