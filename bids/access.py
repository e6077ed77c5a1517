"""The only way to a run and its parts. What a person may not see is a 404."""

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.models import Group, Membership, User
from bulq.kit import snapshot
from bulq.kit.errors import ChangedMeanwhile, NotAllowed
from bulq.kit.locks import busy_when_locked, locked
from bulq.kit.prepared import prepared

from .models import ExtraCost, Notification, Participation, Payment, Purchase, Receipt, Run, ShoppingItem

RUN_WITH = ("group", "store", "leader", "payer")


def get_run(user, run_id):
    return get_object_or_404(Run.objects.visible_to(user).select_related(*RUN_WITH), pk=run_id)


def get_run_to_show(user, run_id):
    """The run of a page that is about to be made.

    Everything read afterwards is consistent: a GET has its snapshot, and while a form is answered the run is locked.
    """
    if snapshot.is_open():
        rows = _rows_to_show(user.pk, run_id)
    else:
        with busy_when_locked():
            rows = _rows_to_lock_and_show(user.pk, run_id)
    return _first(rows)


def _first(rows):
    if not rows:
        raise Http404
    return rows[0]


@prepared
def _rows_to_show(user, run):
    return Run.objects.visible_to(user).filter(pk=run).select_related(*RUN_WITH, "lead_offered_to", "lead_offered_by")


@prepared
def _rows_to_lock_and_show(user, run):
    runs = Run.objects.visible_to(user).filter(pk=run)
    runs = runs.select_related(*RUN_WITH, "lead_offered_to", "lead_offered_by")
    return runs.select_for_update(of=("self",), no_key=True)


def get_run_led_by(user, run_id):
    run = get_run(user, run_id)
    check_leads(run, user)
    return run


def get_run_shopped_by(user, run_id):
    run = get_run(user, run_id)
    check_shops(run, user)
    return run


def get_item(run, item_id):
    return get_object_or_404(ShoppingItem.objects.select_related("product"), run=run, pk=item_id)


def get_purchase(run, purchase_id):
    purchases = Purchase.objects.select_related("item__product", "price")
    return get_object_or_404(purchases, item__run=run, pk=purchase_id)


def get_participation(run, user_id):
    return get_object_or_404(Participation.objects.select_related("user"), run=run, user_id=user_id)


def get_extra_cost(run, cost_id):
    return get_object_or_404(ExtraCost, run=run, pk=cost_id)


def get_receipt(run, receipt_id):
    return get_object_or_404(Receipt, run=run, pk=receipt_id)


def get_companion(user, group_id, person_id):
    """A group and another person of it, now or in one of its runs; the reader too is or was in it."""
    group = get_object_or_404(Group, pk=group_id)
    person = get_object_or_404(User, pk=person_id)
    if not all(_is_or_was_in(group, someone) for someone in (user, person)):
        raise Http404
    return group, person


def _is_or_was_in(group, user):
    was = Participation.objects.filter(run__group=group, user=user).exists()
    return was or Membership.objects.filter(group=group, user=user).exists()


def get_payment(user, payment_id):
    payments = Payment.objects.of(user).select_related("group", "sender", "receiver")
    return get_object_or_404(payments, pk=payment_id)


def get_notification(user, notification_id):
    return get_object_or_404(Notification.objects.shown_to(user).select_related("event", "entry"), pk=notification_id)


def lock_run(run, *, by):
    """The run as it is now, locked until the end of the transaction.

    The right to see it is looked up again under the lock: leaving a group takes the lock of its open runs first.
    """
    with busy_when_locked():
        row = _first(_rows_to_lock(run.pk))
    _first(_membership(row.group_id, by.pk))
    return row


@prepared
def _rows_to_lock(run):
    return Run.objects.filter(pk=run).select_related(*RUN_WITH).select_for_update(of=("self",), no_key=True)


@prepared
def _membership(group, user):
    return Membership.objects.filter(group=group, user=user).values_list("pk")


def lock_run_led(run, *, by):
    run = lock_run(run, by=by)
    check_leads(run, by)
    return run


def lock_run_shopped(run, *, by):
    run = lock_run(run, by=by)
    check_shops(run, by)
    return run


def lock_part(rows, **lookup):
    """A row within a locked run. If it has been deleted, that is a refusal (409), not a 404."""
    try:
        return locked(rows, **lookup)
    except ObjectDoesNotExist:
        raise ChangedMeanwhile(_("Someone has removed this. Please check again.")) from None


def check_leads(run, user):
    if run.leader_id != user.pk:
        raise for_the_leader(run)


def for_the_leader(run):
    """The refusal of what only the leader can do."""
    return NotAllowed(_("Only %(leader)s, who leads this run, can do that.") % {"leader": run.leader.name})


def check_shops(run, user):
    if not shops(run, user):
        raise NotAllowed(_("Only the leader and the helpers of this run can do that."))


def shops(run, user):
    return run.leader_id == user.pk or run.participations.filter(user=user, is_helper=True).exists()
