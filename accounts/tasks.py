"""Work handed over by a page, or by the clock. Each task looks for itself what there is to do."""

from bulq.kit.queue import app

from .actions import mail


@app.task
def mail_resets():
    mail.mail_resets()
