"""What was paid in the shop and besides, compared with the receipts."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from bids.access import (
    get_extra_cost,
    get_purchase,
    get_receipt,
    get_run_led_by,
    get_run_shopped_by,
    get_run_to_show,
)
from bids.actions import costs, receipts
from bids.forms import ExtraCostForm, ReceiptForm, TotalForm
from bids.models import ExtraCost
from bids.reading.again import proposed_costs
from bids.reading.division import division_of
from bids.reading.ledger import Costs
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.http import answer, carry_what_is_there, flash_errors, offer_undo
from bulq.kit.money import format_money


@require_GET
def run_costs(request, run_id):
    return _page(request, get_run_to_show(request.user, run_id))


def _page(request, run, *, extra_form=None, receipt_form=None, status=200):
    """The costs of a run; one of the forms may be a refused one."""
    ledger = Costs(run, request.user)
    leads = run.leader_id == request.user.pk
    compared = ledger.comparison
    decides = leads and run.takes_corrections and bool(compared.open)
    context = {
        "run": run,
        "ledger": ledger,
        "compared": compared,
        "may_add_costs": run.takes_extra_costs and ledger.is_shopper(request.user),
        "may_correct": run.takes_corrections and leads,
        "parts": _parts_of_difference(ledger, compared.open) if decides else None,
        "proposed": proposed_costs(run),
        "form": extra_form or _extra_form(run),
        "receipt_form": receipt_form or _receipt_form(run),
    }
    return answer(request, "bids/costs.html", context, form=extra_form or receipt_form, status=status)


def _extra_form(run, data=None):
    people = User.objects.filter(participations__in=run.participations.current()).order_by("name", "pk")
    return ExtraCostForm(data, currency=run.currency, people=people)


def _receipt_form(run, data=None):
    return ReceiptForm(data, currency=run.currency, auto_id="id_receipt_%s")


@dataclass
class Parts:
    """What splitting the difference would cost the reader, and the person it would cost most."""

    mine: Decimal
    most: Decimal
    name: str


def _parts_of_difference(ledger, difference):
    division = division_of(ledger.run, ledger.lines)
    after = division.shares_of([*division.extra_costs, ExtraCost(amount=difference)])
    change = {person: share - division.extras.get(person, Decimal(0)) for person, share in after.items()}
    names = {account.participation.pk: account.user.name for account in ledger.accounts}
    person = max(change, key=lambda person: (abs(change[person]), -person))
    mine = change.get(ledger.mine.participation.pk, Decimal(0)) if ledger.mine else Decimal(0)
    return Parts(mine, change[person], names[person])


@require_POST
def extra_add(request, run_id):
    run = get_run_shopped_by(request.user, run_id)
    form = _extra_form(run, request.POST)
    if form.is_valid():
        with flash_errors(form):
            data = form.cleaned_data
            costs.add_extra_cost(
                run,
                label=data["label"],
                amount=form.signed_amount,
                how=data["how"],
                person=data["person"],
                by=request.user,
            )
            messages.success(request, _("%(label)s is saved.") % {"label": data["label"]})
            return redirect("run-costs", run.pk)
    return _page(request, get_run_to_show(request.user, run_id), extra_form=form)


@require_POST
def extra_remove(request, run_id, cost_id):
    run = get_run_shopped_by(request.user, run_id)
    cost = get_extra_cost(run, cost_id)
    costs.remove_extra_cost(cost, by=request.user)
    messages.success(request, _("%(label)s is removed.") % {"label": cost.title})
    return redirect("run-costs", run.pk)


@require_http_methods(["GET", "POST"])
def total_correct(request, run_id, purchase_id):
    run = get_run_led_by(request.user, run_id)
    purchase = get_purchase(run, purchase_id)
    initial = {"total": purchase.total, "was": purchase.total}
    form = TotalForm(request.POST or None, currency=run.currency, initial=initial)
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            data = form.cleaned_data
            costs.correct_total(purchase, data["total"], was=data["was"], by=request.user)
            messages.success(request, _("Saved. What everyone owes has been recalculated."))
            return redirect("run-costs", run.pk)
        carry_what_is_there(form, was=get_purchase(run, purchase_id).total)
    return answer(request, "bids/total_correct.html", {"run": run, "purchase": purchase}, form=form)


# --- Receipts --------------------------------------------------------------------------------------
@require_POST
def receipt_add(request, run_id):
    run = get_run_shopped_by(request.user, run_id)
    form = _receipt_form(run, request.POST)
    if form.is_valid():
        with flash_errors(form):
            receipts.add_receipt(run, by=request.user, **form.cleaned_data)
            messages.success(request, _("The receipt is saved."))
            return redirect("run-costs", run.pk)
    return _page(request, get_run_to_show(request.user, run_id), receipt_form=form)


@require_POST
def receipt_remove(request, run_id, receipt_id):
    run = get_run_shopped_by(request.user, run_id)
    receipts.remove_receipt(get_receipt(run, receipt_id), by=request.user)
    messages.success(request, _("The receipt is removed."))
    return redirect("run-costs", run.pk)


@require_POST
def difference(request, run_id):
    """Split what the receipts say more or less, or leave it to the payer."""
    run = get_run_led_by(request.user, run_id)
    seen, choice = request.POST.get("seen", ""), request.POST.get("choice")
    if choice not in ("split", "take"):
        raise BulqError(_("Choose what happens with the difference."))
    try:
        if choice == "split":
            cost = receipts.split_difference(run, seen=seen, by=request.user)
            text = _("%(amount)s is split by value.") % {"amount": format_money(cost.amount, run.currency)}
            offer_undo(request, text, "extra-remove", run.pk, cost.pk)
        else:
            receipts.leave_to_payer(run, seen=seen, by=request.user)
            payer = run.payer.name
            text = _("You take the difference.") if run.payer == request.user else _("%(payer)s takes the difference.")
            offer_undo(request, text % {"payer": payer}, "run-difference-back", run.pk)
    except ChangedMeanwhile as changed:
        messages.warning(request, changed.message)
        return _page(request, get_run_to_show(request.user, run_id), status=changed.status)
    return redirect("run-costs", run.pk)


@require_POST
def difference_back(request, run_id):
    """What was left to the payer is undecided again."""
    run = get_run_led_by(request.user, run_id)
    receipts.take_back_difference(run, by=request.user)
    messages.success(request, _("The difference is open again."))
    return redirect("run-costs", run.pk)
