"""Celery's app: `celery -A bulq worker`, `celery -A bulq beat`. What it does when, is in `bulq/clock.py`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bulq.settings")
app = Celery("bulq", include=["bulq.clock"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
