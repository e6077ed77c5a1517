"""When a run closes; who was reminded of it; and how often its entries in calendars have changed."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bids import states

HOUR = Value(timedelta(hours=1), output_field=models.DurationField())


class ClosingQuerySet(models.QuerySet):
    def collecting(self):
        return self.filter(state__in=states.COLLECTING)

    def due(self, now):
        """Runs that are still collecting although their closing time has come, and nobody has been told."""
        return self.collecting().filter(closes_at__lte=now, closing_handled_at=None)

    def with_stretch_due(self, now):
        """Runs whose last stretch begins by itself about now, and has not begun."""
        hours = models.ExpressionWrapper(F("last_stretch_hours") * HOUR, output_field=models.DurationField())
        waiting = self.collecting().filter(last_stretch_at=None, last_stretch_hours__isnull=False, closes_at__gt=now)
        return waiting.annotate(stretch=hours).filter(closes_at__lte=now + F("stretch"))


class Closing(models.Model):
    """The closing time of a run, mixed into `Run`.

    `closes_at` may be moved while the run is collecting. `closing_set_at` says when that happened last: a reminder
    whose time had passed by then is skipped. The clock writes `closing_handled_at` in the transaction in which it locks
    the list or tells the leader, so that it does either once.

    Reminders belong to a series, named after the closing time with which it began (`reminders_about`). A closing that
    is moved by a day or more from that begins another. `reminded_hours` is the last of a series that went out: how many
    hours before the closing.
    """

    closes_at = models.DateTimeField(gettext_lazy("closes at"), null=True, blank=True)
    locks_itself = models.BooleanField(gettext_lazy("locks by itself"), default=True, db_default=True)
    closing_set_at = models.DateTimeField(null=True, blank=True)
    closing_handled_at = models.DateTimeField(null=True, blank=True)
    reminders_about = models.DateTimeField(null=True, blank=True)
    reminded_hours = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def has_closed(self):
        """Whether its closing time has passed, by this machine's clock."""
        return self.closes_at is not None and self.closes_at <= timezone.now()


class Reminder(models.Model):
    """That a person is reminded of a run: at most once of each kind in each series.

    The row is written, with the notification, before anything is mailed: whoever wrote it has the right to send it.
    `tries` counts attempts to mail it, each taken by comparing and setting it; `sent_at` is empty until one succeeds,
    and after the last it stays empty.
    """

    class Kind(models.TextChoices):
        DAY = "24h", gettext_lazy("24 hours before")
        HOURS = "3h", gettext_lazy("3 hours before")
        BY_HAND = "hand", gettext_lazy("by the leader")

    run = models.ForeignKey("bids.Run", on_delete=models.CASCADE, related_name="reminders")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=4, choices=Kind)
    # The closing time that began the series; of one sent by hand, when it was.
    about = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    is_mailed = models.BooleanField(default=False)
    # To someone who is done choosing, but could fill a pack.
    is_about_packs = models.BooleanField(default=False)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("reminder"), gettext_lazy("reminders")
        constraints = [models.UniqueConstraint(fields=["run", "user", "kind", "about"], name="reminded_once")]
        indexes = [models.Index(fields=["at"], condition=Q(is_mailed=True, sent_at=None), name="reminder_waiting")]

    def __str__(self):
        return f"{self.kind} to person {self.user_id} of run {self.run_id}"


class CalendarEntry(models.Model):
    """How often an entry of a run in people's calendars has changed; without a row, never since the run began.

    Calendars compare the number (SEQUENCE), not times.
    """

    class Kind(models.TextChoices):
        DAY = "day", gettext_lazy("day")
        CLOSING = "closing", gettext_lazy("closing time")

    run = models.ForeignKey("bids.Run", on_delete=models.CASCADE, related_name="calendar_entries")
    kind = models.CharField(max_length=7, choices=Kind)
    sequence = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = gettext_lazy("calendar entry"), gettext_lazy("calendar entries")
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="one_calendar_entry")]

    def __str__(self):
        return f"{self.kind} of run {self.run_id}"
