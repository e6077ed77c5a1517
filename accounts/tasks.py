"""Tasks queued by a page or by the schedule. Each task finds in the database what there is to do."""

from bulq.kit.queue import app

from .actions import mail


@app.task
def mail_resets():
    mail.mail_resets()
