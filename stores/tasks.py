"""Tasks queued by the schedule. Each task finds in the database what there is to do."""

from bulq.kit.queue import app

from .actions import pairs


@app.task
def look_for_pairs():
    pairs.look_for_pairs()
