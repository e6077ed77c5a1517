"""The logging configuration, used by the settings, gunicorn.conf.py and Celery."""

import logging
from logging.config import dictConfig

from .lines import JsonLine, TextLine


def is_not_told_by_us(record):
    """Drop Celery's own messages about finished tasks, which contain arguments and results; see bulq/celery.py."""
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
            # The request's own line has it, with the traceback.
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
    from django.conf import settings  # not loaded yet when this module is imported

    dictConfig(config)
    logging.captureWarnings(True)
    if settings.SENTRY_DSN:
        from . import sentry  # loaded only if it is used

        sentry.start(settings.SENTRY_DSN)
