"""Choosing: the order table, its autosave, and one product at a time."""

import re
from operator import attrgetter

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bids.access import check_leads, get_participation, get_run, get_run_to_show
from bids.actions import bidding
from bids.forms import WishForm, pressed_button, read_order, written_terms
from bids.models import Bid, Event, Run
from bids.reading.board import Board, Row
from bids.reading.guidance import next_step
from bids.reading.standing import standing_before_shopping
from bulq.kit.http import answer, carry_what_is_there, flash_errors, offer_undo
from bulq.kit.ratelimit import limited
from bulq.kit.rows import INDENT
from stores.models import Product
from stores.reading import lines_at

from . import order_table, refresh
from .again import Again
from .order_table import OrderTable, Refused
from .packs import to_fill
from .picking import picking_context

PER_PAGE = 20


def board_context(request, run, *, choose=None, columns=None, refused=None):
    """Everything the order table shows, in the same few queries whatever its size.

    `choose(board)` picks the rows; without it the page's filter does.
    """
    board, user = Board(run), request.user
    table = OrderTable(board, user, refused=refused, columns=columns, editable=run.is_collecting)
    rows = choose(board) if choose else _filtered(request, board, table)
    is_board = request.method == "GET" and not choose  # the one page of these that is live
    if is_board:
        page = refresh.compare(request, table, rows)
    else:
        page = refresh.after_own_order(table, user) if choose else refresh.Refresh()
    return {
        "run": run,
        "board": board,
        "refresh": page,
        "rows": table.html(page.rows(rows)),
        "mistakes": table.mistakes(rows if choose else board.rows),
        "others": order_table.others_of(board, user) if table.columns else [],
        "people": order_table.people_html(run, page.people(board.people), user),
        "me": board.person_of(user),
        "done_count": sum(person.is_ready for person in board.people),
        "mine_count": sum(bool(table.mine(row)) for row in board.rows),
        "show": request.GET.get("show", ""),
        "next_step": lambda: next_step(standing_before_shopping(board, user)),
        "is_leader": run.leader_id == user.pk,
        "editable": run.is_collecting,
        "is_locked": run.is_locked,
        "order_url": _order_url(request, run),
        "helpers": _helpers(board),
        "to_fill": to_fill(board, user),
    }


def _filtered(request, board, table):
    shown = {"mine": table.is_mine, "open": attrgetter("is_pack_open")}.get(request.GET.get("show"))
    return [row for row in board.rows if shown is None or shown(row) or row.product.pk in table.refused.errors]


def _helpers(board):
    return [person.user.name for person in board.people if person.is_helper]


def board_page(request, run, *, status=200, **context):
    context = board_context(request, run, **context)
    context["is_refresh"] = context["refresh"].is_partial
    answer = render(request, "bids/board.html", context, status=status)
    if context["is_refresh"]:  # each open page asks for it after every change
        answer.content = INDENT.sub("\n", answer.text)
    return answer


@limited("bids")
@require_POST
def order(request, run_id):
    """Store any number of lines. A script gets the changed parts back, a plain form its page."""
    lines = read_order(request.POST)
    _step(request.POST, lines)
    outcome = bidding.place_bids(Run(pk=run_id), lines.wishes, by=request.user)
    run = outcome.run
    refused = _refused(lines, outcome)
    errors = refused.errors
    _offer_undo(request, run, outcome.removed)
    _say_who_chooses_again(request, outcome)
    status = 200 if outcome.changed or not errors else 409 if outcome.stale else 422
    if request.headers.get("X-Bulq-Part") == "order":
        return _changed_parts(request, run, lines, refused, status)
    if errors:
        page = add_page if request.GET.get("on") == "add" else board_page
        return page(request, get_run_to_show(request.user, run_id), status=status, refused=refused)
    if request.POST.get("detour"):
        query = order_table.new_product_query(request, run, back=_back(request, run))
        return redirect(f"{reverse('product-new')}?{query}")
    if outcome.changed and not outcome.removed:
        messages.success(request, _("Your order is saved."))
    return redirect(_back(request, run))


def _refused(lines, outcome):
    errors = outcome.refusals | lines.errors
    typed = [{product: of[product] for product in errors if product in of} for of in (lines.typed, lines.typed_terms)]
    return Refused(errors, *typed, outcome.limits_refused | lines.limits_refused)


def _step(post, lines):
    """Without JavaScript the buttons − and + post the whole form; the one that was pressed steps its line."""
    if "add" in post:
        lines.add(post["add"])
    if pressed := pressed_button(post):
        product = get_object_or_404(Product, pk=pressed[0])
        lines.step(product, pressed[1], post.get(f"was-{product.pk}", ""))


def _back(request, run):
    page = "run-add" if request.GET.get("on") == "add" else "run"
    return f"{reverse(page, args=[run.pk])}?{request.GET.urlencode()}"


def _offer_undo(request, run, removed):
    for event in removed:
        text = _("%(product)s is off your order") % {"product": event.product.name}
        offer_undo(request, text, "order-undo", run.pk, event.pk)


def _say_who_chooses_again(request, outcome, whose=None):
    if outcome.chooses_again and whose in (None, request.user):
        messages.info(request, _("Your order changed, so you are choosing again. Say so when you are done."))
    elif outcome.chooses_again:
        messages.info(request, _("%(name)s is choosing again, because the order changed.") % {"name": whose.name})


def _changed_parts(request, run, lines, refused, status):
    """The requested rows, including those of products just taken off the run, whose rows are still on the page."""
    asked = {wish.product_id for wish in lines.wishes} | refused.errors.keys()

    def choose(board):
        known = [row for row in board.rows if row.product.pk in asked]
        gone = {wish.product_id for wish in lines.wishes} - {row.product.pk for row in known}
        return known + _rows_of(run, gone)

    columns = False if request.GET.get("on") == "add" else None
    context = board_context(request, run, choose=choose, columns=columns, refused=refused)
    return render(request, "bids/_order_answer.html", context, status=status)


def _rows_of(run, product_ids):
    """Products as the catalogue has them, in this order, without anyone's wishes."""
    lines = lines_at(run.store_id, product_ids) if product_ids else {}
    return [Row(*lines[pk]) for pk in product_ids if pk in lines]


@require_GET
def add(request, run_id):
    return add_page(request, get_run_to_show(request.user, run_id))


def add_page(request, run, *, status=200, refused=None):
    """Products to choose from."""
    picking = picking_context(request, run, PER_PAGE)
    again = _again(request, run, picking)
    rows = [Row(product, offer) for product, offer in picking["page"].object_list]
    rows = [row for row in _made_on_the_way(request, run, rows) if row.product.pk not in again.products]
    context = board_context(request, run, choose=_in_run(rows), columns=False, refused=refused)
    context |= picking | again.context(context["board"], refused) | {"order_url": _order_url(request, run, on="add")}
    context |= {"new_product_query": order_table.new_product_query(request, run)}
    return render(request, "bids/add.html", context, status=status)


def _in_run(rows):
    """Chooses these rows of a board, with what people want of them; those that nobody wants as they are."""

    def choose(board):
        in_run = {row.product.pk: row for row in board.rows}
        return [in_run.get(row.product.pk, row) for row in rows]

    return choose


def _again(request, run, picking):
    """What comes before the catalogue, on its first page while nothing is looked for."""
    looks = picking["query"].strip() or picking["category"] or picking["page"].number > 1
    return Again(run, request.user, lambda ids: _rows_of(run, ids), is_shown=not looks and run.is_collecting)


def _made_on_the_way(request, run, rows):
    """A product just added comes first."""
    pk = request.GET.get("product", "")
    made = _rows_of(run, [int(pk)]) if re.fullmatch(r"[0-9]{1,18}", pk) else []
    shown = {row.product.pk for row in made}
    return made + [row for row in rows if row.product.pk not in shown]


def _order_url(request, run, on=""):
    """Where the order form posts to; it names the page that the form is on."""
    query = request.GET.copy()
    query["on"] = on or "board"
    return f"{reverse('run-order', args=[run.pk])}?{query.urlencode()}"


@limited("bids")
@require_http_methods(["GET", "POST"])
def run_product(request, run_id, product_id, user_id=None):
    """One product of a run: who wants what, and the reader's own wish or, for the leader, someone else's."""
    run = get_run_to_show(request.user, run_id)
    product = get_object_or_404(Product, pk=product_id)
    whose = request.user if user_id is None else get_participation(run, user_id).user
    if whose != request.user:
        check_leads(run, request.user)
    board = Board(run)
    row = next((row for row in board.rows if row.product.pk == product.pk), None) or _rows_of(run, [product.pk])[0]
    form = WishForm(request.POST or None, initial=_wish_shown(row, _part_of(board, whose)))
    if request.method == "POST" and form.is_valid():
        with flash_errors(form):
            outcome = bidding.place_wish(run, form.wish(product), by=request.user, whose=whose)
            messages.success(request, _("Saved: %(product)s") % {"product": product.name})
            _say_who_chooses_again(request, outcome, whose)
            return redirect("run", run.pk)
        now = Bid.objects.of_run(run).filter(participation__user=whose, product=product).first()
        carry_what_is_there(
            form, was=order_table.plain(now.quantity if now else None), had=written_terms(bidding.terms_of(now))
        )
    context = {"run": run, "product": product, "whose": whose, "facts": order_table.facts_of(row)}
    context |= {"wishes": order_table.wishes_of(row, board), "packs": order_table.packs_of(row, board, request.user)}
    return answer(request, "bids/run_product.html", context | {"is_leader": run.leader == request.user}, form=form)


def _part_of(board, user):
    return next((pk for pk, person in board.by_participation.items() if person.user.pk == user.pk), None)


def _wish_shown(row, person):
    """The form as it stands for what a participation id wants."""
    if person not in row.wishes:
        return {}
    quantity, terms = row.wishes[person], order_table.terms_in(row, person)
    return {
        "quantity": quantity,
        "maybe": quantity is None,
        "limit": terms.limit,
        "if_too_little": "all" if terms.all_or_nothing else "less",
        "instead": terms.instead,
        "comment": row.comments.get(person, ""),
        "was": order_table.plain(quantity),
        "had": written_terms(terms),
    }


@require_GET
def estimate(request, run_id):
    """What the reader's likely total is added up of."""
    run = get_run_to_show(request.user, run_id)
    if run.stage_page != "board":
        return redirect("run", run.pk)
    board = Board(run)
    return render(request, "bids/estimate.html", {"run": run, "board": board, "me": board.person_of(request.user)})


@require_POST
def ready(request, run_id):
    run = get_run(request.user, run_id)
    is_ready = request.POST.get("ready") == "1"
    bidding.set_ready(run, is_ready, by=request.user)
    if run.is_sorting_out:
        text = _("Your order stays as it is.") if is_ready else _("You can change your amounts again.")
    else:
        text = _("You are done choosing.") if is_ready else _("You are choosing again.")
    messages.success(request, text)
    return redirect("run", run.pk)


@limited("bids")
@require_POST
def order_undo(request, run_id, event_id):
    run = get_run(request.user, run_id)
    event = get_object_or_404(
        Event.objects.select_related("actor", "subject"),
        run=run,
        pk=event_id,
        kind="order_removed",
        actor=request.user,
    )
    outcome = bidding.undo_removal(run, event, by=request.user)
    messages.success(request, _("%(product)s is back on your order") % {"product": event.product.name})
    _say_who_chooses_again(request, outcome)
    return redirect("run", run.pk)
