"""Scheduled tasks. Each first checks whether it is due, so a duplicate message has no effect."""

from datetime import datetime

from accounts.models import User

from .backups import job
from .kit.queue import app
from .models import SentForm
from .office import second_factor
from .watch import alerts


@app.task
def backup(asked_at: str | None = None):
    """Make last night's backup, or one requested at `asked_at` (ISO 8601), unless there is a newer one."""
    job.back_up_if_due(datetime.fromisoformat(asked_at) if asked_at else None)


@app.task
def drill():
    """Make this week's drill, unless it has been made."""
    job.drill_if_due()


@app.task
def forget_sent_forms():
    """A form is recognised for a day."""
    SentForm.objects.forget_old()


@app.task
def watch():
    """Catch up on missed backups and drills, and report problems."""
    job.back_up_if_due()
    job.drill_if_due()
    alerts.tell()


@app.task(autoretry_for=(OSError,), retry_backoff=60, max_retries=8)
def mail_second_factor(person: int):
    """Tell someone that a second factor was set up for their account."""
    second_factor.mail(User.objects.get(pk=person))
