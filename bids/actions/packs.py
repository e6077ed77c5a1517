"""The leader decides about packs that are not full, before the list is locked."""

from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from bids import states
from bids.access import lock_run_led
from bids.models import Bid
from bids.reading.board import Board
from bids.reading.packs import open_packs
from bulq.kit.errors import ChangedMeanwhile
from bulq.kit.names import listed
from stores.models import Product

from .history import happened, record
from .runs import check_state

KEEP, DOWN, DROP = "keep", "down", "drop"
KEPT = ("quantity", "limit", "all_or_nothing", "substitute_id", "substitute_text", "comment")


@transaction.atomic
def close_packs(run, choices, *, by):
    """Lower what everyone wants to one pack less, or drop a product for all; `choices` by product id.

    A choice is `(what, seen)`, with the fingerprint of what the page showed. All or nothing of it is done. Returns the
    event of each product, by which it can be undone.
    """
    run = lock_run_led(run, by=by)
    check_state(run, *states.COLLECTING)
    packs = {pack.row.product.pk: pack for pack in open_packs(Board(run))}
    events = []
    for product, (choice, seen) in choices.items():
        pack = packs.get(product)
        if pack is None or pack.fingerprint() != seen or (choice == DOWN and not pack.lowered):
            raise ChangedMeanwhile(_("An order has changed since this page was made. Here is how it is now."))
        if choice != KEEP:
            events.append(_close(run, pack, choice, by=by))
    return events


def _close(run, pack, choice, *, by):
    product, changes = pack.row.product, pack.lowered if choice == DOWN else pack.dropped
    after = {change.person.pk: change.after for change in changes}
    bids = Bid.objects.of_run(run).real().filter(product=product.pk).select_related("participation__user")
    changed = [bid for bid in bids.order_by("pk") if after[bid.participation_id] != bid.quantity]
    own, kept = [], []
    for bid in changed:
        rest = after[bid.participation_id]
        kept.append({"part": bid.participation_id, "now": str(rest), **_values(bid)})
        if bid.participation.user_id != by.pk:
            kind = "lowered_for_packs" if rest else "dropped_for_packs"
            figures = {"was_quantity": bid.quantity, "quantity": rest}
            own.append(happened(kind, product=bid.product, subject=bid.participation.user, **figures))
        bid.quantity = rest
    Bid.objects.bulk_update([bid for bid in changed if bid.quantity], ["quantity"])
    Bid.objects.filter(pk__in=[bid.pk for bid in changed if not bid.quantity]).delete()
    _choose_again(run, kept)
    event = happened("packs_dropped" if choice == DROP else "packs_rounded", product=changed[0].product, orders=kept)
    if choice == DOWN:
        event.data["packs"] = int(pack.packs_down)
    record(run, event, *own, by=by)
    return event


def _choose_again(run, rows):
    """Whose order has changed, is no longer done choosing."""
    run.participations.filter(pk__in=[row["part"] for row in rows], is_ready=True).update(is_ready=False)


def _values(bid):
    values = ((name, getattr(bid, name)) for name in KEPT)
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values}


@transaction.atomic
def undo_packs(run, event, *, by):
    """Bring every wish back as it was, with limit, terms and comment.

    Whoever has changed theirs since keeps what they have now. Returns their names; refused if that is everyone.
    """
    run = lock_run_led(run, by=by)
    check_state(run, *states.COLLECTING)
    rows = {row["part"]: row for row in event.data["orders"]}
    people = {person.pk: person for person in run.participations.filter(pk__in=rows).select_related("user")}
    bids = {bid.participation_id: bid for bid in Bid.objects.of_run(run).filter(product=event.product_id)}
    back, others = [], []
    for part, row in rows.items():
        bid = bids.get(part)
        now = (bid.quantity or Decimal(0)) if bid else Decimal(0)
        is_untouched = part in people and people[part].left_at is None and now == Decimal(row["now"])
        (back if is_untouched and (bid is None or bid.quantity) else others).append(row)
    if not back:
        raise ChangedMeanwhile(_("Everyone has changed their order since, so nothing was brought back."))
    _choose_again(run, back)
    own = []
    for row in back:
        _restore(event, row)
        if (user := people[row["part"]].user).pk != by.pk:
            figures = {"product": event.product, "quantity": row["quantity"]}
            own.append(happened("restored_after_packs", subject=user, **figures))
    record(run, happened("packs_undone", product=event.product), *own, by=by)
    return listed(people[row["part"]].user.name for row in others if row["part"] in people)


def _restore(event, row):
    values = {name: row[name] for name in KEPT}
    values["quantity"], values["limit"] = Decimal(row["quantity"]), Decimal(row["limit"]) if row["limit"] else None
    substitute = row["substitute_id"]
    if substitute and not Product.objects.filter(pk=substitute).exists():
        values["substitute_id"] = None
    Bid.objects.update_or_create(participation_id=row["part"], product_id=event.product_id, defaults=values)
