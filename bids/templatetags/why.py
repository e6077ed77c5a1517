"""Why an amount is what it is, in words: the facts that unfold from it, the last of which is the amount again."""

from dataclasses import dataclass

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bids.models.distribution import ExtraShare, Split
from bids.reading.estimates import estimates_of
from bids.reading.reasons import Reason
from bulq.kit.dates import format_day
from bulq.kit.money import format_money, format_quantity, format_unit_price
from bulq.kit.names import listed
from bulq.kit.rows import write
from bulq.kit.units import with_unit

register = template.Library()
MOST_COSTS = 30


@dataclass
class Fact:
    """A line of the way to an amount (templates/bids/_fact.html)."""

    term: str
    text: str
    is_sum: bool = False


def _written(facts):
    return write("bids/_fact.html", facts)


# --- A thing -----------------------------------------------------------------------------------------
@register.simple_tag
def why_thing(thing):
    """`{% why_thing thing %}`: from what was wanted to what it costs, as terms and descriptions of a list."""
    facts = [Fact(_("Wanted"), _wanted(thing))]
    if thing.ordered is not None and thing.ordered != thing.wanted:
        facts.append(Fact(_("Sorted out"), _("Changed from %(amount)s") % {"amount": _much(thing, thing.ordered)}))
    if not thing.line.is_bought:
        facts += [
            Fact(_("Bought"), _("Not there")),
            Fact(_("Cost"), _("Nothing was bought, so it costs nothing"), True),
        ]
        return _written(facts)
    facts += [Fact(_("Bought"), _bought(thing)), *_reasons(thing)]
    if thing.odd_piece and thing.odd_piece.is_by_lot:
        facts.append(Fact(_("The odd one"), _odd_piece(thing.odd_piece)))
    facts += [Fact(_("Corrected"), _correction(correction, thing.currency)) for correction in thing.corrections]
    if thing.odd_cent:
        facts.append(_odd_cent(thing))
    facts.append(Fact(_("Cost"), _cost(thing), True))
    return _written(facts)


def _much(thing, quantity):
    return with_unit(quantity, thing.line.product.unit)


def _wanted(thing):
    if thing.wanted is None:
        return _("None of it")
    params = {"amount": _much(thing, thing.wanted), "limit": _much(thing, thing.limit) if thing.limit else ""}
    if thing.limit:
        text = _("%(amount)s, up to %(limit)s is fine")
        text = _("%(amount)s, up to %(limit)s is fine, all or nothing") if thing.all_or_nothing else text
    else:
        text = _("%(amount)s, all or nothing") if thing.all_or_nothing else _("%(amount)s")
    return text % params


def _bought(thing):
    line, count = thing.line, thing.packs
    params = {"bought": _much(thing, line.bought), "paid": format_money(line.paid, thing.currency), "count": count}
    if count is None:
        return _("%(bought)s for %(paid)s") % params
    params["pack"] = format_quantity(line.item.pack_size)
    text = ngettext(
        "%(bought)s for %(paid)s, %(count)s pack of %(pack)s",
        "%(bought)s for %(paid)s, %(count)s packs of %(pack)s",
        count,
    )
    return text % params


def _reasons(thing):
    line, share = thing.line, thing.share
    params = {"bought": format_quantity(line.bought), "wanted": _much(thing, thing.all_wanted)}
    if thing.is_united:
        yield Fact(_("Merged"), _("This was two products then, and each was split by itself"))
    if thing.reason == Reason.FILLED or (thing.reason == Reason.LEFT_OVER and thing.wanted is not None):
        more = share.quantity - share.left_over - thing.wanted
        params |= {"more": _much(thing, line.bought - thing.all_wanted), "mine": _much(thing, more)}
        if thing.reason == Reason.FILLED:
            text = _("%(wanted)s wanted in all, %(more)s more bought: %(mine)s of it in this share, as is fine")
            yield Fact(_("Filled"), text % params)
    if thing.reason == Reason.LEFT_OVER:
        much = share.left_over or share.quantity - (thing.wanted if thing.limit is None else thing.limit)
        text = _("Nobody took %(much)s of it, so it fell to the leader")
        yield Fact(_("Left over"), text % {"much": _much(thing, much)})
    if thing.reason == Reason.WEIGHED:
        yield Fact(_("Weighed"), _("%(bought)s on the scales for %(wanted)s wished, shared in proportion") % params)
    short = {
        Reason.SHORT: _("Only %(bought)s for %(wanted)s wished, shared in proportion"),
        Reason.MET_WHOLLY: _("Only %(bought)s for %(wanted)s wished. This order was all or nothing, and it fits"),
        Reason.NOT_MET: _("Only %(bought)s for %(wanted)s wished. This order was all or nothing, and it does not fit"),
    }
    if thing.reason in short:
        yield Fact(_("Too little"), short[thing.reason] % params)


def _odd_piece(odd):
    if odd.is_up:
        return _("It doesn't come out even. By lot, the odd one is in this share")
    return _("It doesn't come out even. By lot, the odd one is in someone else's share")


def _correction(correction, currency):
    params = {"was": format_money(correction.was, currency), "now": format_money(correction.now, currency)}
    params |= {"name": correction.by, "day": format_day(correction.at)}
    return _("%(name)s corrected %(was)s to %(now)s on %(day)s") % params


def _odd_cent(thing):
    line, share = thing.line, thing.share
    if thing.odd_cent.is_by_lot:
        return _odd_amount(thing.odd_cent, thing.grain, thing.currency)
    params = {
        "exact": format_unit_price(line.paid * share.quantity, line.bought, thing.currency),
        "paid": format_money(line.paid, thing.currency),
    }
    return Fact(_("Rounded"), _("Exactly it is %(exact)s, rounded so that all shares come to %(paid)s") % params)


def _odd_amount(odd, grain, currency):
    if odd.is_up:
        text = _("It doesn't come out even. By lot, the odd %(grain)s is in this share")
    else:
        text = _("It doesn't come out even. By lot, the odd %(grain)s is in someone else's share")
    return Fact(_("The odd one"), text % {"grain": format_money(grain, currency)})


def _cost(thing):
    line, share = thing.line, thing.share
    params = {
        "mine": format_quantity(share.quantity),
        "bought": format_quantity(line.bought),
        "paid": format_money(line.paid, thing.currency),
        "cost": format_money(share.cost, thing.currency),
    }
    if not share.quantity:
        return _("Nothing received: %(cost)s") % params
    if not line.paid:
        return _("%(mine)s of %(bought)s, free: %(cost)s") % params
    if thing.is_united:
        return _("%(mine)s of %(bought)s: %(cost)s") % params
    return _("%(mine)s/%(bought)s of %(paid)s = %(cost)s") % params


# --- The extra costs, and the total ------------------------------------------------------------------
@register.simple_tag
def why_extra(why):
    """`{% why_extra why %}`: someone's part of the extra costs, by the way they are split."""
    terms = dict(ExtraShare.WAYS)
    facts = []
    for part in why.parts:
        facts.append(Fact(terms[part.how], _part(part)))
        if part.odd and part.odd.is_by_lot:
            facts.append(_odd_amount(part.odd, part.grain, part.currency))
    facts.append(Fact(_("Together"), format_money(why.extra, why.currency), True))
    return _written(facts)


def _part(part):
    currency = part.currency
    params = {
        "costs": _costs(part),
        "goods": format_money(part.goods, currency),
        "all": format_money(part.all_goods, currency),
        "count": part.heads,
        "amount": format_money(part.amount, currency),
    }
    if part.how == ExtraShare.PAYER:
        return _("%(costs)s. Nobody received anything, so it stays with whoever paid: %(amount)s") % params
    if part.how == Split.PERSON:
        return _("%(costs)s, for this person alone: %(amount)s") % params
    if part.is_equal:
        text = ngettext(
            "%(costs)s, in %(count)s equal part: %(amount)s",
            "%(costs)s, in %(count)s equal parts: %(amount)s",
            part.heads,
        )
        return text % params
    return _("%(costs)s, for goods of %(goods)s out of %(all)s: %(amount)s") % params


def _costs(part):
    """Their labels and amounts, and of several their sum."""
    named = (
        _("%(label)s %(amount)s") % {"label": cost.title, "amount": format_money(cost.amount, part.currency)}
        for cost in part.costs
    )
    costs = listed(named, most=MOST_COSTS)
    if len(part.costs) == 1:
        return costs
    return _("%(costs)s, together %(sum)s") % {"costs": costs, "sum": format_money(part.sum, part.currency)}


@register.simple_tag
def why_total(why):
    """`{% why_total why %}`: the sum under someone's things, with what it is made of."""
    params = {
        "goods": format_money(why.goods, why.currency),
        "extra": format_money(abs(why.extra), why.currency),
        "total": format_money(why.total, why.currency),
    }
    if not why.parts:
        return _("Sum %(total)s") % params
    if why.extra < 0:
        return _("Goods %(goods)s − part of the trip %(extra)s = %(total)s") % params
    return _("Goods %(goods)s + part of the trip %(extra)s = %(total)s") % params


@register.simple_tag
def why_open(account, currency):
    """`{% why_open ledger.mine currency %}`: what someone still pays, or gets back, after what is marked as paid."""
    why = account.why
    facts = [Fact(_("Goods"), format_money(why.goods, currency))]
    if why.parts:
        facts.append(Fact(_("Part of the trip"), format_money(why.extra, currency)))
    facts.append(Fact(_("Together"), format_money(account.total, currency)))
    if account.paid is not None:
        facts.append(Fact(_("Marked as paid"), format_money(account.paid, currency)))
    term = _("Gets back") if account.gets_back else _("Still to pay")
    facts.append(Fact(term, format_money(account.gets_back or account.still_owes, currency), True))
    return _written(facts)


@register.simple_tag
def why_due(ledger):
    """`{% why_due ledger %}`: who pays the payer how much."""
    currency = ledger.run.currency
    facts = [
        Fact(account.user.name, format_money(account.still_owes, currency))
        for account in ledger.debtors
        if account.still_owes
    ]
    return _written([*facts, Fact(_("Together"), format_money(ledger.still_owed, currency), True)])


# --- While collecting --------------------------------------------------------------------------------
@register.simple_tag
def why_estimate(board, person):
    """`{% why_estimate board me %}`: what someone's likely total is added up of."""
    currency, unpriced = board.run.currency, _("no price yet")
    facts = [
        Fact(one.row.product.name, unpriced if one.cost is None else _estimate(one, currency))
        for one in estimates_of(board, person)
    ]
    return _written([*facts, Fact(_("Together"), format_money(person.estimate, currency), True)])


def _estimate(one, currency):
    offer, unit = one.row.offer, one.row.product.unit
    params = {
        "amount": with_unit(one.quantity, unit),
        "per": with_unit(offer.current_quantity, unit),
        "price": format_money(offer.current_amount, currency),
        "cost": format_money(one.cost, currency),
    }
    if offer.current_quantity == 1:
        return _("%(amount)s × %(price)s = %(cost)s") % params
    return _("%(amount)s at %(price)s for %(per)s = %(cost)s") % params
