"""Work by the clock. Each task looks first whether it is due, so that a message that comes twice does nothing twice."""

from datetime import datetime

from .backups import job
from .kit.queue import app
from .models import SentForm
from .watch import alerts


@app.task
def backup(asked_at: str | None = None):
    """The backup of last night, or the one that someone asked for at that time (ISO 8601), unless there is one."""
    job.back_up_if_due(datetime.fromisoformat(asked_at) if asked_at else None)


@app.task
def drill():
    """This week's, unless it was made."""
    job.drill_if_due()


@app.task
def forget_sent_forms():
    """A form is recognised for a day."""
    SentForm.objects.forget_old()


@app.task
def watch():
    """Make up for what was missed while nobody was running, and tell what is wrong."""
    job.back_up_if_due()
    job.drill_if_due()
    alerts.tell()
