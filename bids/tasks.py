"""Tasks queued by the schedule or by a page. Each task finds in the database what there is to do."""

from bulq.kit.queue import app

from .actions import mail, notifications


@app.task
def mail_at_once():
    mail.mail_at_once()


@app.task
def mail_digests():
    mail.mail_digests()


@app.task
def forget_old_notifications():
    notifications.forget_old()
