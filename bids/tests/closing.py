"""Closing times as they stand in the database, also in the past."""

from datetime import timedelta

from django.utils import timezone

from bids.models import Run


def close_in(run, left, **more):
    """Let the run close so much from now on, as if that had been set a month ago. Returns when."""
    closes_at = timezone.now() + left
    Run.objects.filter(pk=run.pk).update(
        **{"closing_set_at": closes_at - timedelta(days=30), "reminded_hours": None, "closing_handled_at": None} | more,
        closes_at=closes_at,
        reminders_about=closes_at,
    )
    run.refresh_from_db()
    return closes_at
