from datetime import timedelta

from django.conf import settings
from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SentFormManager(models.Manager):
    def begin(self, key, user):
        """The form of this key, and whether it is sent for the first time; waits for the same one being answered.

        One statement, unlike `get_or_create`, which needs a savepoint.
        """
        form, table = SentForm(key=key, user=user, session_key=""), connection.ops.quote_name(SentForm._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (key, user_id, status, headers, body, signed_in, sent_at)"  # noqa: S608 - our own table
                " VALUES (%s, %s, 0, '{}', '', false, %s) ON CONFLICT DO NOTHING",
                [key, form.user_id, timezone.now()],
            )
            is_new = cursor.rowcount == 1
        return (form, True) if is_new else (self.get(key=key), False)

    def forget_old(self):
        self.filter(sent_at__lt=timezone.now() - SentForm.KEPT_FOR).delete()


class SentForm(models.Model):
    """One posted form and its answer, so that the same form sent again has no second effect (spec 73).

    `key` is a digest of the person, the address and everything in the form, its one-time id included.
    """

    key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    signed_in = models.BooleanField(default=False)
    # The session in which the answer logged the person in; while it is valid, the same form sent again opens another.
    session_key = models.CharField(max_length=40, db_default="", editable=False)
    sent_at = models.DateTimeField(auto_now_add=True, db_index=True)

    KEPT_FOR = timedelta(hours=24)
    objects = SentFormManager()

    def __str__(self):
        return self.key


class BackupRun(models.Model):
    """One attempt to back up, successful or not."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("Skipped")

    state = models.CharField(_("state"), max_length=7, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    key = models.CharField(_("key"), max_length=60, blank=True)
    size = models.PositiveBigIntegerField(_("bytes"), null=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    counts = models.JSONField(_("rows by table"), default=dict)
    verified_at = models.DateTimeField(_("verified"), null=True)
    error = models.TextField(_("what went wrong"), blank=True)
    drilled_at = models.DateTimeField(_("drilled"), null=True)
    drill_error = models.TextField(_("what went wrong in the drill"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("backup"), _("backups")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["running", "done", "failed", "skipped"]), name="backup_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="done") | models.Q(verified_at__isnull=False), name="backup_done_is_verified"
            ),
        ]

    def __str__(self):
        return self.key or f"{self.get_state_display()} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def megabytes(self):
        return self.size and self.size / 1_000_000

    def end(self, state, error=""):
        self.state, self.error, self.ended_at = state, error, timezone.now()
        self.save()


class Told(models.Model):
    """What the operator was last told through one channel: e-mail or webhook."""

    channel = models.CharField(max_length=10, primary_key=True)
    # The kinds of problems; empty once all was well again.
    kinds = models.JSONField(default=list)
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("alert"), _("alerts")

    def __str__(self):
        return self.channel


class Heartbeat(models.Model):
    """When the worker, or beat, last reported that it is running."""

    name = models.CharField(max_length=10, primary_key=True)
    at = models.DateTimeField()

    def __str__(self):
        return self.name
