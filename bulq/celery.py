"""The worker and its clock: `celery -A bulq worker`, `celery -A bulq beat`."""

import os

from celery import Celery, signals
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
app = Celery("bulq")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_init.connect
@signals.beat_init.connect
def refuse_mistakes(**_words):
    """Better no worker than one that fails every night: whoever watches for silence hears of it."""
    from .backups.configuration import mistakes

    if found := mistakes():
        raise SystemExit("\n".join(found))


@app.on_after_finalize.connect
def by_the_clock(sender, **_words):
    from .backups.configuration import at, mistakes

    if not mistakes():
        night = {"hour": at().hour, "minute": at().minute}
        sender.add_periodic_task(crontab(**night), sender.signature("bulq.tasks.backup"), name="backup")
        sender.add_periodic_task(
            crontab(hour=(at().hour + 1) % 24, minute=at().minute, day_of_week="sunday"),
            sender.signature("bulq.tasks.drill"),
            name="drill",
        )
        sender.add_periodic_task(crontab(minute=30), sender.signature("bulq.tasks.watch"), name="watch")


@signals.beat_init.connect
def look_at_once(**_words):
    """After a pause nobody has to wait for the next hour."""
    app.send_task("bulq.tasks.watch")
