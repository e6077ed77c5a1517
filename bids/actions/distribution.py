"""Sorting out what differs, handing out, and who owes what."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bids import states
from bids.access import for_the_leader, lock_run, lock_run_led, lock_run_shopped
from bids.models import Allocation, Bid, ExtraShare, Purchase
from bids.reading.division import Division
from bids.reading.lines import lines_of
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.money import format_quantity
from bulq.kit.names import listed
from bulq.kit.units import with_unit

from .costs import allocate
from .history import happened, record
from .marks import free_parts
from .receipts import check_receipts
from .runs import check_state, lock_run_to_reopen, move_run, reopen_run

NOT_IN_RUN = gettext_lazy("Only people in this run can take something.")


def sort_out_problems(line, product, was, quantity):
    """Sentences about why what someone takes (`taken_of`) may not become `quantity` while sorting out.

    A shortage only allows lowering, by up to what is short; a surplus only raising, by up to what is left.
    """
    if line is None or not line.is_bought:
        return [_("None of this was bought, so there is nothing to sort out.")]
    if quantity % product.grain:
        return [_("%(product)s is counted: enter a whole number.") % {"product": product.name}]
    change = quantity - was
    if change and line.matches:
        return [_("This already matches what was bought.")]
    if line.shortage and not -line.shortage <= change <= 0:
        return [_("There is not enough: you can take up to %(much)s less.") % _much(line, line.shortage)]
    if line.surplus and not 0 <= change <= line.surplus:
        return [_("There is too much: you can take up to %(much)s more.") % _much(line, line.surplus)]
    return []


def taken_of(line, bid):
    """What sorting out starts from: the quantity, but where too much came, all that is fine with the person."""
    if bid is None or bid.quantity is None:
        return Decimal(0)
    return bid.most if line and line.surplus else bid.quantity


def _much(line, quantity):
    return {"much": with_unit(quantity, line.product.unit)}


def sorting_refusal(run, line, person, *, is_maybe, by):
    """Why `by` may not change what a participant takes of a line at all; None if they may.

    The leader may for everyone, but for people who left there is nothing to raise. Whoever has said Maybe to it
    (`is_maybe`) waits for the leader.
    """
    leads = run.leader_id == by.pk
    if person.user_id != by.pk and not leads:
        return for_the_leader(run)
    if person.left_at and line and line.surplus:
        return BulqError(NOT_IN_RUN)
    if is_maybe and not leads:
        return BulqError(_("You said Maybe to this. %(leader)s can give you some.") % {"leader": run.leader.name})
    return None


@transaction.atomic
def sort_out(run, product, quantity, *, was, by, whose=None):
    """Change a participant's amount of a bought product to match what was bought; 0 gives it up.

    `was` is the quantity that the page showed. What the leader changes for others is recorded with their name.
    """
    run, whose = lock_run(run, by=by), whose or by
    if run.state != states.ADJUSTING:
        raise ChangedMeanwhile(_("Not saved. There is nothing to sort out in this run now."))
    person = run.participations.filter(user=whose).first()
    line = next((line for line in lines_of(run) if line.product == product), None)
    bid = Bid.objects.filter(participation=person, product=product).first()
    now = taken_of(line, bid)
    if person is None:
        raise BulqError(NOT_IN_RUN)
    if refusal := sorting_refusal(run, line, person, is_maybe=bool(bid) and bid.quantity is None, by=by):
        raise refusal
    if was != now and quantity != now:
        raise ChangedMeanwhile(
            _("This was changed to %(now)s. Check it, then save again.") % {"now": format_quantity(now)}
        )
    problems = sort_out_problems(line, product, now, quantity)
    if problems:
        raise BulqError(problems[0])
    if quantity == now:
        return
    if quantity == 0:
        bid.delete()
    else:
        # Who lowers an amount takes less from then on; who raises it has passed their limit.
        limit = bid.limit if bid and line.shortage else None
        values = {"quantity": quantity, "limit": limit, "all_or_nothing": False}
        Bid.objects.update_or_create(participation=person, product=product, defaults=values)
    subject = whose if whose != by else None
    record(run, happened("sorted_out", subject=subject, product=product, quantity=quantity, was=now), by=by)


@transaction.atomic
def finish_sorting(run, *, by):
    """Start the hand-out. Refused, naming them, while lines still differ."""
    run, lines = lock_run_led(run, by=by), lines_of(run)
    check_state(run, states.ADJUSTING)
    differing = [line.product.name for line in lines if line.to_decide]
    if differing:
        raise BulqError(_("Still to sort out: %(names)s.") % {"names": listed(differing)})
    check_receipts(run)
    move_run(run, states.DISTRIBUTING, by=by)
    allocate(run, lines)
    return run


@transaction.atomic
def force_hand_out(run, *, seen, by):
    """Divide what still differs as in the preview; `seen` is the preview's fingerprint."""
    run, lines = lock_run_led(run, by=by), lines_of(run)
    check_state(run, states.ADJUSTING)
    if seen != Division(run, lines).fingerprint():
        raise ChangedMeanwhile(_("Something has changed since this preview was made. Here is the new one."))
    check_receipts(run)
    forced = [line.product.name for line in lines if line.to_decide]
    move_run(run, states.DISTRIBUTING, by=by, forced=forced)
    allocate(run, lines)
    return run


@transaction.atomic
def back_to_shopping(run, *, by):
    """Back to the shop: from sorting out, from a hand-out of which nothing is picked up, or when nothing was bought.

    What was paid becomes credit with whoever received it.
    """
    run = lock_run_to_reopen(run, by=by)
    check_state(run, states.ADJUSTING, states.DISTRIBUTING, states.COMPLETED)
    picked_up = Allocation.objects.filter(item__run=run, picked_up_at__isnull=False).exists()
    if run.state == states.DISTRIBUTING and picked_up:
        raise BulqError(_("Something has already been picked up, so the run can't go back to the shop."))
    if run.state == states.COMPLETED and Purchase.objects.filter(item__run=run).exists():
        raise BulqError(_("Something was bought, so the run can only go back to the hand-out."))
    freed = free_parts(run)
    reopen_run(run, states.SHOPPING, by=by)
    if freed:
        record(run, *freed, by=by, concerns={run.payer_id})
    Allocation.objects.filter(item__run=run).delete()
    ExtraShare.objects.filter(participation__run=run).delete()
    run.participations.update(extra_share=0)
    run.difference_taken = None  # amounts may change, and who pays
    run.save(update_fields=["difference_taken"])
    return run


def not_picked_up(run):
    """Allocations not picked up yet; the payer's and the leader's own count as picked up."""
    waiting = Allocation.objects.filter(item__run=run, picked_up_at=None)
    return waiting.exclude(bid__participation__user__in=[run.payer_id, run.leader_id])


@transaction.atomic
def complete(run, *, waiting, by):
    """End the hand-out; `waiting` is how many things the page named as not picked up (they stay owed)."""
    run = lock_run_led(run, by=by)
    check_state(run, states.DISTRIBUTING)
    left = list(not_picked_up(run).select_related("bid__product", "bid__participation__user").order_by("pk"))
    if len(left) != waiting:
        raise ChangedMeanwhile(_("Something was picked up or put back in the meantime. Check again, then finish."))
    names = [f"{allocation.bid.product.name} ({allocation.bid.participation.user.name})" for allocation in left]
    move_run(run, states.COMPLETED, by=by, not_collected=names)
    return run


@transaction.atomic
def reopen_hand_out(run, *, by):
    run = lock_run_to_reopen(run, by=by)
    check_state(run, states.COMPLETED)
    if not Purchase.objects.filter(item__run=run).exists():
        raise BulqError(_("Nothing was bought in this run, so there is nothing to hand out."))
    reopen_run(run, states.DISTRIBUTING, by=by)
    return run


@transaction.atomic
def set_picked_up(run, allocations, picked_up, *, by):
    """Mark things as picked up, or unmark them. Idempotent."""
    run = lock_run_shopped(run, by=by)
    if run.state != states.DISTRIBUTING:
        raise ChangedMeanwhile(_("You can only mark items during the hand-out."))
    rows = Allocation.objects.select_related("bid__product", "bid__participation__user")
    rows = list(rows.filter(pk__in=[allocation.pk for allocation in allocations], item__run=run).order_by("pk"))
    changed = [allocation for allocation in rows if bool(allocation.picked_up_at) != picked_up]
    for allocation in changed:
        allocation.picked_up_at, allocation.picked_up_by = (timezone.now(), by) if picked_up else (None, None)
    Allocation.objects.bulk_update(changed, ["picked_up_at", "picked_up_by"])
    kind = "picked_up" if picked_up else "not_picked_up"
    events = [
        happened(
            kind,
            subject=allocation.bid.participation.user,
            product=allocation.bid.product,
            quantity=allocation.quantity,
        )
        for allocation in changed
    ]
    if events:
        record(run, *events, by=by)
