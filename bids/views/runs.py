"""A run as a whole: its page, its start, its decisions, the people in it, its history."""

import re

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import get_group
from accounts.models import User
from bids.access import get_run, get_run_led_by, get_run_to_show
from bids.actions import closing, lead, membership, reminders, runs
from bids.actions.shopping import stop_shopping as back_from_the_shop
from bids.forms import ClosingForm, PersonForm, RunDetailsForm, RunForm, UnlockForm
from bids.models import Purchase
from bids.reading.again import costs_to_repeat, listed_products
from bids.reading.board import Board
from bids.reading.history import entries_of
from bulq.kit.http import answer, carry_what_is_there, flash_errors
from stores.models import Store
from stores.views.onward import detour, typed_before, way_back

from .again import past_run
from .bidding import board_page
from .distribution import hand_out_page
from .shopping import shop_page

PAGES = {"board": board_page, "shop": shop_page, "hand_out": hand_out_page}
STORES_SHOWN = 8
EVENTS_SHOWN = 50
PAST_SHOWN = 3


@require_GET
def run(request, run_id):
    """The page of the stage that the run is in."""
    run = get_run_to_show(request.user, run_id)
    return PAGES[run.stage_page](request, run)


@require_http_methods(["GET", "POST"])
def run_new(request, group_id):
    """Leads straight to choosing."""
    group = get_group(request.user, group_id)
    if elsewhere := _store_elsewhere(request, group):
        return elsewhere
    stores = Store.objects.filter(currency=group.currency)
    past = past_run(group, request.GET.get("again", ""))
    initial = _of_past_run(past) | typed_before(request) | request.GET.dict()
    shown = _stores_shown(group, stores, request.GET.get("q", ""), chosen=initial.get("store", ""))
    form = RunForm(request.POST or None, stores=stores, shown=shown, zone=group.zone, initial=initial)
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            again = {"again_of": past, "brings_list": "brings_list" in request.POST}
            details = {name: form.cleaned_data[name] for name in ("store", "day", "note")}
            made = runs.start_run(group, by=request.user, **details, closing=form.closing, **again)
            messages.success(request, _("The run has started. Choose what you want from it."))
            return redirect("run-add", made.pk)
    query = request.POST.get("q", request.GET.get("q", ""))
    context = {"group": group, "query": query, "shown": shown, "past": past, "past_costs": _costs_of(past)}
    context |= {"past_count": len(listed_products(past.pk)) if past else 0}
    context |= {"past_runs": group.runs.ended().with_names().newest_first()[:PAST_SHOWN]}
    return answer(request, "bids/run_new.html", context, form=form)


def _of_past_run(past):
    return {"store": str(past.store_id), "note": past.note} if past else {}


def _costs_of(past):
    return list(costs_to_repeat(past.pk)) if past else []


def _store_elsewhere(request, group):
    """People who don't see their store search for it or add it, and come back with what they have typed."""
    query = request.POST.get("q", "")
    if request.POST.get("detour") == "find":
        return redirect(way_back(request, q=query))
    if request.POST.get("detour") == "store":
        return detour(request, "store-new", name=query, currency=group.currency)
    return None


def _stores_shown(group, stores, query, *, chosen):
    """The store already chosen, then those that the group uses most."""
    used = Count("runs", filter=Q(runs__group=group))
    found = stores.search(query).annotate(used=used).order_by("-used", "-is_verified", "sort_name")[:STORES_SHOWN]
    first = list(stores.filter(pk=chosen)) if re.fullmatch(r"[0-9]{1,18}", chosen) else []
    return first + [store for store in found if store not in first]


@require_http_methods(["GET", "POST"])
def run_edit(request, run_id):
    run = get_run_led_by(request.user, run_id)
    form = RunDetailsForm(
        request.POST or None, initial={"day": run.day, "note": run.note, "version": runs.details_version(run)}
    )
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            data = form.cleaned_data
            runs.edit_run(run, by=request.user, day=data["day"], note=data["note"], version=data["version"])
            messages.success(request, _("Day and note are saved."))
            return redirect("run", run.pk)
        carry_what_is_there(form, version=runs.details_version(get_run(request.user, run_id)))
    return answer(request, "bids/run_edit.html", {"run": run}, form=form)


@require_http_methods(["GET", "POST"])
def lock(request, run_id):
    """The decision to lock, with who is still choosing and which packs are not full."""
    run = get_run_led_by(request.user, run_id)
    if request.method == "POST":
        runs.lock_list(run, by=request.user)
        messages.success(request, _("The list is locked."))
        return redirect("run", run.pk)
    context = {"run": run, "board": Board(run), "still_choosing": runs.still_choosing(run)}
    return render(request, "bids/lock.html", context)


@require_http_methods(["GET", "POST"])
def unlock(request, run_id):
    """Past the closing time this asks for a new one, or none."""
    run = get_run_led_by(request.user, run_id)
    is_asked = run.has_closed and "no_closing" not in request.POST
    form = UnlockForm(request.POST if is_asked and request.method == "POST" else None, zone=run.group.zone)
    if request.method == "POST" and not is_asked:
        runs.unlock_list(run, by=request.user, closing=closing.NO_CLOSING if "no_closing" in request.POST else None)
        return _unlocked(request, run)
    if form.is_valid():
        with flash_errors(form):
            runs.unlock_list(run, by=request.user, closing=form.closing)
            return _unlocked(request, run)
    return answer(request, "bids/unlock.html", {"run": run}, form=form)


def _unlocked(request, run):
    messages.success(request, _("The list is open again."))
    return redirect("run", run.pk)


@require_http_methods(["GET", "POST"])
def closing_time(request, run_id):
    run = get_run_led_by(request.user, run_id)
    is_removed = "no_closing" in request.POST
    initial = {"version": closing.closing_version(run)}
    form = ClosingForm(request.POST or None, zone=run.group.zone, run=run, initial=initial)
    if form.is_bound and (form.is_valid() or is_removed):
        with flash_errors(form):
            chosen, version = closing.NO_CLOSING if is_removed else form.closing, request.POST.get("version", "")
            closing.move_closing(run, chosen, by=request.user, version=version)
            messages.success(request, _("The closing time is saved."))
            return redirect("run", run.pk)
        carry_what_is_there(form, version=closing.closing_version(get_run(request.user, run_id)))
    return answer(request, "bids/closing.html", {"run": run}, form=form)


@require_POST
def remind(request, run_id):
    run = get_run_led_by(request.user, run_id)
    count = reminders.remind_by_hand(run, by=request.user)
    text = ngettext("%(count)s person is reminded.", "%(count)s people are reminded.", count)
    messages.success(request, text % {"count": count})
    return redirect("run-more", run.pk)


@require_POST
def start_shopping(request, run_id):
    run = get_run_led_by(request.user, run_id)
    runs.start_shopping(run, by=request.user)
    messages.success(request, _("You are shopping. Tick what is in the cart."))
    return redirect("run", run.pk)


@require_POST
def stop_shopping(request, run_id):
    run = get_run_led_by(request.user, run_id)
    back_from_the_shop(run, by=request.user)
    messages.success(request, _("The list is locked again."))
    return redirect("run", run.pk)


@require_http_methods(["GET", "POST"])
def call_off(request, run_id):
    run = get_run_led_by(request.user, run_id)
    if request.method == "POST":
        runs.call_off(run, by=request.user)
        messages.success(request, _("The run is called off."))
        return redirect("run", run.pk)
    spent = sum(Purchase.objects.filter(item__run=run).values_list("total", flat=True))
    return render(request, "bids/call_off.html", {"run": run, "spent": spent})


@require_http_methods(["GET", "POST"])
def leave(request, run_id):
    run = get_run(request.user, run_id)
    if request.method == "POST":
        membership.leave_run(run, by=request.user)
        messages.success(request, _("You no longer take part in this run."))
        return redirect("group", run.group_id)
    return render(request, "bids/leave_run.html", {"run": run})


@require_GET
def more(request, run_id):
    """Who leads, helps and takes part, and the rarer decisions."""
    run = get_run(request.user, run_id)
    return render(request, "bids/more.html", _more_context(request, run))


def _more_context(request, run):
    people = run.participations.current().select_related("user").by_name()
    others = User.objects.filter(participations__in=people).exclude(pk__in=[run.leader_id, request.user.pk])
    others = others.order_by("name", "pk")
    members = User.objects.filter(memberships__group=run.group_id).exclude(pk=run.leader_id).order_by("name", "pk")
    helpers = {person.user_id for person in people if person.is_helper}
    return {
        "run": run,
        "is_leader": run.leader_id == request.user.pk,
        "takes_part": any(person.user_id == request.user.pk for person in people),
        "members": [(user, user.pk in helpers) for user in members],
        "lead_form": PersonForm(people=others, label=_("Ask to lead")) if others else None,
        "may_offer_lead": run.is_open and lead.may_offer_lead(run, request.user),
        "may_withdraw": request.user.pk in (run.leader_id, run.lead_offered_by_id),
    }


@require_POST
def helper(request, run_id, user_id):
    run = get_run_led_by(request.user, run_id)
    user = get_object_or_404(User, pk=user_id, memberships__group=run.group_id)
    helps = request.POST.get("helps") == "1"
    lead.set_helper(run, user, helps, by=request.user)
    text = _("%(name)s is now a helper.") if helps else _("%(name)s is no longer a helper.")
    messages.success(request, text % {"name": user.name})
    return redirect("run-more", run.pk)


@require_POST
def lead_offer(request, run_id):
    run = get_run(request.user, run_id)
    form = PersonForm(request.POST, people=User.objects.filter(participations__run=run))
    if form.is_valid():
        with flash_errors(form):
            lead.offer_lead(run, form.cleaned_data["person"], by=request.user)
            messages.success(
                request, _("%(name)s has been asked to lead.") % {"name": form.cleaned_data["person"].name}
            )
            return redirect("run-more", run.pk)
    return answer(request, "bids/more.html", _more_context(request, run) | {"lead_form": form}, form=form)


@require_POST
def lead_withdraw(request, run_id):
    run = get_run(request.user, run_id)
    lead.withdraw_lead_offer(run, by=request.user)
    messages.success(request, _("The request is withdrawn."))
    return redirect("run-more", run.pk)


@require_POST
def lead_answer(request, run_id):
    run = get_run(request.user, run_id)
    if request.POST.get("answer") == "yes":
        lead.accept_lead(run, by=request.user)
        messages.success(request, _("You now lead this run."))
    else:
        lead.decline_lead(run, by=request.user)
        messages.success(request, _("You declined. The leader will see it."))
    return redirect("run", run.pk)


@require_GET
def history(request, run_id):
    """What happened, newest first. The step between the two states of collecting is left out."""
    run = get_run(request.user, run_id)
    events = run.events.exclude(kind="run_moved", data__to="active", data__origin="planning")
    events = events.select_related("actor", "subject", "product").order_by("-pk")
    page = Paginator(events, EVENTS_SHOWN).get_page(request.GET.get("page"))
    context = {"run": run, "page": page, "entries": entries_of(run, page.object_list)}
    return render(request, "bids/history.html", context)
