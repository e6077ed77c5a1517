"""What makes the sum of two people, as the texts that its template writes: a page may have hundreds of lines."""

from dataclasses import dataclass

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from bids.forms import PaymentForm
from bulq.kit.dates import format_day
from bulq.kit.money import format_money
from bulq.kit.rows import address_of, write

register = template.Library()


@dataclass
class NetRow:
    """A debt that unfolds, if it has a `key`, or else credit or a payment on its way (templates/bids/_net_row.html)."""

    name: str
    amount: str
    title: str = ""
    said: str = ""
    key: str = ""
    is_mine: bool = False
    # What a debt is made of.
    is_of_reader: bool = False
    is_overpaid: bool = False
    goods: str = ""
    extra: str = ""
    paid: str = ""
    rest: str = ""
    why: str = ""
    run_url: str = ""
    way_url: str = ""


@register.simple_tag
def net_rows(net):
    """`{% net_rows net %}`: its debts, credit and payments on their way; signs as seen by who owes in all.

    A debt unfolds to what it is made of or, if its part has its `why`, to all of its way.
    """
    return write("bids/_net_row.html", _rows(net))


# --- Saying what was paid ----------------------------------------------------------------------------
@dataclass
class PayFields:
    """What a fresh form begins with (templates/bids/_pay_fields.html); `key` makes its ids differ on one page."""

    key: str
    amount: str
    owed: str
    day: str


@dataclass(frozen=True)
class FreshForm:
    currency: str

    def __call__(self, row):
        return PaymentForm(currency=self.currency, initial=row, auto_id=f"id_{row['key']}_%s")


@register.simple_tag
def pay_fields(form):
    """`{% pay_fields form %}`: a PaymentForm that nothing was typed into; there is one for each friend."""
    net = form.net
    row = PayFields(net.key, *(str(form[name].value()) for name in ("amount", "owed", "day")))
    return write("bids/_pay_fields.html", [row], form=FreshForm(net.currency))


def _rows(net):
    name, currency = net.person.name, net.currency
    run_url, way_url = address_of("run"), reverse("money-with", args=[net.group.pk, net.person.pk])
    for line in net.lines:
        row = NetRow(name, format_money(line.amount, currency), is_mine=line.is_mine)
        if line.debt:
            _fill_in(row, line.debt, net, run_url, way_url)
        elif line.payment:
            row.title = _("On its way")
            params = {"name": name, "day": format_day(line.payment.created_at)}
            row.said = (_("you said so on %(day)s") if line.is_mine else _("%(name)s said so on %(day)s")) % params
        else:
            row.title = _("Credit")
            said = _("you paid more than you owed") if line.is_mine else _("%(name)s paid more than they owed")
            row.said = said % {"name": name}
        yield row


def _fill_in(row, debt, net, run_url, way_url):
    part, currency = debt.part, net.currency
    row.key, row.title = str(part.pk), str(debt.run)
    row.is_of_reader, row.is_overpaid = part.user_id == net.user.pk, debt.is_overpaid
    row.goods, row.rest = format_money(part.goods, currency), format_money(debt.amount, currency)
    row.extra = format_money(part.extra_share, currency) if part.extra_share else ""
    row.paid = format_money(part.paid_amount, currency) if part.paid_amount else ""
    if why := getattr(part, "why", None):
        row.why = render_to_string("bids/_why.html", {"why": why, "of": part.pk})
    else:
        row.way_url = f"{way_url}#debt-{part.pk}"
    row.run_url = run_url(debt.run.pk) if net.is_visible else ""
