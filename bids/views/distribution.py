"""Sorting out, handing out, and the money."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from bids.access import (
    check_leads,
    get_participation,
    get_run,
    get_run_led_by,
    get_run_shopped_by,
    get_run_to_show,
)
from bids.actions import costs, distribution
from bids.forms import SortOutForm, TotalForm
from bids.models import Allocation, Bid
from bids.reading.guidance import next_step
from bids.reading.ledger import Ledger
from bids.reading.lines import lines_of
from bids.reading.paying import ways_to_pay
from bids.reading.preview import Preview
from bids.reading.savings import worth_of
from bids.reading.standing import standing_of
from bids.reading.why import explain, why_now
from bulq.kit.errors import ChangedMeanwhile
from bulq.kit.http import flash_errors
from bulq.kit.numbers import parse_id
from bulq.kit.units import with_unit
from stores.models import Product

from .order_table import plain


def hand_out_page(request, run, *, status=200, refused=None):
    """Lines to decide, who gets what, and who owes what; `refused` is what sorting out refused."""
    user = request.user
    ledger, standing = Ledger(run, user), standing_of(run, user)
    explain(ledger)
    maybes = Bid.objects.of_run(run).filter(participation__user=user, quantity=None)
    maybes = set(maybes.values_list("product", flat=True))
    may_shop = ledger.is_shopper(user)
    context = {
        "run": run,
        "ledger": ledger,
        "settled": standing.is_settled,
        "next_step": next_step(standing),
        "is_leader": run.leader_id == user.pk,
        "may_hand_out": run.is_handing_out and may_shop,
        "may_mark_paid": run.has_allocations and costs.may_mark_paid(run, user),
        "may_add_costs": run.takes_extra_costs and may_shop,
        "may_correct": run.takes_corrections and run.leader_id == user.pk,
        "by_product": request.GET.get("by") == "product",
        "balances": _balances(ledger),
        "cards": _cards(ledger, user, hands_out=run.is_handing_out and may_shop),
        "to_decide": [(line, *_takers(ledger, line, user, maybes, refused)) for line in ledger.to_decide],
        "mistakes": _mistakes(refused),
        "mine_now": why_now(ledger),
        "worth": worth_of(run, user),
    }
    return render(request, "bids/hand_out.html", context, status=status)


def _mistakes(refused):
    """The summary of what was refused, for the head of the page."""
    if not refused:
        return []
    place = f"amount-{refused['product'].pk}-{refused['user'].pk}"
    return [(f"{refused['product']}: {sentence}", place) for sentence in refused["errors"]]


def _cards(ledger, user, *, hands_out):
    """The reader's card first, finished ones last; open is that of the person being served, or else the reader's."""
    mine = ledger.mine
    cards = sorted(
        (account for account in ledger.accounts if account.things or account.total or account.is_open),
        key=lambda account: (account is not mine, account.has_all),
    )
    waiting = [account for account in cards if not account.has_all] if hands_out else []
    begun = [account for account in waiting if account.picked_up]
    served = next(iter(begun + waiting), None) if hands_out else mine
    ways = ways_to_pay(ledger, user) if ledger.run.has_allocations else {}
    for account in cards:
        account.served = account is served
        account.way = ways.get(account.user.pk)
    return cards


def _balances(ledger):
    """What each person still gets and still gives, kept apart, and the extremes for the bars."""
    rows = []
    for account in ledger.accounts:
        if account.things or account.total or account.is_open:
            theirs = (account.gets_back, account.still_owes)
            rows.append((account, *((ledger.still_owed, ledger.to_give_back) if account.is_payer else theirs)))
    most = max((gets for _account, gets, _gives in rows), default=Decimal(0))
    return {"rows": rows, "most": most, "least": max((gives for *_others, gives in rows), default=Decimal(0))}


@dataclass
class Taker:
    """A person at a line that differs: what they take, as stored, as the page shows it, and as it was typed."""

    user: User
    is_mine: bool
    keeps: bool
    is_maybe: bool
    may_change: bool
    quantity: Decimal
    was: str
    typed: str
    errors: list


def _takers(ledger, line, user, maybes, refused):
    """People with some of a line that differs, the reader included, and those who may be given what is left over.

    `maybes` are ids of products to which the reader said Maybe.
    """
    wishes = {bid.participation_id: distribution.taken_of(line, bid) for bid in line.bids}
    near, others = [], []
    for account in ledger.accounts:
        taker = _taker(ledger.run, line, account, wishes, user, maybes, refused)
        is_here = account.participation.left_at is None
        if taker.quantity or (taker.is_mine and is_here and line.surplus):
            near.append(taker)
        elif taker.may_change and line.surplus:
            others.append(taker)
    return near, others


def _taker(run, line, account, wishes, user, maybes, refused):
    person, quantity = account.participation, wishes.get(account.participation.pk, Decimal(0))
    is_mine = person.user_id == user.pk
    is_maybe = is_mine and line.product.pk in maybes
    is_refused = refused and (refused["product"], refused["user"]) == (line.product, person.user)
    return Taker(
        user=person.user,
        is_mine=is_mine,
        keeps=person.is_ready,
        is_maybe=is_maybe,
        may_change=not distribution.sorting_refusal(run, line, person, is_maybe=is_maybe, by=user),
        quantity=quantity,
        was=plain(quantity),
        typed=refused["form"]["quantity"].value() if is_refused else plain(quantity),
        errors=refused["errors"] if is_refused else [],
    )


@require_GET
def hand_out(request, run_id):
    run = get_run_to_show(request.user, run_id)
    if run.stage_page != "hand_out":
        messages.info(request, next_step(standing_of(run, request.user)))
        return redirect("run", run.pk)
    return hand_out_page(request, run)


@require_POST
def sort_out(request, run_id, product_id, user_id=None):
    """Change the reader's own amount of a line that differs or, for the leader, someone else's."""
    run = get_run(request.user, run_id)
    product = get_object_or_404(Product, pk=product_id)
    whose = request.user if user_id is None else get_participation(run, user_id).user
    form = SortOutForm(request.POST)
    if form.is_valid():
        with flash_errors(form):
            data = form.cleaned_data
            distribution.sort_out(run, product, data["quantity"], was=data["was"], by=request.user, whose=whose)
            values = {"name": whose.name, "amount": with_unit(data["quantity"], product.unit), "product": product.name}
            messages.success(request, _("%(name)s takes %(amount)s of %(product)s.") % values)
            return redirect("run", run.pk)
    errors = form["quantity"].errors + form["was"].errors + form.non_field_errors()
    refused = {"product": product, "user": whose, "form": form, "errors": errors}
    status = getattr(form, "refusal_status", 422)
    return hand_out_page(request, get_run_to_show(request.user, run_id), status=status, refused=refused)


@require_POST
def start_hand_out(request, run_id):
    run = get_run_led_by(request.user, run_id)
    distribution.finish_sorting(run, by=request.user)
    messages.success(request, _("The hand-out has started."))
    return redirect("run", run.pk)


@require_http_methods(["GET", "POST"])
def force(request, run_id):
    """The preview of who gets and pays what, and the decision to split it like this."""
    run = get_run_to_show(request.user, run_id)
    check_leads(run, request.user)
    status = 200
    if request.method == "POST":
        try:
            distribution.force_hand_out(run, seen=request.POST.get("seen", ""), by=request.user)
            messages.success(request, _("The hand-out has started."))
            return redirect("run", run.pk)
        except ChangedMeanwhile as changed:
            messages.warning(request, changed.message)
            status = changed.status
    if not run.is_sorting_out:
        return redirect("run", run.pk)
    return render(request, "bids/force.html", {"run": run, "preview": Preview(run, lines_of(run))}, status=status)


@require_POST
def pick_up(request, run_id):
    """Mark one thing, or all that a person gets, as picked up, or unmark it."""
    run = get_run_shopped_by(request.user, run_id)
    rows = Allocation.objects.filter(item__run=run)
    if "person" in request.POST:
        person = get_participation(run, parse_id(request.POST["person"]))
        rows = rows.filter(bid__participation=person)
    else:
        rows = [get_object_or_404(rows, pk=parse_id(request.POST.get("thing")))]
    distribution.set_picked_up(run, rows, request.POST.get("back") != "1", by=request.user)
    return redirect("run", run.pk)


@require_POST
def paid(request, run_id, user_id):
    run = get_run(request.user, run_id)
    person = get_participation(run, user_id)
    form = TotalForm({"total": request.POST.get("owed", ""), "was": "0"}, currency=run.currency)
    owed = form.cleaned_data["total"] if form.is_valid() else None
    costs.set_paid(run, person.user, request.POST.get("paid") == "1", owed=owed, by=request.user)
    return redirect("run", run.pk)


@require_http_methods(["GET", "POST"])
def complete(request, run_id):
    """End the hand-out, naming what nobody picked up."""
    run = get_run_led_by(request.user, run_id)
    if request.method == "POST":
        distribution.complete(run, waiting=parse_id(request.POST.get("waiting")), by=request.user)
        messages.success(request, _("The hand-out is finished."))
        return redirect("run", run.pk)
    waiting = distribution.not_picked_up(run).select_related("bid__product", "bid__participation__user")
    return render(request, "bids/complete.html", {"run": run, "waiting": waiting.order_by("pk")})


@require_POST
def reopen(request, run_id):
    run = get_run_led_by(request.user, run_id)
    distribution.reopen_hand_out(run, by=request.user)
    messages.success(request, _("The hand-out is open again."))
    return redirect("run", run.pk)


@require_POST
def back_to_shop(request, run_id):
    run = get_run_led_by(request.user, run_id)
    distribution.back_to_shopping(run, by=request.user)
    messages.success(request, _("You are shopping again."))
    return redirect("run", run.pk)
