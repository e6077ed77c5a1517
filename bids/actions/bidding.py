"""People say how much they want, and when they are done choosing."""

from dataclasses import dataclass, replace
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
from bulq.kit.money import MAX_QUANTITY, format_quantity, format_range
from bulq.kit.prepared import prepared
from bulq.kit.units import unit_name
from stores.models import Product

from .history import happened, record
from .runs import is_member, move_run, take_part
from .stretch import LastStretch

UNSEEN = object()
# Existing bids are written as rows that conflict: cheaper than an UPDATE with a CASE for each of them.
OVERWRITE = {
    "update_conflicts": True,
    "unique_fields": ["participation", "product"],
    "update_fields": ["quantity", "comment", "limit", "all_or_nothing", "substitute", "substitute_text"],
}


@dataclass(frozen=True)
class Terms:
    """What goes with a quantity: up to how much is fine, and what a person prefers if there is too little.

    `instead` names a product of the catalogue, or is words for the shopper.
    """

    limit: Decimal | None = None
    all_or_nothing: bool = False
    instead: str = ""


NO_TERMS = Terms()


@dataclass
class Wish:
    """What a form says about one product: `quantity` 0 takes it off the order, None is “Maybe”.

    `comment` and `terms` None leave these as they are. `was` and `had` are the quantity and the terms that the page
    showed, if it showed any.
    """

    product_id: int
    quantity: Decimal | None
    comment: str | None = None
    was: Decimal | object | None = UNSEEN
    terms: Terms | None = None
    had: Terms | object = UNSEEN


def terms_of(bid):
    return Terms(bid.limit, bid.all_or_nothing, bid.instead) if bid else NO_TERMS


def bid_problems(product, quantity, bid=None):
    """Sentences about why this quantity cannot be chosen. An unchanged quantity is always allowed."""
    if quantity is None or quantity == 0 or (bid and bid.quantity == quantity):
        return []
    if not 0 < quantity <= MAX_QUANTITY:
        return [_("Enter at most %(most)s") % {"most": format_quantity(MAX_QUANTITY)}]
    return _step_problems(product, quantity)


def limit_problems(product, quantity, limit, bid=None):
    """Sentences about why not up to `limit` can be fine. An unchanged limit is always allowed."""
    if limit is None or (bid and (bid.quantity, bid.limit) == (quantity, limit)):
        return []
    if not quantity:
        return [_("Say how much you want first")]
    if limit < quantity:
        return [_("“Up to” can't be less than the %(quantity)s you want") % {"quantity": format_quantity(quantity)}]
    if limit > MAX_QUANTITY:
        return [_("Enter at most %(most)s") % {"most": format_quantity(MAX_QUANTITY)}]
    return _step_problems(product, limit)


def _step_problems(product, quantity):
    if quantity % product.step:
        return [
            _("Order %(product)s in steps of %(step)s %(unit)s")
            % {"product": product.name, "step": format_quantity(product.step), "unit": unit_name(product.unit)}
        ]
    return []


@dataclass
class Outcome:
    """The result of one order form: the locked run, refusals by product id, and the events of removed products.

    `limits_refused` has the products whose refusal is about their limit. `stale`: a line was refused because its page
    was outdated. `chooses_again`: the person was done choosing and no longer is.
    """

    run: Run
    refusals: dict
    limits_refused: set
    removed: list
    changed: bool
    stale: bool
    chooses_again: bool = False


@prepared
def _bids_of(run, user, products):
    bids = Bid.objects.select_related("product", "participation__user", "substitute")
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
    products |= lock_units(by_product.keys() - products.keys())
    sorting = _SortedWishes(run, bids, products, LastStretch(run, by_product, by=by))
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
    refused = sorting.refusals, sorting.limits_refused
    return Outcome(run, *refused, removed, bool(sorting.events), sorting.stale, chooses_again)


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

    def __init__(self, run, bids, products, stretch):
        self.bids, self.products, self.stretch = bids, products, stretch
        self.has_room = room_for_new_products(run)
        self.refusals, self.changes, self.dropped, self.events = {}, [], [], []
        self.limits_refused = set()
        self.stale = False

    def take(self, wish):
        product, bid = self.products.get(wish.product_id), self.bids.get(wish.product_id)
        if _is_stale(wish, bid):
            self.stale, problems = True, [_changed_to(bid)]
        else:
            problems = _wish_problems(wish, product, bid)
        if not problems and bid is None and wish.quantity != 0 and not self.has_room(wish.product_id):
            problems = [_("This run already has as many products as it can hold.")]
        if not problems and (problems := limit_problems(product, wish.quantity, _typed_limit(wish, bid), bid)):
            self.limits_refused.add(wish.product_id)
        if not problems:
            problems = self.stretch.problems(product, bid, wish.quantity, _terms_after(wish, bid).limit)
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
            self.events.append(happened("order_removed", product=product, was=was, **kept_for_undo(bid)))

    def _change(self, wish, bid):
        comment = bid.comment if wish.comment is None else wish.comment
        terms = _terms_after(wish, bid)
        self.events += _changes(bid, wish.quantity, comment, terms)
        if bid.pk is None or (bid.quantity, bid.comment, terms_of(bid)) != (wish.quantity, comment, terms):
            if terms.instead != bid.instead:
                bid.substitute = substitute_named(terms.instead, bid.product)
                bid.substitute_text = "" if bid.substitute else terms.instead
            bid.quantity, bid.comment, bid.limit = wish.quantity, comment, terms.limit
            bid.all_or_nothing = terms.all_or_nothing
            self.changes.append(bid)


def kept_for_undo(bid):
    """What an event keeps of a bid that is taken off the order."""
    limit = "" if bid.limit is None else bid.limit
    return {"comment": bid.comment, "limit": limit, "all_or_nothing": int(bid.all_or_nothing), "instead": bid.instead}


def kept_terms(data):
    """The terms that an event has kept."""
    limit = data.get("limit")
    return Terms(Decimal(limit) if limit else None, bool(data.get("all_or_nothing")), data.get("instead", ""))


def _changes(bid, quantity, comment, terms):
    """The events of a bid that gets these values."""
    is_new, product = bid.pk is None, bid.product
    was = "" if bid.quantity is None else bid.quantity
    if quantity is None and (is_new or bid.quantity is not None):
        yield happened("interested", product=product, was=was)
    elif is_new or (bid.quantity, bid.limit) != (quantity, terms.limit):
        limits = {name: limit for name, limit in (("limit", terms.limit), ("was_limit", bid.limit)) if limit}
        yield happened("ordered", product=product, quantity=quantity, was=was, **limits)
    if quantity is not None and terms.all_or_nothing != bid.all_or_nothing:
        yield happened("all_or_nothing" if terms.all_or_nothing else "less_is_fine", product=product)
    if quantity is not None and terms.instead != bid.instead:
        if terms.instead:
            yield happened("instead", product=product, instead=terms.instead)
        else:
            yield happened("nothing_instead", product=product)
    if bid.comment != comment:
        yield happened("commented", product=product, comment=comment)


def _typed_limit(wish, bid):
    """The limit to be checked: one that stays on the page while the quantity passes it is lifted, not refused."""
    is_dropped = bid is not None and wish.quantity == 0
    if wish.terms is None or is_dropped or (bid and wish.terms.limit == bid.limit):
        return None
    return wish.terms.limit


def _terms_after(wish, bid):
    """The terms that will stand: none for “Maybe”, and no limit that the quantity has reached."""
    if not wish.quantity:
        return NO_TERMS
    terms = terms_of(bid) if wish.terms is None else wish.terms
    if terms.limit is not None and terms.limit <= wish.quantity:
        return replace(terms, limit=None)
    return terms


def substitute_named(text, product):
    """The other product of this name, or of this “name (brand)”, if there is one only."""
    if not text:
        return None
    name, _bracket, brand = text.removesuffix(")").rpartition(" (")
    others = Product.objects.exclude(pk=product.pk)
    found = others.of_same_name(name=text) | others.of_same_name(name=name, brand=brand)
    return found[0] if len(found[:2]) == 1 else None


def _is_stale(wish, bid):
    """Whether the page showed a different quantity, or other terms, from those this wish would replace."""
    now, terms = bid.quantity if bid else None, terms_of(bid)
    if wish.was is not UNSEEN and wish.was != now and wish.quantity != now:
        return True
    return wish.terms is not None and wish.had not in (UNSEEN, terms) and wish.terms != terms


def _changed_to(bid):
    now = _("nothing") if bid is None or bid.quantity is None else format_range(bid.quantity, bid.limit)
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
        field = "limit" if outcome.limits_refused else "quantity"
        raise refusal(outcome.refusals[wish.product_id][0], field=field)
    return outcome


@transaction.atomic
def undo_removal(run, event, *, by):
    """Bring back what was taken off the order, comment and terms included."""
    data, was = event.data, event.data["was"]
    wish = Wish(event.product_id, Decimal(was) if was else None, data["comment"], was=None, terms=kept_terms(data))
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
