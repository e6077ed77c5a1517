"""The schedule of worker and beat, and what they do when they start."""

from celery import signals
from celery.schedules import crontab

from .backups.configuration import at, mistakes
from .kit.queue import app


@signals.worker_init.connect
@signals.beat_init.connect
def refuse_mistakes(**_kwargs):
    """Refuse a bad backup configuration: monitoring notices a missing worker sooner than one that fails nightly."""
    if found := mistakes():
        raise SystemExit("\n".join(found))


@signals.beat_init.connect
def look_at_once(**_kwargs):
    """Run the watch at once, rather than at the next full hour, after a pause."""
    app.send_task("bulq.tasks.watch")


def by_the_clock():
    """Each task by name, with its times (UTC). A task finds in the database what there is to do."""
    night = {"hour": at().hour, "minute": at().minute}
    next_hour = {"hour": (at().hour + 1) % 24, "minute": at().minute}
    return {
        "bulq.tasks.backup": crontab(**night),
        "bulq.tasks.drill": crontab(**next_hour, day_of_week="sunday"),
        "bulq.tasks.watch": crontab(minute=30),
        "bulq.tasks.forget_sent_forms": crontab(minute=45),
        "accounts.tasks.mail_resets": crontab(),  # each minute
        "stores.tasks.look_for_pairs": crontab(minute="*/10"),
        "bids.tasks.close_due": crontab(),  # each minute
        "bids.tasks.remind": crontab(),
        "stores.tasks.bring_catalogues": crontab(),
        "stores.tasks.forget_old_catalogues": crontab(minute=50),
        "bids.tasks.mail_at_once": crontab(minute="*/5"),
        "bids.tasks.mail_digests": crontab(hour=7, minute=0),
        "bids.tasks.forget_old_notifications": crontab(**next_hour),
        "bids.tasks.adopt_marks": crontab(**next_hour),
    }


if not mistakes():  # else nothing starts, and a time that cannot be read would hide the sentences above
    for name, when in by_the_clock().items():
        app.add_periodic_task(when, app.signature(name), name=name)
