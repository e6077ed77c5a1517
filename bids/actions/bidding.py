"""People say how much they want, and when they are done choosing."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from bids import states
from bids.access import check_leads, lock_run
from bids.models import Bid, Run
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.locks import busy_when_locked
from bulq.kit.money import MAX_QUANTITY, format_quantity
from bulq.kit.prepared import prepared
from stores.models import Product

from .history import happened, record
from .runs import is_member, move_run, take_part

UNSEEN = object()
# Existing bids are written as rows that conflict: cheaper than an UPDATE with a CASE for each of them.
OVERWRITE = {
    "update_conflicts": True,
    "unique_fields": ["participation", "product"],
    "update_fields": ["quantity", "comment"],
}


@dataclass
class Wish:
    """What a form says about one product: `quantity` 0 takes it off the order, None is “Maybe”.

    `comment` None leaves the comment as it is. `was` is the quantity that the page showed, if it showed one.
    """

    product_id: int
    quantity: Decimal | None
    comment: str | None = None
    was: Decimal | object | None = UNSEEN


def bid_problems(product, quantity, bid=None):
    """Sentences about why this quantity cannot be chosen. An unchanged quantity is always allowed."""
    if quantity is None or quantity == 0 or (bid and bid.quantity == quantity):
        return []
    if not 0 < quantity <= MAX_QUANTITY:
        return [_("Enter at most %(most)s") % {"most": format_quantity(MAX_QUANTITY)}]
    if quantity % product.step:
        return [
            _("Order %(product)s in steps of %(step)s %(unit)s")
            % {"product": product.name, "step": format_quantity(product.step), "unit": product.unit}
        ]
    return []


@dataclass
class Outcome:
    """The result of one order form: the locked run, refusals by product id, and the events of removed products.

    `stale`: a line was refused because its page was outdated. `chooses_again`: the person was done choosing and no
    longer is.
    """

    run: Run
    refusals: dict
    removed: list
    changed: bool
    stale: bool
    chooses_again: bool = False


@prepared
def _bids_of(run, user, products):
    bids = Bid.objects.select_related("product", "participation__user")
    return bids.filter(participation__run=run, participation__user=user, product__any=products)


@transaction.atomic
def place_bids(run, wishes, *, by, whose=None):
    """Store what a person wants; each line is stored or refused by itself. Of `run` only the key is used.

    If a product appears more than once, the last wish counts. The leader may change someone else's order (`whose`),
    which is recorded. Clears the person's “done choosing”, and makes the run active at the first wish of anyone but the
    leader.
    """
    run, whose = lock_run(run, by=by), whose or by
    if not run.is_collecting:
        raise ChangedMeanwhile(_("Not saved. The list is locked, so amounts can no longer be changed."))
    if whose != by:
        check_leads(run, by)
        if not is_member(run, whose):
            raise Http404
    by_product = {wish.product_id: wish for wish in wishes}
    bids = {bid.product_id: bid for bid in _bids_of(run.pk, whose.pk, list(by_product))}
    products = {product: bid.product for product, bid in bids.items() if bid.product.is_unit_fixed}
    sorting = _SortedWishes(run, bids, products | lock_units(by_product.keys() - products.keys()))
    for wish in by_product.values():
        sorting.take(wish)
    chooses_again = False
    if sorting.events:
        mine = next(iter(bids.values()), None)
        person = mine.participation if mine else take_part(run, whose)
        chooses_again = _write_order(run, person, sorting, by=by)
        if run.state == states.PLANNING and whose.pk != run.leader_id:
            move_run(run, states.ACTIVE, by=by)
    removed = [event for event in sorting.events if event.kind == "order_removed"]
    return Outcome(run, sorting.refusals, removed, bool(sorting.events), sorting.stale, chooses_again)


def _write_order(run, person, sorting, *, by):
    """Write the changes. Returns whether the person was done choosing and no longer is."""
    existing = [bid for bid in sorting.changes if bid.pk]
    for bid in sorting.changes:
        bid.participation = person
    if sorting.dropped:
        Bid.objects.filter(pk__in=sorting.dropped).delete()
    Bid.objects.bulk_create([bid for bid in sorting.changes if bid.pk is None])
    Bid.objects.bulk_create(existing, **OVERWRITE)
    fix_units(bid.product for bid in sorting.changes)
    was_ready, person.is_ready = person.is_ready, False
    if was_ready:
        person.save(update_fields=["is_ready"])
    for event in sorting.events:
        event.subject = person.user if person.user_id != by.pk else None
    record(run, *sorting.events, by=by)
    return was_ready


def lock_units(product_ids):
    """The products by id. Those whose unit may still change are locked, so that it stays the same meanwhile."""
    products = Product.objects.in_bulk(product_ids) if product_ids else {}
    loose = [product.pk for product in products.values() if not product.is_unit_fixed]
    if loose:
        with busy_when_locked():
            products |= Product.objects.select_for_update(no_key=True).order_by("pk").in_bulk(loose)
    return products


def fix_units(products):
    """Fix unit and kind of these products."""
    loose = [product.pk for product in products if not product.is_unit_fixed]
    if loose:
        Product.objects.filter(pk__in=loose).update(is_unit_fixed=True)


class _SortedWishes:
    """The wishes of one form, sorted into refusals, bids to write, bids to delete, and events."""

    def __init__(self, run, bids, products):
        self.bids, self.products = bids, products
        self.has_room = room_for_new_products(run)
        self.refusals, self.changes, self.dropped, self.events = {}, [], [], []
        self.stale = False

    def take(self, wish):
        product, bid = self.products.get(wish.product_id), self.bids.get(wish.product_id)
        if _is_stale(wish, bid):
            self.stale, problems = True, [_changed_to(bid)]
        else:
            problems = _wish_problems(wish, product, bid)
        if not problems and bid is None and wish.quantity != 0 and not self.has_room(wish.product_id):
            problems = [_("This run already has as many products as it can hold.")]
        if problems:
            self.refusals[wish.product_id] = problems
        elif wish.quantity == 0:
            self._drop(bid, product)
        else:
            self._change(wish, bid or Bid(product=product))

    def _drop(self, bid, product):
        if bid:
            self.dropped.append(bid.pk)
            was = "" if bid.quantity is None else bid.quantity
            self.events.append(happened("order_removed", product=product, was=was, comment=bid.comment))

    def _change(self, wish, bid):
        comment = bid.comment if wish.comment is None else wish.comment
        if bid.pk is None or bid.quantity != wish.quantity:
            was = "" if bid.quantity is None else bid.quantity
            if wish.quantity is None:
                self.events.append(happened("interested", product=bid.product, was=was))
            else:
                self.events.append(happened("ordered", product=bid.product, quantity=wish.quantity, was=was))
        if bid.comment != comment:
            self.events.append(happened("commented", product=bid.product, comment=comment))
        if bid.pk is None or (bid.quantity, bid.comment) != (wish.quantity, comment):
            bid.quantity, bid.comment = wish.quantity, comment
            self.changes.append(bid)


def _is_stale(wish, bid):
    """Whether the page showed a different quantity from the one this wish would replace."""
    now = bid.quantity if bid else None
    return wish.was is not UNSEEN and wish.was != now and wish.quantity != now


def _changed_to(bid):
    now = _("nothing") if bid is None or bid.quantity is None else format_quantity(bid.quantity)
    return _("This was changed to %(now)s. Check it, then save again.") % {"now": now}


def _wish_problems(wish, product, bid):
    return bid_problems(product, wish.quantity, bid) if product else [_("This product no longer exists.")]


def room_for_new_products(run):
    """A function that says whether a product fits into the run; products already in it always do."""
    known = None

    def room(product_id):
        nonlocal known
        if known is None:
            known = set(Bid.objects.of_run(run).values_list("product_id", flat=True))
        if product_id not in known and len(known) >= settings.PRODUCTS_PER_RUN:
            return False
        known.add(product_id)
        return True

    return room


@transaction.atomic
def place_wish(run, wish, *, by, whose):
    """Store one wish, or refuse it at its field."""
    outcome = place_bids(run, [wish], by=by, whose=whose)
    if outcome.refusals:
        refusal = ChangedMeanwhile if outcome.stale else BulqError
        raise refusal(outcome.refusals[wish.product_id][0], field="quantity")
    return outcome


@transaction.atomic
def undo_removal(run, event, *, by):
    """Bring back what was taken off the order, comment included."""
    was = event.data["was"]
    wish = Wish(event.product_id, Decimal(was) if was else None, comment=event.data["comment"], was=None)
    return place_wish(run, wish, by=by, whose=event.subject or event.actor)


@transaction.atomic
def set_ready(run, ready, *, by):
    """Mark a person as done choosing (or, while sorting out, as wanting no change), or not.

    Idempotent.
    """
    run = lock_run(run, by=by)
    if not (run.is_collecting or run.is_sorting_out):
        raise ChangedMeanwhile(_("The list is already locked."))
    person = run.participations.current().filter(user=by).first()
    if person is None:
        raise BulqError(_("Choose something first."))
    if person.is_ready != ready:
        person.is_ready = ready
        person.save(update_fields=["is_ready"])
        kinds = ("sorts_again", "keeps_order") if run.is_sorting_out else ("not_ready", "ready")
        record(run, happened(kinds[ready]), by=by)
