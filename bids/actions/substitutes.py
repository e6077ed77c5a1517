"""What people take instead of something that is not there."""

from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from bids.access import lock_part
from bids.allocation import amount_instead
from bids.models import Bid, ShoppingItem, TakenInstead
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.money import MAX_QUANTITY

from .bidding import fix_units, lock_units, room_for_new_products
from .history import happened, record


@transaction.atomic
def take_instead(run, item, substitute, *, by):
    """Put a substitute on the list for those who named it, because the line `item` of a locked run is not there.

    Returns for how many. Idempotent: whoever has it already gets no more.
    """
    if item.not_there_at is None:
        raise ChangedMeanwhile(_("%(product)s is on the list again.") % {"product": item.product.name})
    if item.product.unit != substitute.unit:
        raise BulqError(_("%(product)s is sold in another unit. Add it by hand.") % {"product": substitute.name})
    bids = Bid.objects.of_run(run).real().filter(product=item.product, substitute=substitute)
    bids = bids.filter(participation__left_at=None).exclude(
        participation__in=item.taken_instead.values("bid__participation")
    )
    if waiting := list(bids.select_related("participation__user").order_by("pk")):
        substitute = lock_units([substitute.pk])[substitute.pk]
        _put_on_the_list(run, substitute)
        events = [_take(item, substitute, bid, by=by) for bid in waiting]
        fix_units([substitute])
        record(run, *events, by=by)
    return len(waiting)


def _put_on_the_list(run, substitute):
    if not room_for_new_products(run)(substitute.pk):
        raise BulqError(_("This run already has as many products as it can hold."))
    item, made = ShoppingItem.objects.get_or_create(run=run, product=substitute)
    if item.not_there_at:
        raise BulqError(_("%(product)s is not there either.") % {"product": substitute.name})
    if not made:
        _touch(item)


def _touch(item):
    item.version += 1
    item.save(update_fields=["version"])


def _take(item, substitute, bid, *, by):
    more, person = amount_instead(bid.quantity, substitute.grain), bid.participation
    taking, is_new = Bid.objects.get_or_create(participation=person, product=substitute, defaults={"quantity": more})
    if not is_new:
        taking.quantity = (taking.quantity or Decimal(0)) + more
        if taking.quantity > MAX_QUANTITY:
            raise BulqError(_("That is too much for one person."))
        if taking.limit is not None and taking.limit <= taking.quantity:
            taking.limit = None
        taking.save(update_fields=["quantity", "limit"])
    TakenInstead.objects.create(item=item, bid=taking, quantity=more, is_new=is_new)
    subject = person.user if person.user_id != by.pk else None
    return happened("took_instead", subject=subject, product=substitute, quantity=more, name=item.product.name)


def take_back(run, item, *, by):
    """The line `item` of a locked run is there after all, so nobody takes anything instead of it.

    Refused once the substitute is bought.
    """
    rows = item.taken_instead.select_related("bid__product", "bid__participation__user").order_by("pk")
    events = []
    for taken in rows:
        line = lock_part(ShoppingItem.objects.all(), run=run, product=taken.bid.product)
        if line.purchases.exists():
            names = {"product": taken.bid.product.name, "name": item.product.name}
            raise BulqError(_("%(product)s is already bought instead of %(name)s. Put it back first.") % names)
        _give_back(taken)
        _drop_if_nobody_wants(run, line)
        subject = taken.bid.participation.user if taken.bid.participation.user_id != by.pk else None
        figures = {"quantity": taken.quantity, "name": item.product.name}
        events.append(happened("not_taken_instead", subject=subject, product=taken.bid.product, **figures))
    if events:
        record(run, *events, by=by)


def _give_back(taken):
    bid = taken.bid
    taken.delete()
    rest = bid.quantity - taken.quantity
    if rest <= 0 and taken.is_new:
        bid.delete()
        return
    bid.quantity = rest if rest > 0 else None  # it was a “Maybe”
    if bid.quantity is None:
        bid.limit, bid.all_or_nothing, bid.substitute, bid.substitute_text = None, False, None, ""
    bid.save(update_fields=["quantity", "limit", "all_or_nothing", "substitute", "substitute_text"])


def _drop_if_nobody_wants(run, line):
    if Bid.objects.of_run(run).real().filter(product=line.product_id).exists():
        _touch(line)
    else:
        line.delete()
