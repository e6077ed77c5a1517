"""Who leads a run and who helps."""

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import Membership
from bids import states
from bids.access import lock_run, lock_run_led
from bids.models import Bid
from bulq.kit.errors import BulqError, ChangedMeanwhile, NotAllowed

from .history import happened, record
from .runs import is_member, move_run, take_part


@transaction.atomic
def set_helper(run, user, helps, *, by):
    """Make a member of the group a helper of an open run, or end that role. Idempotent."""
    run = lock_run_led(run, by=by)
    if not run.is_open:
        raise BulqError(_("This run has ended."))
    if not is_member(run, user):
        raise Http404
    if user.pk == run.leader_id:
        raise BulqError(_("You lead this run, so you can't be its helper."))
    person = run.participations.filter(user=user).first()
    if helps == bool(person and person.is_helper):
        return
    person = take_part(run, user)
    person.is_helper = helps
    person.save(update_fields=["is_helper"])
    record(run, happened("helper_named" if helps else "helper_ended", subject=user), by=by)


def may_offer_lead(run, user):
    """Whether the person may: the leader; from the shop on a group admin too, in case the leader does not."""
    if run.leader_id == user.pk:
        return True
    is_admin = Membership.objects.filter(group=run.group_id, user=user, is_admin=True).exists()
    return is_admin and run.state in states.FROM_THE_SHOP_ON


@transaction.atomic
def offer_lead(run, user, *, by):
    """Ask a participant to take over the lead; one request at a time."""
    run = lock_run(run, by=by)
    if not run.is_open:
        raise BulqError(_("This run has ended."))
    if not may_offer_lead(run, by):
        raise NotAllowed(_("Only %(leader)s can hand over the lead.") % {"leader": run.leader.name})
    if run.lead_offered_to_id:
        raise ChangedMeanwhile(
            _("%(name)s has already been asked. Withdraw that request first.") % {"name": run.lead_offered_to.name}
        )
    if user.pk == run.leader_id or not _takes_part(run, user):
        raise BulqError(_("Only someone who takes part in this run can be asked to lead it."))
    if user.pk == by.pk:
        raise BulqError(_("Ask someone else to lead this run: you can't give the lead to yourself."))
    run.lead_offered_to, run.lead_offered_by = user, by
    run.save(update_fields=["lead_offered_to", "lead_offered_by"])
    record(run, happened("lead_offered", subject=user), by=by)


@transaction.atomic
def withdraw_lead_offer(run, *, by):
    run = lock_run(run, by=by)
    if not run.lead_offered_to_id:
        raise ChangedMeanwhile(_("Nobody is being asked to take over the lead any more."))
    if by.pk not in (run.leader_id, run.lead_offered_by_id):
        raise NotAllowed(_("Only %(leader)s can withdraw this.") % {"leader": run.leader.name})
    subject = run.lead_offered_to
    _close_offer(run)
    record(run, happened("lead_offer_withdrawn", subject=subject), by=by)


@transaction.atomic
def decline_lead(run, *, by):
    run = _lock_run_offered_to(run, by)
    concerns = {run.leader_id, run.lead_offered_by_id}
    _close_offer(run)
    record(run, happened("lead_declined"), by=by, concerns=concerns)


@transaction.atomic
def accept_lead(run, *, by):
    """Swap the roles; the payer stays the same, so that no debt moves."""
    run = _lock_run_offered_to(run, by)
    offered_by, before = run.lead_offered_by, run.leader
    if not _takes_part(run, by) or not may_offer_lead(run, offered_by):
        raise ChangedMeanwhile(_("This can no longer be accepted."))
    run.participations.filter(user=by).update(is_helper=False)
    run.leader = by
    run.lead_offered_to = run.lead_offered_by = None
    run.save(update_fields=["leader", "lead_offered_to", "lead_offered_by"])
    record(run, happened("lead_accepted", subject=before), by=by, concerns={offered_by.pk})
    if run.state == states.PLANNING and Bid.objects.of_run(run).exclude(participation__user=by).exists():
        # The former leader's orders now count as someone else's.
        move_run(run, states.ACTIVE, by=by)


def _lock_run_offered_to(run, user):
    run = lock_run(run, by=user)
    if run.lead_offered_to_id != user.pk:
        raise ChangedMeanwhile(_("You are no longer being asked to lead this run."))
    return run


def _takes_part(run, user):
    return is_member(run, user) and run.participations.current().filter(user=user).exists()


def _close_offer(run):
    run.lead_offered_to = run.lead_offered_by = None
    run.save(update_fields=["lead_offered_to", "lead_offered_by"])
