"""Tasks queued by the schedule or by a page. Each task finds in the database what there is to do."""

from bulq.kit.queue import app
from bulq.kit.zones import database_now

from .actions import clock, mail, marks, notifications, reminders


@app.task
def mail_at_once():
    mail.mail_at_once()


@app.task
def mail_digests():
    mail.mail_digests()


@app.task
def forget_old_notifications():
    notifications.forget_old()


@app.task
def adopt_marks():
    marks.adopt_marks()


@app.task
def close_due():
    clock.close_due(database_now())
    clock.begin_due_stretches(database_now())


@app.task
def remind():
    reminders.remind_due(database_now())
    mail.mail_reminders(database_now())
