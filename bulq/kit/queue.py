"""The Celery app, for tasks and for queueing them. Importing it takes half a second."""

import os

from celery import Celery, signals

from bulq.logs import lines

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
app = Celery("bulq", include=["bulq.clock", "bulq.watch.heartbeats"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.before_task_publish.connect
def send_request_id_along(headers, **_options):
    request, _person = lines.current.get()
    if request:
        headers["request_id"] = request
