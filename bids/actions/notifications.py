"""Who is notified of what, and what they have read."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Membership, User
from bids import states
from bids.models import Notification
from bids.reading.history import KINDS
from bulq.kit.later import hand_over
from bulq.kit.live import announce


def notify(run, events, *, by, concerns=()):
    """Notify the people that recorded events concern, `concerns` (ids) with them: members of the group, never `by`.

    Only the newest of several unread notifications about the same thing is kept. Called under the lock of the run.
    """
    actor = {by.pk} if by else set()
    concerned = {event: people for event in events if (people := (_concerned(run, event) | set(concerns)) - actor)}
    if not concerned:
        return
    members = Membership.objects.filter(group=run.group_id, user__in=set().union(*concerned.values()))
    members = set(members.values_list("user_id", flat=True))
    rows = []
    for event, people in concerned.items():
        older = Notification.objects.unread().filter(user__in=people & members, event__run=run)
        older.about_the_same(event).delete()
        rows += [Notification(user_id=user, event=event) for user in sorted(people & members)]
    create(rows)


def create(rows):
    """Save notifications, and tell open pages and the worker."""
    Notification.objects.bulk_create(rows)
    for user in sorted({row.user_id for row in rows}):
        announce(f"user:{user}")
    if User.objects.mailed().filter(pk__in=[row.user_id for row in rows]).exists():
        hand_over("bids.tasks.mail_at_once")


def _concerned(run, event):
    """Ids of the people whom its kind always notifies, including those who have left the group since."""
    if event.kind == "run_started":
        return set(Membership.objects.filter(group=run.group_id).values_list("user_id", flat=True))
    if event.kind == "run_moved":
        if (event.data["origin"], event.data["to"]) == (states.PLANNING, states.ACTIVE):
            return set()  # people know only one state of collecting
        return set(run.participations.current().values_list("user_id", flat=True))
    return {event.subject_id} if event.subject_id and KINDS[event.kind].to_subject else set()


def notify_of_entry(entry, people):
    """Tell people of a step of a payment, or remind them; an unread older step of the payment says nothing more.

    They are told whether or not they are still in the group, unless their account is closed.
    """
    people = [person for person in people if person.is_active]
    if entry.payment_id:
        Notification.objects.unread().filter(user__in=people, entry__payment=entry.payment_id).delete()
    create([Notification(user=person, entry=entry) for person in people])


def notify_removed(membership, *, by):
    """Tell a person that they were removed from a group."""
    create([Notification(user=membership.user, group=membership.group, actor=by)])


@transaction.atomic
def mark_read(notifications, *, by):
    """Mark this person's unread ones among `notifications` as read."""
    if notifications.filter(user=by).unread().update(read_at=timezone.now()):
        announce(f"user:{by.pk}")


def forget_old():
    """Delete notifications read long ago. Returns how many."""
    old = timezone.now() - timedelta(days=settings.NOTIFICATIONS_KEPT_DAYS)
    return Notification.objects.filter(read_at__lt=old).delete()[0]
