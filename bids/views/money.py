"""Money over all runs: who owes whom, what was paid, and what the other says to it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.access import get_group
from bids.access import get_companion, get_payment
from bids.actions import payments
from bids.forms import ArrivedForm, NotArrivedForm, PaymentForm
from bids.models import Payment
from bids.models.payments import PaymentState
from bids.reading import money
from bids.reading.paying import WayToPay, ways_for
from bids.reading.statement import COLUMNS, KINDS, Statement
from bids.reading.why import why_of
from bulq.kit.http import carry_what_is_there, flash_errors, offer_undo
from bulq.kit.money import format_money
from bulq.kit.tables import BOM, write_for_reader

SHOWN = 50


@dataclass
class Card:
    """One person on the page: what the two owe each other, and what the reader can say about it."""

    net: money.Net
    form: PaymentForm
    way: WayToPay | None = None
    reminded_at: datetime | None = None
    reminded_again: datetime | None = None
    is_open: bool = False
    scale: Decimal = money.ZERO  # of the bars on the page, in one currency


@dataclass
class Question:
    """A payment of which the reader is asked whether it arrived."""

    payment: Payment
    arrived: forms.Form
    not_arrived: forms.Form


@require_GET
def overview(request):
    return _page(request)


@require_GET
def of_group(request, group_id):
    return _page(request, group=get_group(request.user, group_id))


@require_GET
def between(request, group_id, person_id):
    """What makes the sum of the reader and one person, thing by thing."""
    group, person = get_companion(request.user, group_id, person_id)
    if person == request.user:
        return redirect("money")
    net = money.net_between(request.user, person, group)
    whys = why_of([debt.part for debt in net.debts])
    for debt in net.debts:
        debt.part.why = whys[debt.part.pk]
    return render(request, "bids/money_with.html", {"net": net})


def _page(request, *, group=None, refused=None, status=200):
    """`refused` is a form that was refused, by the key of its net or the id of its payment."""
    user, refused = request.user, refused or {}
    nets = [net for net in money.nets_of(user) if group is None or net.group == group]
    questions = [payment for net in nets for payment in net.said if money.can_answer(payment, user)]
    context = {
        "group": group,
        "sums": money.sums_of(nets),
        "cards": _cards(user, nets, refused),
        "questions": [_question(payment, refused) for payment in questions],
        "lately": _steps(money.latest_payments(user, group), user),
    }
    return render(request, "bids/money.html", context, status=status)


def _cards(user, nets, refused):
    ways, now = ways_for(nets), timezone.now()
    reminded = money.reminded_lately(user, now - payments.REMINDED_AGAIN_AFTER)
    cards = [Card(net, _form(net), ways.get(net.key), reminded.get(net.person.pk)) for net in nets]
    known = {net.key for net in nets}
    others = (form for key, form in refused.items() if isinstance(form, PaymentForm) and key not in known)
    cards += [Card(form.net, form) for form in others]
    scales = {}
    for net in nets:
        scales[net.currency] = max(scales.get(net.currency, money.ZERO), abs(net.balance) + net.on_its_way)
    for card in cards:
        card.scale = scales.get(card.net.currency, money.ZERO)
        card.form = refused.get(card.net.key, card.form)
        card.is_open = card.net.key in refused
        if card.reminded_at:
            card.reminded_again = card.reminded_at + payments.REMINDED_AGAIN_AFTER
    return cards


def _form(net, data=None):
    """What the reader says they paid or, if it is they who are owed, were paid; with a refused one, its net."""
    initial = {"amount": net.owes or net.gets, "owed": net.owes or net.gets, "day": timezone.localdate()}
    form = PaymentForm(data, currency=net.currency, initial=initial, auto_id=f"id_{net.key}_%s")
    form.net = net
    return form


def _question(payment, refused):
    form = refused.get(payment.pk)
    arrived = ArrivedForm(
        currency=payment.currency, initial={"amount": payment.amount}, auto_id=f"id_arrived_{payment.pk}_%s"
    )
    not_arrived = NotArrivedForm(auto_id=f"id_not_{payment.pk}_%s")
    if isinstance(form, ArrivedForm):
        arrived = form
    elif form:
        not_arrived = form
    return Question(payment, arrived, not_arrived)


@dataclass
class Step:
    """A payment in a list, with what the reader may do with it."""

    payment: Payment
    is_mine: bool
    can_take_back: bool
    can_undo: bool

    @property
    def parts(self):
        return money.parts_of(self.payment)


def _steps(found, user):
    return [
        Step(
            payment,
            payment.sender == user,
            money.can_take_back(payment, user),
            money.can_undo_answer(payment, user),
        )
        for payment in found
    ]


# --- Paying ----------------------------------------------------------------------------------------
@require_POST
def paid(request, group_id, person_id):
    """The reader says that they paid someone."""
    return _pay(request, group_id, person_id, payments.say_paid)


@require_POST
def marked(request, group_id, person_id):
    """The reader says that someone paid them."""
    return _pay(request, group_id, person_id, payments.mark_paid)


def _pay(request, group_id, person_id, action):
    group, person = get_companion(request.user, group_id, person_id)
    form = _form(money.net_between(request.user, person, group), request.POST)
    if form.is_valid():
        with flash_errors(form):
            data = form.cleaned_data | {"credit": form.cleaned_data["credit"] or 0}
            payment = action(group, person, data.pop("amount"), by=request.user, **data)
            offer_undo(request, _told(payment, person), "payment-take-back", payment.pk)
            return redirect("money")
    now = money.net_between(request.user, person, group)
    if getattr(form, "refusal_status", 0) == 409:
        carry_what_is_there(form, owed=now.owes or now.gets)
    form.net, form.more = now, form.is_asking and form.cleaned_data["amount"] - (now.owes or now.gets)
    return _page(request, refused={now.key: form}, status=getattr(form, "refusal_status", 422))


def _told(payment, person):
    values = {"name": person.name, "sum": format_money(payment.amount, payment.currency)}
    if not payment.amount:
        return _("You and %(name)s are even.") % values
    return (_("%(sum)s is marked as paid.") if payment.is_mark else _("%(name)s is told: %(sum)s")) % values


# --- Answering -------------------------------------------------------------------------------------
@require_POST
def confirmed(request, payment_id):
    """It arrived, or another amount did."""
    payment, form = get_payment(request.user, payment_id), None
    if "amount" in request.POST:
        auto_id = f"id_arrived_{payment.pk}_%s"
        form = ArrivedForm(request.POST, currency=payment.currency, auto_id=auto_id)
        if not form.is_valid():
            return _page(request, refused={payment.pk: form}, status=422)
    payments.confirm(payment, by=request.user, amount=form and form.cleaned_data["amount"])
    offer_undo(request, _("You have answered: it arrived."), "payment-undo", payment.pk)
    return redirect("money")


@require_POST
def not_arrived(request, payment_id):
    payment = get_payment(request.user, payment_id)
    form = NotArrivedForm(request.POST, auto_id=f"id_not_{payment.pk}_%s")
    if not form.is_valid():
        return _page(request, refused={payment.pk: form}, status=422)
    payments.refuse(payment, by=request.user, note=form.cleaned_data["note"])
    offer_undo(request, _("%(name)s is told.") % {"name": payment.sender.name}, "payment-undo", payment.pk)
    return redirect("money")


@require_POST
def answer_undone(request, payment_id):
    payments.undo_answer(get_payment(request.user, payment_id), by=request.user)
    messages.success(request, _("Your answer is undone."))
    return redirect("money")


@require_POST
def taken_back(request, payment_id):
    payments.take_back(get_payment(request.user, payment_id), by=request.user)
    messages.success(request, _("The payment is taken back."))
    return redirect("money")


@require_POST
def reminded(request, group_id, person_id):
    group, person = get_companion(request.user, group_id, person_id)
    payments.remind(group, person, by=request.user)
    messages.success(request, _("%(name)s is reminded.") % {"name": person.name})
    return redirect("money")


# --- What was paid so far --------------------------------------------------------------------------
@require_GET
def history(request):
    page = Paginator(money.history_of(request.user), SHOWN).get_page(request.GET.get("page"))
    context = {"page": page, "payments": _steps(page.object_list, request.user)}
    return render(request, "bids/payments.html", context)


@require_GET
def statement_csv(request, group_id=None):
    group = get_group(request.user, group_id) if group_id else None
    response = HttpResponse(BOM, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="bulq-statement.csv"'
    rows = (_for_reader(row) for row in Statement(request.user, group).rows)
    write_for_reader(response, COLUMNS.values(), ([row[column] for column in COLUMNS] for row in rows))
    return response


def _for_reader(row):
    state = str(PaymentState(row["state"]).label) if row["state"] else None
    return row | {"kind": str(KINDS[row["kind"]]), "state": state}


@require_GET
def statement_json(request, group_id=None):
    group = get_group(request.user, group_id) if group_id else None
    document = Statement(request.user, group).document()
    response = JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="bulq-statement.json"'
    return response
