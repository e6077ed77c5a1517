"""The rows of the order table, prepared so that templates only write them down: a page may have 1,200 cells."""

from decimal import Decimal
from urllib.parse import urlencode

from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from bulq.kit.money import format_money, format_quantity, format_unit_price

MOST_COLUMNS = 8
NOTHING = Decimal(0)


def plain(number):
    """A number as it stands in an input: decimal text, empty for none."""
    return "" if number is None else f"{number.normalize():f}"


def new_product_query(request, run, back=None):
    """For the form that makes a new product: the run's store and the name looked for; leads back with the product."""
    back = back or request.get_full_path()
    return urlencode({"next": back, "store": run.store_id, "name": request.GET.get("q", "")})


def others_of(board, user):
    return [person for person in board.people if person.user.pk != user.pk]


def has_columns(board, user):
    """Whether everybody else has a column of their own."""
    return len(others_of(board, user)) <= MOST_COLUMNS


def table_rows(board, user, rows=None, *, typed=None, errors=None, columns=None):
    """One dictionary a row; `typed` and `errors` by product id are what a refused form brought back."""
    typed, errors = typed or {}, errors or {}
    others = others_of(board, user)
    columns = has_columns(board, user) if columns is None else columns
    me = board.person_of(user)
    my_id = me.participation.pk if me else None
    names = {pk: person.label for pk, person in board.by_participation.items()}
    return [
        _row(row, my_id, names, others, columns, board.run.currency, typed, errors)
        for row in (board.rows if rows is None else rows)
    ]


def _row(row, my_id, names, others, columns, currency, typed, errors):
    product, mine = row.product, row.bids.get(my_id)
    amount = (mine.quantity if mine else None) or NOTHING
    return {
        "product": product,
        "facts": facts_of(row),
        "price": _unit_price(row, currency),
        "cells": _cells(row, others) if columns else "",
        "whos": _whos(row, others),
        "comments": [f"{names[person]}: {bid.comment}" for person, bid in row.bids.items() if bid.comment],
        "is_maybe": mine is not None and mine.quantity is None,
        "mine": amount,
        "others": row.wanted - amount,
        "wanted": format_quantity(row.wanted),
        "pack": row.pack,
        "amount": typed.get(product.pk, plain(amount or None)),
        "was": plain(amount or None),
        "step": plain(product.step),
        "error": " ".join(errors.get(product.pk, [])),
        "is_pack_open": row.is_pack_open,
        "says": _says(product),
    }


def mistakes(rows):
    """The summary of what was refused, for the head of the page."""
    return [(f"{row['product'].name}: {row['error']}", f"q-{row['product'].pk}") for row in rows if row["error"]]


def _says(product):
    """What the parts of a row say to who cannot see it. Here, because a template takes ten times as long for it."""
    words = {"name": product.name, "unit": product.unit}
    return {
        "less": _("Less %(name)s") % words,
        "more": _("More %(name)s") % words,
        "add": _("Add %(name)s to your order") % words,
        "amount": _("%(name)s: how much you want, in %(unit)s") % words,
        "per": _("per %(unit)s") % words,
    }


def _cells(row, others):
    """A table cell for each other person, written here because there may be many. In them are amounts only."""
    cells = (_cell(row.bids.get(person.participation.pk)) for person in others)
    zero = '<td role="cell" class="who nil"><span aria-hidden="true">·</span><span class="vh">0</span></td>'
    html = "".join(f'<td role="cell" class="who">{cell}</td>' if cell else zero for cell in cells)
    return mark_safe(html)  # noqa: S308 - nothing that anybody typed


def _whos(row, others):
    """`<span>Jon <b>2</b></span> · <span>Lea <b>1</b></span>`: whoever wants some, in the order of the columns."""
    theirs = ((person.label, row.bids.get(person.participation.pk)) for person in others)
    words = (f"<span>{escape(label)} <b>{_cell(bid)}</b></span>" for label, bid in theirs if bid)
    return mark_safe(" · ".join(words))  # noqa: S308 - names are escaped above


def facts_of(row):
    """Brand, unit, pack, minimum and note of an offer in one line."""
    product, offer = row.product, row.offer
    facts = [product.brand, product.unit]
    if offer and offer.pack_size:
        facts.append(_("pack of %(size)s") % {"size": format_quantity(offer.pack_size)})
    if offer and offer.min_quantity:
        facts.append(_("at least %(quantity)s") % {"quantity": format_quantity(offer.min_quantity)})
    if offer and offer.note:
        facts.append(offer.note)
    return " · ".join(fact for fact in facts if fact)


def _unit_price(row, currency):
    if not row.has_price:
        return ""
    return format_unit_price(row.offer.current_amount, row.offer.current_quantity, currency)


def _cell(bid):
    """How much of it, as HTML."""
    if bid is None:
        return ""
    return escape(_("maybe")) if bid.quantity is None else format_quantity(bid.quantity)


def people_rows(board, user):
    """The people list: what each has ordered so far, and who is done."""
    run = board.run
    rows = []
    for person in board.people:
        part = person.participation
        role = _("leads") if part.user_id == run.leader_id else _("helps") if part.is_helper else ""
        left = _("has left") if part.left_at else ""
        estimate = format_money(person.estimate, run.currency)
        rows.append(
            {
                "person": part.user,
                "you": part.user_id == user.pk,
                "note": ", ".join(word for word in (role, estimate, left) if word),
                "done": part.is_ready,
                "status": (_("Done") if part.is_ready else _("Still choosing")) if run.is_collecting else "",
            }
        )
    return rows
