"""Two products become one: orders, lines, purchases and prices of the source belong to the target."""

from collections import defaultdict

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from bids import states
from bids.actions.history import happened, record
from bids.models import Allocation, Bid, Event, Purchase, Run, ShoppingItem, TakenInstead
from bulq.kit.money import MAX_QUANTITY, format_money, format_quantity, format_range
from bulq.kit.units import unit_name, with_unit
from stores.models import ForwardedProduct, Price, Product, ProductAlias, ProductPair, ReferencePrice

from .offers import unite_offers
from .pairs import unite_pairs

OF_A_WISH = ("quantity", "limit", "all_or_nothing", "comment", "substitute", "substitute_text")
LONGEST_COMMENT = Bid._meta.get_field("comment").max_length


def groups_of(_source, _target):
    return Q(pk__in=[])


def runs_of(source, target):
    return Q(participations__bids__product__in=[source, target]) | Q(items__product__in=[source, target])


def refusals(source, target):
    if (source.unit, source.kind) != (target.unit, target.kind):
        yield _("“%(source)s” is counted in %(source_unit)s, “%(target)s” in %(target_unit)s.") % {
            "source": source,
            "source_unit": f"{unit_name(source.unit)} ({source.get_kind_display()})",
            "target": target,
            "target_unit": f"{unit_name(target.unit)} ({target.get_kind_display()})",
        }
    if source.barcode and target.barcode and source.barcode != target.barcode:
        yield _("Each has a bar code, and they differ. Remove one of them first.")
    for run in _busy_runs(source, target):
        yield _("“%(run)s” of %(group)s has both, and is in the shop or the hand-out. Wait until it is done.") % {
            "run": run,
            "group": run.group,
        }
    for bid, other in _both_wanted(source, target):
        if (bid.most or 0) + (other.most or 0) > MAX_QUANTITY:
            yield _("%(name)s would want more than %(most)s in “%(run)s”.") % {
                "name": bid.participation.user,
                "most": format_quantity(MAX_QUANTITY),
                "run": bid.participation.run,
            }
        if len(_comment(bid, other)) > LONGEST_COMMENT:
            yield _("The comments of %(name)s in “%(run)s” are too long to stand together.") % {
                "name": bid.participation.user,
                "run": bid.participation.run,
            }


def _busy_runs(source, target):
    """A run is in a shop, or things are being sorted out or handed out, with a line of each of the two."""
    lines = ShoppingItem.objects.filter(product=target).values("run")
    busy = Run.objects.filter(state__in=states.FROM_THE_SHOP_ON, items__product=source, pk__in=lines)
    return busy.select_related("store", "group").order_by("pk")


def _both_wanted(source, target):
    """Pairs of bids of one person in one run: of the target, of the source."""
    known = Bid.objects.select_related("participation__user", "participation__run__store").order_by("pk")
    others = known.filter(product=source, participation__bids__product=target)
    kept = known.filter(product=target, participation__in=others.order_by().values("participation"))
    kept = {bid.participation_id: bid for bid in kept}
    return [(kept[bid.participation_id], bid) for bid in others]


def _comment(bid, other):
    return " / ".join(dict.fromkeys(filter(None, (bid.comment, other.comment))))


def sums(products):
    bids, bought = Bid.objects.filter(product__in=products), Purchase.objects.filter(item__product__in=products)
    received = Allocation.objects.filter(item__product__in=products)
    yield _("Wanted, over all runs"), bids.aggregate(sum=Sum("quantity"))["sum"]
    yield _("Bought"), bought.aggregate(sum=Sum("quantity"))["sum"]
    yield _("Paid for it"), bought.aggregate(sum=Sum("total"))["sum"]
    yield _("Handed out"), received.aggregate(sum=Sum("quantity"))["sum"]
    yield _("Owed for it"), received.aggregate(sum=Sum("cost"))["sum"]
    yield _("Prices logged"), Price.objects.filter(offer__product__in=products).count()


def unite(plan):
    source, target = plan.source, plan.target
    concerned = defaultdict(set)
    for bid, _other in _both_wanted(source, target):
        concerned[bid.participation.run].add(bid.participation.user_id)
    _unite_lines(plan)
    # Nothing is a substitute for itself.
    Bid.objects.filter(product__in=(source, target), substitute__in=(source, target)).update(substitute=None)
    plan.move(Bid.objects.filter(substitute=source), substitute=target)
    _unite_bids(plan)
    plan.move(Bid.objects.filter(product=source), product=target)
    plan.move(ShoppingItem.objects.filter(product=source), product=target)
    plan.move(Event.objects.filter(product=source), product=target)
    unite_offers(plan, source, target, of="product")
    _unite_reference_prices(plan)
    _unite_names(plan)
    unite_pairs(plan, ProductPair.objects)
    ForwardedProduct.objects.filter(target=source).update(target=target)
    ForwardedProduct.objects.create(old_id=source.pk, target=target)
    _keep_what_the_target_lacks(source, target)
    for run, people in concerned.items():
        if run.is_open:
            record(run, happened("merged", product=target, name=str(source)), by=plan.by, concerns=people)


def _unite_lines(plan):
    """Lines of both in one run become one. The run is over, or not yet in the shop: then there are no lines."""
    kept = {item.run_id: item for item in ShoppingItem.objects.filter(product=plan.target)}
    gone = ShoppingItem.objects.filter(product=plan.source, run__in=kept)
    gone = {item.pk: item for item in gone.select_related("run__store", "run__group").order_by("pk")}
    if not gone:
        return
    for model in (Purchase, Allocation):
        rows = list(model.objects.filter(item__in=gone))
        for row in rows:
            row.item = kept[gone[row.item_id].run_id]
        model.objects.bulk_update(rows, ["item"])
    lines = [kept[item.run_id] for item in gone.values()]
    bought = set(Purchase.objects.filter(item__in=lines).values_list("item", flat=True))
    for line, item in zip(lines, gone.values(), strict=True):
        line.version += item.version
        if line.pk in bought:
            line.not_there_at = line.not_there_by = None
        plan.united.append(_("Two lines of “%(run)s” become one.") % {"run": item.run})
    ShoppingItem.objects.bulk_update(lines, ["version", "not_there_at", "not_there_by"])
    ShoppingItem.objects.filter(pk__in=gone).delete()


def _unite_bids(plan):
    both = _both_wanted(plan.source, plan.target)
    if not both:
        return
    for bid, other in both:
        _unite_wishes(bid, other)
        plan.united.append(
            _("%(name)s wanted both in “%(run)s”: now %(quantity)s.")
            % {
                "name": bid.participation.user,
                "run": bid.participation.run,
                "quantity": _("maybe") if bid.quantity is None else format_range(bid.quantity, bid.limit),
            }
        )
    Bid.objects.bulk_update([bid for bid, _other in both], OF_A_WISH)
    _unite_allocations(both)
    gone = [other.pk for _bid, other in both]
    # They serve only while shopping, and then nothing can be merged.
    TakenInstead.objects.filter(bid__in=gone).delete()
    Bid.objects.filter(pk__in=gone).delete()


def _unite_wishes(bid, other):
    """Quantities and limits add up; all or nothing only if both said so; of two substitutes the target's is kept."""
    real = [wish for wish in (bid, other) if wish.quantity is not None]
    bid.comment = _comment(bid, other)
    if real:
        quantity, most = sum(wish.quantity for wish in real), sum(wish.most for wish in real)
        bid.limit = most if most > quantity else None
        bid.quantity = quantity
        bid.all_or_nothing = all(wish.all_or_nothing for wish in real)
    if not (bid.substitute_id or bid.substitute_text):
        bid.substitute_id, bid.substitute_text = other.substitute_id, other.substitute_text


def _unite_allocations(both):
    """What was received of both; picked up once all of it is."""
    received = Allocation.objects.filter(bid__in=[bid for pair in both for bid in pair])
    received = {allocation.bid_id: allocation for allocation in received}
    changed, gone = [], []
    for bid, other in both:
        mine, theirs = received.get(bid.pk), received.get(other.pk)
        if theirs is None:
            continue
        if mine is None:
            theirs.bid = bid
            changed.append(theirs)
            continue
        mine.quantity, mine.cost = mine.quantity + theirs.quantity, mine.cost + theirs.cost
        mine.left_over += theirs.left_over
        if theirs.picked_up_at is None:
            mine.picked_up_at = mine.picked_up_by = None
        changed.append(mine)
        gone.append(theirs.pk)
    Allocation.objects.filter(pk__in=gone).delete()
    if changed:
        Allocation.objects.bulk_update(
            changed, ["bid", "quantity", "cost", "left_over", "picked_up_at", "picked_up_by"]
        )


def _unite_reference_prices(plan):
    """Of two in one currency the target's stays."""
    theirs = ReferencePrice.objects.filter(product=plan.source)
    gone = theirs.filter(currency__in=plan.target.reference_prices.values("currency")).order_by("currency")
    for price in gone:
        plan.united.append(
            _("Both have a reference price. This one goes: %(amount)s for %(quantity)s at %(shop)s.")
            % {
                "amount": format_money(price.amount, price.currency),
                "quantity": with_unit(price.quantity, plan.source.unit),
                "shop": price.shop,
            }
        )
    gone.delete()
    plan.move(theirs, product=plan.target)


def _unite_names(plan):
    source, target = plan.source, plan.target
    known = set(target.aliases.values_list("key", flat=True)) | {target.search_text}
    for alias in source.aliases.all():
        if alias.key not in known:
            known.add(alias.key)
            ProductAlias.objects.filter(pk=alias.pk).update(product=target)
    alias = ProductAlias.objects.create(product=target, name=source.name)
    alias.refresh_from_db(fields=["key"])
    if alias.key in known:
        alias.delete()


def _keep_what_the_target_lacks(source, target):
    target.barcode, barcode = target.barcode or source.barcode, source.barcode
    if barcode:
        Product.objects.filter(pk=source.pk).update(barcode=None)  # one product of a bar code
    target.category_id = target.category_id or source.category_id
    target.is_verified = target.is_verified or source.is_verified
    target.is_unit_fixed = target.is_unit_fixed or source.is_unit_fixed
    target.save(update_fields=["barcode", "category", "is_verified", "is_unit_fixed"])
