"""Starting a run, moving it from state to state, and ending it."""

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access import get_membership, lock_group
from accounts.models import Group, Membership
from bids import states
from bids.access import lock_run_led
from bids.models import Bid, Participation, Run, ShoppingItem
from bids.states import RunState
from bulq.kit.dates import format_day
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.locks import locked
from bulq.kit.zones import database_now
from stores.models import Store

from .closing import COLUMNS, NO_CLOSING, closing_event, put_closing
from .history import happened, record


@transaction.atomic
def start_run(group, *, store, by, day=None, note="", closing=NO_CLOSING, again_of=None, brings_list=False):
    """Start collecting for a trip to `store`; the starter leads. It may be one of a past run again (`again_of`).

    Refused in an archived group, at a store of another currency, with too many open runs, or with a closing time that
    has passed. Fixes the currency of group and store.
    """
    group = lock_group(group.pk)
    get_membership(by, group.pk)
    store = locked(Store.objects.all(), pk=store.pk)
    _check_room(group)
    if group.currency != store.currency:
        raise BulqError(
            _("%(store)s sells in %(theirs)s, but this group uses %(ours)s. Choose a store with the same currency.")
            % {"store": store.name, "theirs": store.currency, "ours": group.currency},
            field="store",
        )
    Group.objects.filter(pk=group.pk).update(is_currency_fixed=True)
    Store.objects.filter(pk=store.pk).update(is_currency_fixed=True)
    number = _free_number(group, store.pk, day)
    again = {"again_of": again_of, "brings_list": bool(again_of) and brings_list}
    run = Run(group=group, store=store, leader=by, day=day, number=number, note=note, **again)
    put_closing(run, closing)
    run.save()
    Participation.objects.create(run=run, user=by)
    record(run, happened("run_started"), by=by)
    return run


def _free_number(group, store_id, day):
    """The next number among the locked group's runs with the same name."""
    most = group.runs.filter(store=store_id, day=day).aggregate(most=Max("number"))["most"]
    return (most or 0) + 1


def _check_room(group):
    if group.archived_at:
        raise BulqError(_("This group is archived. No new run can be started in it."))
    if group.runs.open().count() >= settings.OPEN_RUNS_PER_GROUP:
        raise BulqError(_("This group already has as many open runs as it can have. Finish one first."))


@transaction.atomic
def edit_run(run, *, by, day, note, version):
    """Change day and note; `version` is the one the form showed."""
    group = lock_group(run.group_id)
    seen, run = version, lock_run_led(run, by=by)
    if not run.is_open:
        raise BulqError(_("This run has ended. Its day and note can no longer be changed."))
    if (day, note) == (run.day, run.note):
        return run
    if seen != details_version(run):
        now = format_day(run.day) if run.day else _("no day yet")
        raise ChangedMeanwhile(
            _("This was changed to: %(day)s, “%(note)s”. Save again to replace it with yours.")
            % {"day": now, "note": run.note}
        )
    if day != run.day:
        run.day, run.number = day, _free_number(group, run.store_id, day)
    run.note = note
    run.save(update_fields=["day", "number", "note"])
    record(run, happened("run_edited"), by=by)
    return run


def details_version(run):
    """The day and note that a form showed, to detect that they have changed since."""
    return f"{run.day or ''}|{run.note}"


def move_run(run, to, *, by, **data):
    """Write the state of a locked run, its time and its payer, and record the move; nothing else writes a state.

    `by` is None when the run closes by itself.
    Whether `by` may move it is checked before. Refused from a state that does not lead there: if two people move a run
    at once, one wins and the other is told the new state.
    """
    check_state(run, *(origin for origin, targets in states.TRANSITIONS.items() if to in targets))
    origin, run.state, run.state_at = run.state, to, timezone.now()
    if to in states.ENDED:
        run.lead_offered_to = run.lead_offered_by = None
    run.save(update_fields=["state", "state_at", "lead_offered_to", "lead_offered_by", "payer"])
    record(run, happened("run_moved", origin=origin, to=to, **data), by=by)


def check_state(run, *expected):
    """Refuse an action from a page that showed another state."""
    if run.state not in expected:
        raise ChangedMeanwhile(
            _("This run has moved on to “%(state)s”. Please reload the page.") % {"state": RunState(run.state).label}
        )


def still_choosing(run):
    """Participants with real bids who have not said that they are done, by name."""
    people = run.participations.current().filter(is_ready=False, bids__quantity__isnull=False)
    return [person.user for person in people.select_related("user").by_name().distinct()]


@transaction.atomic
def lock_list(run, *, by):
    """Nobody may change their order after this, until the leader unlocks the list."""
    run = lock_run_led(run, by=by)
    check_state(run, *states.COLLECTING)
    move_run(run, states.CONFIRMED, by=by, still_choosing=[user.name for user in still_choosing(run)])
    return run


@transaction.atomic
def unlock_list(run, *, by, closing=None):
    """Let people choose again. Past the closing time a new one has to be given, or that there is none."""
    run = lock_run_led(run, by=by)
    check_state(run, states.CONFIRMED)
    if closing is None and run.closes_at and run.closes_at <= database_now():
        raise BulqError(_("The closing time has passed. Choose a new one, or none."), field="closing_time")
    if closing is not None:
        put_closing(run, closing)
        run.save(update_fields=COLUMNS)
        record(run, closing_event(run), by=by)
    move_run(run, states.ACTIVE, by=by)
    return run


@transaction.atomic
def start_shopping(run, *, by):
    """Create the shopping list: one line for each product with a real order."""
    run = lock_run_led(run, by=by)
    check_state(run, states.CONFIRMED)
    wanted = set(Bid.objects.of_run(run).real().values_list("product_id", flat=True))
    if not wanted:
        raise BulqError(_("Nobody has ordered anything yet, so there is nothing to shop for."))
    move_run(run, states.SHOPPING, by=by)
    ShoppingItem.objects.bulk_create(ShoppingItem(run=run, product_id=product) for product in sorted(wanted))
    return run


def lock_run_to_reopen(run, *, by):
    """Lock a run that may be over, its group first: once reopened, it counts as an open run of the group again."""
    group = lock_group(run.group_id)
    run = lock_run_led(run, by=by)
    if run.state == states.COMPLETED:
        _check_room(group)
    return run


def reopen_run(run, to, *, by):
    """Move a locked run back to an open state. People who have left the group since also leave the run."""
    former = run.participations.current().exclude(user__in=Membership.objects.filter(group=run.group_id).values("user"))
    former.update(left_at=timezone.now(), is_helper=False, is_ready=False)
    move_run(run, to, by=by)


@transaction.atomic
def call_off(run, *, by):
    """End a run for good. What was spent stays with the payer, and nobody owes anything."""
    run = lock_run_led(run, by=by)
    if run.state not in states.CAN_BE_CALLED_OFF and run.is_open:
        raise BulqError(_("The goods are being handed out, so the run can no longer be called off."))
    move_run(run, states.CANCELLED, by=by)
    return run


def take_part(run, user):
    """The person's part in a locked run, created at the first wish or revived for someone who comes back."""
    person, _made = Participation.objects.get_or_create(run=run, user=user)
    if person.left_at:
        person.left_at = None
        person.save(update_fields=["left_at"])
    return person


def drop_out(run, person, *, by):
    """End a person's part in a run before shopping: orders, roles and requests are dropped."""
    dropped = person.bids.count()
    person.bids.all().delete()
    mark_left(run, person)
    record(run, happened("left_run", subject=person.user, dropped=dropped), by=by, concerns=shoppers_of(run))


def shoppers_of(run):
    """Ids of the leader and the helpers."""
    helpers = run.participations.current().filter(is_helper=True).values_list("user_id", flat=True)
    return {run.leader_id, *helpers}


def mark_left(run, person):
    person.left_at, person.is_helper, person.is_ready = timezone.now(), False, False
    person.save(update_fields=["left_at", "is_helper", "is_ready"])
    if run.lead_offered_to_id == person.user_id:
        run.lead_offered_to = run.lead_offered_by = None
        run.save(update_fields=["lead_offered_to", "lead_offered_by"])


def is_member(run, user):
    return Membership.objects.filter(group=run.group_id, user=user).exists()
