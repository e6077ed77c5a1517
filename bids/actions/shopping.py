"""In the shop: buying, putting back, marking as not there, adding."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bids import states
from bids.access import lock_part, lock_run_led, lock_run_shopped
from bids.models import Bid, Purchase, ShoppingItem
from bids.reading.lines import lines_of
from bids.reading.receipts import comparison_of
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.money import MAX_QUANTITY, format_money
from bulq.kit.names import listed
from bulq.kit.units import with_unit
from stores.actions.prices import record_price, retract_price

from .bidding import bid_problems, fix_units, lock_units, room_for_new_products
from .costs import allocate, check_discounts, check_total, follow_with_price
from .history import happened, record
from .receipts import store_receipt
from .runs import check_state, move_run
from .substitutes import take_back, take_instead


class AlreadyBought(ChangedMeanwhile):
    """Someone else ticked the same line first; `purchases` are theirs."""

    def __init__(self, item):
        self.item = item
        self.purchases = list(item.purchases.select_related("bought_by").order_by("pk"))
        names = listed(sorted({purchase.bought_by.name for purchase in self.purchases}))
        super().__init__(
            _("%(names)s already bought this. Did you buy it as well?") % {"names": names}
            if names
            else _("This line has changed since you opened the page. Please check it again.")
        )


@transaction.atomic
def buy(item, *, quantity, total, seen, by):
    """Record a purchase: the total paid is stored, and becomes a price observation unless it was a gift.

    `seen` is the version of the line that the page showed; if it has changed, the person decides (`AlreadyBought`).
    """
    run, item = _lock_line(item, by=by)
    if item.version != seen:
        raise AlreadyBought(item)
    _check_quantity(item.product, quantity)
    _check_sums(run, item, quantity, total)
    price = None
    if total:
        price = record_price(item.product, run.store, amount=total, quantity=quantity, by=by, is_of_purchase=True)
    if item.not_there_at:
        take_back(run, item, by=by)
    purchase = Purchase.objects.create(item=item, quantity=quantity, total=total, price=price, bought_by=by)
    item.not_there_at = item.not_there_by = None
    _touch(item)
    record(run, happened("bought", product=item.product, quantity=quantity, total=total), by=by)
    return purchase


@transaction.atomic
def edit_purchase(purchase, *, quantity, total, seen, by):
    """Correct a purchase, its price observation included. Its place in the cart stays the same."""
    run, item = _lock_line(purchase.item, by=by)
    purchase = lock_part(Purchase.objects.select_related("price"), pk=purchase.pk, item=item)
    if item.version != seen:
        raise ChangedMeanwhile(
            _("This was changed to %(quantity)s for %(total)s. Save again to replace it with yours.")
            % {
                "quantity": with_unit(purchase.quantity, item.product.unit),
                "total": format_money(purchase.total, run.currency),
            }
        )
    _check_quantity(item.product, quantity)
    _check_sums(run, item, quantity - purchase.quantity, total - purchase.total)
    was = {"was_quantity": purchase.quantity, "was_total": purchase.total}
    purchase.quantity, purchase.total = quantity, total
    follow_with_price(purchase, run, by=by)
    purchase.save(update_fields=["quantity", "total", "price"])
    _touch(item)
    record(run, happened("purchase_edited", product=item.product, quantity=quantity, total=total, **was), by=by)


@transaction.atomic
def undo_purchase(purchase, *, by):
    """Put a purchase back on the list."""
    run, item = _lock_line(purchase.item, by=by)
    purchase = lock_part(Purchase.objects.select_related("price"), pk=purchase.pk, item=item)
    if purchase.price:
        retract_price(purchase.price)
    purchase.delete()
    _touch(item)
    record(
        run,
        happened("put_back", product=item.product, quantity=purchase.quantity, total=purchase.total),
        by=by,
    )


@transaction.atomic
def set_not_there(item, not_there, *, by):
    """Mark a line as not there, or unmark it."""
    run, item = _lock_line(item, by=by)
    if not_there and item.purchases.exists():
        raise AlreadyBought(item)
    if not_there == bool(item.not_there_at):
        return
    if not not_there:
        take_back(run, item, by=by)
    item.not_there_at, item.not_there_by = (timezone.now(), by) if not_there else (None, None)
    _touch(item)
    record(run, happened("not_there" if not_there else "back_on_list", product=item.product), by=by)


@transaction.atomic
def swap(item, substitute, *, by):
    """Put a substitute on the list for those who named it. Returns how many now get it."""
    run, item = _lock_line(item, by=by)
    return take_instead(run, item, substitute, by=by)


@transaction.atomic
def add_while_shopping(run, product, *, quantity, whose, by):
    """Add more of a product, or a new one, to a person's order and to the shopping list."""
    run = lock_run_shopped(run, by=by)
    _check_in_the_shop(run)
    person = run.participations.current().filter(user=whose).first()
    if person is None:
        raise BulqError(_("Choose someone in this run."), field="whose")
    product = lock_units([product.pk])[product.pk]
    bid = Bid.objects.filter(participation=person, product=product).first()
    was = (bid.quantity if bid else None) or Decimal(0)
    problems = bid_problems(product, quantity) if quantity else [_("Enter how much is wanted.")]
    if was + quantity > MAX_QUANTITY:
        problems = [_("That is too much for one person.")]
    if not bid and not room_for_new_products(run)(product.pk):
        problems = [_("This run already has as many products as it can hold.")]
    if problems:
        raise BulqError(problems[0], field="quantity")
    bid = bid or Bid(participation=person, product=product)
    bid.quantity = was + quantity
    bid.save()
    fix_units([product])
    item, made = ShoppingItem.objects.get_or_create(run=run, product=product)
    if not made:
        _touch(item)
    subject = whose if whose != by else None
    record(run, happened("added_in_shop", subject=subject, product=product, quantity=quantity, was=was), by=by)


@transaction.atomic
def stop_shopping(run, *, by):
    """Go back from the shop before anything was bought; the list is rebuilt next time."""
    run = lock_run_led(run, by=by)
    check_state(run, states.SHOPPING)
    if run.items.filter(purchases__isnull=False).exists():
        raise BulqError(_("Something has already been bought. Put it back on the list first."))
    for item in run.items.filter(not_there_at__isnull=False).select_related("product"):
        take_back(run, item, by=by)
    move_run(run, states.CONFIRMED, by=by)
    run.items.all().delete()
    return run


@transaction.atomic
def finish_shopping(run, *, payer, open_lines, by, receipt=None):
    """Finish shopping: name the payer, and confirm that the `open_lines` lines still open are not bought.

    `receipt` is what a receipt says. The hand-out begins at once if every line matches, and so do the receipts.
    """
    run = lock_run_led(run, by=by)
    check_state(run, states.SHOPPING)
    lines = lines_of(run)
    still_open = [line.item for line in lines if line.is_open]
    if not run.participations.current().filter(user=payer).exists():
        raise BulqError(_("Choose someone in this run."), field="payer")
    if len(still_open) != open_lines:
        raise ChangedMeanwhile(_open_lines_sentence(len(still_open)))
    check_discounts(run, sum((line.paid for line in lines), Decimal(0)))
    run.payer = payer
    if receipt is not None:
        store_receipt(run, amount=receipt, by=by)
    bought = [line for line in lines if line.is_bought]
    if not bought:
        to = states.COMPLETED
    else:
        is_sorted = not any(line.to_decide for line in bought) and not comparison_of(run).open
        to = states.DISTRIBUTING if is_sorted else states.ADJUSTING
    move_run(run, to, by=by, payer=payer.name)
    _mark_not_bought(still_open, by)
    if to == states.ADJUSTING:
        run.participations.update(is_ready=False)  # now it means: wants no change while sorting out
    else:
        allocate(run, lines)
    return run


def _open_lines_sentence(count):
    if count == 0:
        return _("No line is open any more. Check again, then finish.")
    return ngettext(
        "%(count)s line is still open. Confirm that it was not bought.",
        "%(count)s lines are still open. Confirm that they were not bought.",
        count,
    ) % {"count": count}


def _mark_not_bought(items, by):
    now = timezone.now()
    for item in items:
        item.not_there_at, item.not_there_by = now, by
    ShoppingItem.objects.bulk_update(items, ["not_there_at", "not_there_by"])


def _lock_line(item, *, by):
    run = lock_run_shopped(item.run, by=by)
    _check_in_the_shop(run)
    item = lock_part(ShoppingItem.objects.select_related("product"), pk=item.pk, run=run)
    item.run = run
    return run, item


def _check_in_the_shop(run):
    if run.state != states.SHOPPING:
        raise ChangedMeanwhile(_("Nobody is shopping for this run now, so nothing was changed."))


def _check_quantity(product, quantity):
    if quantity % product.grain:
        raise BulqError(
            _("%(product)s is counted: enter a whole number.") % {"product": product.name}, field="quantity"
        )


def _check_sums(run, item, more_quantity, more_money):
    """Keep the line's quantity and the run's total within what can be stored and split."""
    bought = item.purchases.aggregate(sum=Sum("quantity"))["sum"] or 0
    if bought + more_quantity > MAX_QUANTITY:
        raise BulqError(_("That is too much for one line."), field="quantity")
    check_total(run, more_money, field="price")


def _touch(item):
    item.version += 1
    item.save(update_fields=["version", "not_there_at", "not_there_by"])
