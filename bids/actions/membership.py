"""What happens in a group's runs when a person leaves, is removed or comes back, or the group is archived."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import lock_group
from accounts.actions import groups
from bids import states
from bids.access import lock_run
from bids.models import Run
from bids.reading.money import nets_of
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.locks import busy_when_locked
from bulq.kit.money import format_money
from bulq.kit.names import listed

from .history import happened, record
from .runs import drop_out, mark_left, move_run, shoppers_of
from .stretch import LastStretch


def end_part_in_runs(membership, *, by):
    """Remove the person from runs before shopping, calling off those they lead; keep bids and debts in the others.

    Refused while they lead a run from the shop on. Locks every open run of the group, so that no order can slip in;
    called inside the transaction that ends the membership.
    """
    user = membership.user
    open_runs = Run.objects.open().filter(group=membership.group).order_by("pk")
    with busy_when_locked():
        runs = list(open_runs.select_for_update(of=("self",), no_key=True))
    for run in runs:
        if run.leader_id == user.pk:
            if run.state not in states.BEFORE_THE_SHOP:
                raise BulqError(_hand_over_first(run))
            move_run(run, states.CANCELLED, by=by)
        elif person := run.participations.current().filter(user=user).select_related("user").first():
            if run.state in states.BEFORE_THE_SHOP:
                drop_out(run, person, by=by)
            else:
                mark_left(run, person)
                record(run, happened("left_group", subject=user), by=by, concerns=shoppers_of(run))
        if run.is_open and run.lead_offered_by_id == user.pk:
            run.lead_offered_to = run.lead_offered_by = None
            run.save(update_fields=["lead_offered_to", "lead_offered_by"])


def what_follows(membership):
    """Sentences about what ending the membership would do, for the confirmation page; refused if ending it would be."""
    user, sentences = membership.user, []
    runs = Run.objects.open().filter(group=membership.group).select_related("store").order_by("pk")
    parts = {person.run_id: person for person in user.participations.current().filter(run__in=runs)}
    for run in runs:
        if run.leader_id == user.pk:
            if run.state not in states.BEFORE_THE_SHOP:
                raise BulqError(_hand_over_first(run))
            sentences.append(_("%(run)s: led by %(name)s, it will be called off.") % {"run": run, "name": user.name})
        elif run.pk in parts and run.state in states.BEFORE_THE_SHOP:
            sentences.append(_dropped(run, parts[run.pk].bids.count()))
        elif run.pk in parts:
            sentences.append(_("%(run)s: the order stays, and its cost is still owed.") % {"run": run})
    for net in nets_of(user):
        if net.group == membership.group and net.balance:
            values = {"name": net.person.name, "amount": format_money(net.owes or net.gets, net.currency)}
            owes, gets = _("%(amount)s is still owed to %(name)s."), _("%(name)s still owes %(amount)s.")
            sentences.append((owes if net.owes else gets) % values)
    return sentences


def _dropped(run, count):
    text = ngettext(
        "%(run)s: the order for %(count)s product is dropped.",
        "%(run)s: the order for %(count)s products is dropped.",
        count,
    )
    return text % {"run": run, "count": count}


def _hand_over_first(run):
    return _("%(run)s: shopping has started, so its lead has to be handed over first.") % {"run": run}


@transaction.atomic
def leave_run(run, *, by):
    """Stop taking part while the run is collecting; the person's orders are dropped."""
    run = lock_run(run, by=by)
    if not run.is_collecting:
        raise BulqError(_("The list is locked. Ask %(leader)s to change your order.") % {"leader": run.leader.name})
    if run.leader_id == by.pk:
        raise BulqError(_("You lead this run. Hand over the lead first, or call the run off."))
    person = run.participations.current().filter(user=by).first()
    if person is None:
        raise ChangedMeanwhile(_("You are not taking part in this run."))
    check_packs_stay_full(run, person, by=by)
    drop_out(run, person, by=by)


def check_packs_stay_full(run, person, *, by):
    bids = list(person.bids.real().select_related("product"))
    stretch = LastStretch(run, [bid.product_id for bid in bids], by=by)
    emptier = [bid.product for bid in bids if stretch.problems(bid.product, bid, None, None)]
    if emptier:
        text = _("Only full packs from now on, and without you these would not be full: %(names)s. Ask %(leader)s.")
        raise BulqError(text % {"names": listed(emptier), "leader": run.leader.name})


def revive_part_in_runs(membership):
    """Someone rejoined the group: they take part again in the runs that kept their order."""
    came_back = membership.user.participations.filter(
        run__group=membership.group, run__state__in=states.FROM_THE_SHOP_ON, left_at__isnull=False
    )
    came_back.update(left_at=None)


@transaction.atomic
def archive_group(group, *, by):
    """Archive a group, locked so that no run can start. Refused while one is open."""
    lock_group(group.pk)
    if group.runs.open().exists():
        raise BulqError(_("This group has open runs. Finish them or call them off first."))
    groups.archive_group(group.pk, by=by)
