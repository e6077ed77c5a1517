"""Tasks queued by the schedule. Each task finds in the database what there is to do."""

from bulq.kit.queue import app

from .actions import pairs, uploads
from .importing import jobs


@app.task
def look_for_pairs():
    pairs.look_for_pairs()


@app.task
def bring_catalogues():
    """Bring the files that site admins have uploaded."""
    jobs.bring_due()


@app.task
def forget_old_catalogues():
    """Files and reports are kept for a week."""
    uploads.forget_old()
