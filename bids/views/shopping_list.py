"""What is left to buy, as the texts that its template writes: a run may have 200 lines, each with a form."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bids.actions.bidding import Terms
from bids.forms import PurchaseForm
from bulq.kit.dates import format_date_short
from bulq.kit.money import format_money, format_quantity, format_range
from bulq.kit.rows import address_of, joined, write
from bulq.kit.units import with_unit

from .order_table import Wish, terms_text


def purchase_form(line, run, data=None):
    """The editor of a line, filled in with what one tap buys."""
    planned = line.planned
    initial = {"seen": line.item.version, "counted_in": planned.counted_in, "price_for": planned.price_for}
    initial |= {"quantity": planned.quantity, "price": planned.price}
    return PurchaseForm(
        data, unit=line.product.unit, pack=line.pack, currency=run.currency, initial=initial,
        auto_id=f"id_{line.item.pk}_%s",
    )  # fmt: skip


@dataclass(frozen=True)
class Editor:
    """What the editors of many lines have in common; called with a row, it is the form to be filled in with texts."""

    unit: str
    pack: Decimal | None
    currency: str
    counted_in: str
    price_for: str

    def __call__(self, row):
        initial = {"counted_in": self.counted_in, "price_for": self.price_for}
        initial |= {name: row[name] for name in ("quantity", "price", "seen")}
        auto_id = f"id_{row['pk']}_%s"
        return PurchaseForm(unit=self.unit, pack=self.pack, currency=self.currency, initial=initial, auto_id=auto_id)


@dataclass
class BuyRow:
    """A line that is left to buy (templates/bids/_buy.html)."""

    pk: str
    name: str
    brand: str
    packs: str
    wanted: str
    terms: str  # who wants all or nothing, and what instead
    cost: str
    tick: str  # what the tick says that it does; empty where the price has to be typed first
    comments: str
    prices: str
    people: str
    # Of the form
    csrf_token: str
    once: str
    buy_url: str
    not_there_url: str
    price_url: str
    quantity: str
    price: str
    seen: str


@dataclass
class Comment:
    name: str
    text: str


class ShoppingList:
    """The open lines of a run for one reader; after a tick the `query` of the page stays."""

    def __init__(self, request, run, *, may_shop, query=""):
        self.run, self.may_shop, self._query = run, may_shop, query
        self._token = get_token(request)  # once: each time costs 32 random bytes
        names = ("item-buy", "item-not-there", "item-price")
        self._addresses = [address_of(name, run.pk) for name in names] if may_shop else []

    def html(self, lines, unfolded):
        """`unfolded` has by key of the item the lines that are open: with a refused form, or None for a new one."""
        return joined([self._line(line, unfolded) for line in lines], between="")

    def _line(self, line, unfolded):
        row, shared = self._row(line), {"may_shop": self.may_shop}
        if line.item.pk in unfolded:
            form = unfolded[line.item.pk] or purchase_form(line, self.run)
            form.fields["price"].widget.attrs["autofocus"] = not form.is_bound
            return render_to_string("bids/_buy.html", shared | {"row": row, "form": form, "unfolded": True})
        if self.may_shop:
            planned = line.planned
            currency = self.run.currency
            shared["form"] = Editor(line.product.unit, line.pack, currency, planned.counted_in, planned.price_for)
        return write("bids/_buy.html", [row], **shared)

    def _row(self, line):
        planned, product, fields = line.planned, line.product, PurchaseForm.base_fields
        addresses = [address(line.item.pk) for address in self._addresses] or [""] * 3
        return BuyRow(
            pk=str(line.item.pk),
            name=product.name,
            brand=product.brand,
            packs=_packs(line),
            wanted=_wanted(line),
            terms=write("bids/_buy_if.html", _terms(line)),
            cost=self._money(planned.total) if planned.total is not None else "",
            tick=self._tick(line) if self.may_shop and planned.total is not None else "",
            comments=write("bids/_buy_comment.html", [Comment(name, text) for name, text in line.comments]),
            prices=self._prices(line),
            people=write("bids/_wish.html", [_wish(bid) for bid in line.bids]),
            csrf_token=self._token,
            once=str(uuid.uuid4()),
            buy_url=addresses[0] + self._query,
            not_there_url=addresses[1] + self._query,
            price_url=addresses[2],
            quantity=fields["quantity"].prepare_value(planned.quantity),
            price=fields["price"].prepare_value(planned.price) or "",
            seen=str(line.item.version),
        )

    def _money(self, amount):
        return format_money(amount, self.run.currency)

    def _tick(self, line):
        amount = with_unit(line.planned.units, line.product.unit)
        params = {"amount": amount, "name": line.product.name, "total": self._money(line.planned.total)}
        return _("Got %(amount)s of %(name)s for %(total)s") % params

    def _prices(self, line):
        """The prices seen on the last day that any was."""
        if not line.seen_prices:
            return ""
        day = format_date_short(line.seen_prices[0].day)
        prices = "; ".join(self._price(price, line.product.unit) for price in line.seen_prices)
        return _("Seen on %(day)s: %(prices)s") % {"day": day, "prices": prices}

    def _price(self, price, unit):
        params = {"price": self._money(price.amount), "amount": with_unit(price.quantity, unit)}
        text = _("%(price)s for %(amount)s") % params
        if price.min_quantity:
            text = _("%(price)s, from %(amount)s") % {"price": text, "amount": with_unit(price.min_quantity, unit)}
        return f"{text} ({price.note})" if price.note else text


def _packs(line):
    if not line.packs:
        return ""
    text = ngettext("%(packs)s pack of %(size)s", "%(packs)s packs of %(size)s", line.packs)
    return text % {"packs": format_quantity(line.packs), "size": format_quantity(line.pack)}


def _wanted(line):
    """If the unit is the pack itself, the unit is said once."""
    is_said = line.packs and line.product.unit == "pack"
    limit = line.most if line.most > line.wanted else None
    amount = format_range(line.wanted, limit) if is_said else with_unit(line.wanted, line.product.unit, limit)
    return _("%(amount)s wanted") % {"amount": amount}


def _wish(bid):
    return Wish(bid.participation.user.name, format_range(bid.quantity, bid.limit))


def _terms(line):
    """What the shopper needs to know if there is too little."""
    for bid in line.bids:
        if text := terms_text(Terms(None, bid.all_or_nothing, bid.instead)):
            yield Comment(bid.participation.user.name, text)
