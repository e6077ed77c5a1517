"""What people receive, what it costs them, and what they have paid."""

from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import lock_group
from accounts.models import Membership
from bids import states
from bids.access import lock_part, lock_run, lock_run_led, lock_run_shopped
from bids.models import Allocation, Bid, ExtraCost, ExtraShare, Participation, Purchase, Split
from bids.models.distribution import THE_DIFFERENCE
from bids.reading.division import Division, division_of
from bids.reading.lines import lines_of
from bids.reading.sums import owed_by_person
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed
from bulq.kit.money import MAX_AMOUNT, format_money
from bulq.kit.names import listed
from stores.actions.prices import correct_price, record_price, retract_price

from .history import happened, record
from .marks import mark_in_run, unmark_in_run


def allocate(run, lines):
    """Store what everyone receives of every bought line, and what it costs them."""
    Allocation.objects.filter(item__run=run).delete()
    division = Division(run, lines)
    check_discounts(run, sum(division.goods.values(), Decimal(0)))
    check_totals(run, division)
    for line in division.lines:
        _allocate_line(line, division)
    _write_extra_shares(run, division)


def _allocate_line(line, division):
    bids = {bid.participation_id: bid for bid in line.bids}
    quantities, costs = division.quantities[line.item.pk], division.costs[line.item.pk]
    left_over = {division.leader: division.left_over[line.item.pk]}
    for person in quantities.keys() - bids.keys():
        # What nobody took falls to the leader: a Maybe becomes real, or a bid is created.
        bids[person], _made = Bid.objects.update_or_create(
            participation_id=person, product=line.product, defaults={"quantity": quantities[person]}
        )
    Allocation.objects.bulk_create(
        Allocation(
            bid=bids[person],
            item=line.item,
            quantity=quantity,
            cost=costs[person],
            left_over=left_over.get(person, Decimal(0)),
        )
        for person, quantity in quantities.items()
    )


def _write_extra_shares(run, division):
    people = list(run.participations.all())
    for person in people:
        person.extra_share = division.extras.get(person.pk, Decimal(0))
    Participation.objects.bulk_update(people, ["extra_share"])
    ExtraShare.objects.filter(participation__run=run).delete()
    ExtraShare.objects.bulk_create(
        ExtraShare(participation_id=person, how=how, amount=amount)
        for person, parts in division.parts.items()
        for how, amount in parts.items()
        if amount
    )


def split_costs(run):
    """Split every line's total and the extra costs again; what people receive stays the same."""
    allocations = list(Allocation.objects.filter(item__run=run).select_related("bid"))
    division = division_of(run, lines_of(run))
    check_discounts(run, sum(division.goods.values(), Decimal(0)))
    check_totals(run, division)
    for allocation in allocations:
        allocation.cost = division.costs[allocation.item_id][allocation.bid.participation_id]
    Allocation.objects.bulk_update(allocations, ["cost"])
    _write_extra_shares(run, division)


def check_discounts(run, goods, more=Decimal(0)):
    discount = -(run.extra_costs.filter(amount__lt=0).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)) + more
    if discount > goods:
        raise BulqError(
            _("The discounts come to %(discount)s, more than the goods at %(goods)s. Correct them first.")
            % {"discount": format_money(discount, run.currency), "goods": format_money(goods, run.currency)},
            field="amount",
        )


def check_totals(run, division):
    """Refuse a discount that takes someone below zero, naming them and the most that goes."""
    if not (people := division.below_zero()):
        return
    names = run.participations.filter(pk__in=people).by_name().values_list("user__name", flat=True)
    values = {"names": listed(names)}
    for cost in reversed(division.extra_costs):
        if cost.amount < 0 and (most := division.most_of(cost)) is not None:
            values |= {"label": cost.title, "most": format_money(most, run.currency)}
            text = ngettext(
                "%(names)s would pay less than nothing. “%(label)s” can take off at most %(most)s.",
                "%(names)s would each pay less than nothing. “%(label)s” can take off at most %(most)s.",
                len(people),
            )
            raise BulqError(text % values, field="amount")
    text = ngettext(
        "%(names)s would pay less than nothing. Lower the discounts first.",
        "%(names)s would each pay less than nothing. Lower the discounts first.",
        len(people),
    )
    raise BulqError(text % values, field="amount")


def check_total(run, more, *, field):
    spent = Purchase.objects.filter(item__run=run).aggregate(sum=Sum("total"))["sum"] or 0
    extra = run.extra_costs.filter(amount__gt=0).aggregate(sum=Sum("amount"))["sum"] or 0
    if spent + extra + more > MAX_AMOUNT:
        most = format_money(MAX_AMOUNT, run.currency)
        raise BulqError(_("A run can cost at most %(most)s.") % {"most": most}, field=field)


def follow_with_price(purchase, run, *, by):
    """Bring the price observation of a purchase in line with it; a gift has none."""
    if purchase.price and not purchase.total:
        retract_price(purchase.price)
        purchase.price = None
    elif purchase.price:
        correct_price(purchase.price, amount=purchase.total, quantity=purchase.quantity)
    elif purchase.total:
        purchase.price = record_price(
            purchase.item.product,
            run.store,
            amount=purchase.total,
            quantity=purchase.quantity,
            by=by,
            is_of_purchase=True,
        )


@transaction.atomic
def correct_total(purchase, total, *, was, by):
    """Correct what a purchase cost, after the shop: costs are split again, marked payments keep their amounts."""
    run = lock_run_led(purchase.item.run, by=by)
    if run.state not in (states.ADJUSTING, states.DISTRIBUTING):
        raise ChangedMeanwhile(_("Totals can only be corrected between the shop and the end of the hand-out."))
    purchase = lock_part(Purchase.objects.select_related("item__product", "price"), pk=purchase.pk, item__run=run)
    if purchase.total != was:
        raise ChangedMeanwhile(
            _("Someone has corrected it to %(now)s.") % {"now": format_money(purchase.total, run.currency)}
        )
    if total == was:
        return
    check_total(run, total - was, field="total")
    purchase.total = total
    follow_with_price(purchase, run, by=by)
    purchase.save(update_fields=["total", "price"])
    concerns = split_again(run) or _wanting(run, purchase.item.product)
    event = happened("total_corrected", product=purchase.item.product, total=total, was=was)
    record(run, event, by=by, concerns=concerns)


def _wanting(run, product):
    return set(Bid.objects.of_run(run).real().filter(product=product).values_list("participation__user_id", flat=True))


@transaction.atomic
def add_extra_cost(run, *, label, amount, by, how=Split.VALUE, person=None):
    """A deposit, fuel or a discount (below zero); `person`, a user, pays all of it if it is for one person."""
    run = _lock_for_extra_costs(run, by)
    part = None
    if how == Split.PERSON and (part := run.participations.current().filter(user=person).first()) is None:
        raise BulqError(_("Choose someone in this run."), field="person")
    cost = _store_extra_cost(run, label=label, amount=amount, how=how, person=part, added_by=by)
    kinds = {Split.VALUE: "extra_added", Split.EQUAL: "extra_added_equally", Split.PERSON: "extra_added_for"}
    event = happened(kinds[Split(how)], subject=person if part else None, label=label, amount=amount)
    record(run, event, by=by, concerns=split_again(run))
    return cost


def add_difference(run, amount, *, by):
    """Split the difference to the receipts among all, in a locked run."""
    cost = _store_extra_cost(run, label=THE_DIFFERENCE, amount=amount, is_difference=True, added_by=by)
    record(run, happened("difference_split", amount=amount), by=by, concerns=split_again(run))
    return cost


def _store_extra_cost(run, *, amount, **values):
    if amount < 0:
        goods = Purchase.objects.filter(item__run=run).aggregate(sum=Sum("total"))["sum"] or Decimal(0)
        check_discounts(run, goods, more=-amount)
    else:
        check_total(run, amount, field="amount")
    return ExtraCost.objects.create(run=run, amount=amount, **values)


@transaction.atomic
def remove_extra_cost(cost, *, by):
    run = _lock_for_extra_costs(cost.run, by)
    cost = lock_part(ExtraCost.objects.all(), pk=cost.pk, run=run)
    cost.delete()
    concerns = split_again(run)
    label = "" if cost.is_difference else cost.label  # words of ours are not kept
    record(run, happened("extra_removed", label=label, amount=cost.amount), by=by, concerns=concerns)


def _lock_for_extra_costs(run, by):
    run = lock_run_shopped(run, by=by)
    if run.state not in states.FROM_THE_SHOP_ON:
        raise ChangedMeanwhile(_("Extra costs can only be entered from the shop to the end of the hand-out."))
    return run


def split_again(run):
    """Split the costs again once there are allocations. Returns the ids of people whose debt has changed."""
    if run.state not in states.WITH_ALLOCATIONS:
        return set()
    before = owed_by_person(run)
    split_costs(run)
    changed = [part for part, owed in owed_by_person(run).items() if owed != before[part]]
    return set(run.participations.filter(pk__in=changed).values_list("user_id", flat=True))


def may_mark_paid(run, user):
    """The payer and the leader; a group admin in place of a payer who has left the group."""
    if user.pk in (run.payer_id, run.leader_id):
        return True
    members = dict(Membership.objects.filter(group=run.group_id).values_list("user_id", "is_admin"))
    return run.payer_id not in members and members.get(user.pk, False)


@transaction.atomic
def set_paid(run, user, paid, *, owed, by):
    """Mark that a person has paid what the page showed as owed, or take their marks of this run back.

    A mark is a payment, confirmed at once: it keeps its amount. What is said to be on its way is not marked again.
    """
    lock_group(run.group_id)
    run = lock_run(run, by=by)
    if run.state not in states.WITH_ALLOCATIONS:
        raise ChangedMeanwhile(_("Payments can be marked once the hand-out has started."))
    if not may_mark_paid(run, by):
        raise NotAllowed(_("Only %(payer)s, who paid, can mark this.") % {"payer": run.payer.name})
    person = lock_part(Participation.objects.select_related("user"), run=run, user=user)
    now = owed_by_person(run)[person.pk]
    if user.pk == run.payer_id or (paid and not now and not person.paid_amount):
        raise BulqError(_("%(name)s owes nothing in this run.") % {"name": person.user.name})
    if not paid:
        if person.paid_amount and not unmark_in_run(person, by=by):
            text = _("This was paid together with other runs. %(payer)s can undo that on the page Money.")
            raise BulqError(text % {"payer": run.payer.name})
        return
    if now != owed:
        raise ChangedMeanwhile(
            _("The amount has changed to %(now)s in the meantime.") % {"now": format_money(now, run.currency)}
        )
    mark_in_run(run, person, by=by)
