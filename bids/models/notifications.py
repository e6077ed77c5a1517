from django.conf import settings
from django.db import models

from accounts.models import Group, Membership

from .events import Event
from .payments import JournalEntry

# A newer event of these kinds replaces an older one, whoever the actor: there is one state, one day, one
# closing time, one total.
SUPERSEDED = {"run_moved", "run_edited", "closing_set", "closing_soon", "total_corrected"}


class NotificationQuerySet(models.QuerySet):
    def shown_to(self, user):
        """The person's own; of a group they have left only that they were removed, and payments."""
        groups = Membership.objects.filter(user=user).values("group")
        return self.filter(user=user).filter(models.Q(event=None) | models.Q(event__run__group__in=groups))

    def unread(self):
        return self.filter(read_at=None)

    def about_the_same(self, event):
        """Notifications that a newer `event` of the run replaces: same kind, person, product and label.

        If the event has no subject, the actor has to be the same too.
        """
        same = self.filter(event__kind=event.kind, event__product=event.product, event__subject=event.subject)
        if label := event.data.get("label"):
            same = same.filter(event__data__label=label)
        return same if event.kind in SUPERSEDED or event.subject_id else same.filter(event__actor=event.actor)

    def with_words(self):
        """With everything that the sentence and the link of each need."""
        event = [f"event__{name}" for name in ("actor", "subject", "product", "run__store", "run__group")]
        entry = [f"entry__{name}" for name in ("actor", "subject", "payment", "group")]
        return self.select_related(*event, *entry, "group", "actor")

    def newest_first(self):
        return self.order_by("-at", "-pk")


class Notification(models.Model):
    """Something a person should know: an event of a run, a journal entry, or that `actor` removed them from `group`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, null=True, related_name="notifications")
    entry = models.ForeignKey(JournalEntry, on_delete=models.CASCADE, null=True, related_name="notifications")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "event"], name="notified_once"),
            models.UniqueConstraint(fields=["user", "entry"], name="notified_once_of_entry"),
            models.CheckConstraint(
                condition=models.Q(event__isnull=False, entry=None, group=None, actor=None)
                | models.Q(event=None, entry__isnull=False, group=None, actor=None)
                | models.Q(event=None, entry=None, group__isnull=False, actor__isnull=False),
                name="notification_is_of_one_thing",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-at"], name="notification_newest"),
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="notification_unread"),
        ]

    def __str__(self):
        return f"notification {self.pk} to person {self.user_id}"
