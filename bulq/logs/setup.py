"""Who writes lines, and where to: read by the settings, by gunicorn.conf.py and by Celery."""

import logging
from logging.config import dictConfig

from .lines import JsonLine, TextLine


def is_not_told_by_us(record):
    """Celery's own words about how a task ended carry its arguments and its result; see bulq/celery.py."""
    return record.levelno >= logging.CRITICAL or not hasattr(record, "data")


def configuration(*, as_json):
    """For `dictConfig`: everything goes to stderr, and nobody is sent a mail."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": JsonLine if as_json else TextLine}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO"},
            # The line of the request tells it, the traceback too.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "CRITICAL"},
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": False},
            "celery.app.trace": {"filters": [is_not_told_by_us]},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }


def configure(config):
    """Called by Django with LOGGING."""
    from django.conf import settings  # they are being read when this module is imported

    dictConfig(config)
    logging.captureWarnings(True)
    if settings.SENTRY_DSN:
        from . import sentry  # a library that only who names one has to load

        sentry.start(settings.SENTRY_DSN)
