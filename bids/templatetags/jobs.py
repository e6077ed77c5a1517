"""How a job is told at home: in a sentence, with its place, a symbol and a button."""

from dataclasses import dataclass, replace

from django import template
from django.utils.translation import gettext_lazy as _

from bids.reading.jobs import JobKind
from bulq.kit.money import format_money

register = template.Library()
IN_GROUP, IN_RUN = _("%(group)s. %(label)s"), _("%(run)s, %(group)s")


@dataclass(frozen=True)
class Words:
    title: str
    action: str
    icon: str
    text: str = IN_GROUP
    tone: str = "warn"


WORDS = {
    JobKind.ANSWER: Words(_("%(person)s asks you to lead"), _("Answer"), "users", IN_RUN),
    JobKind.START_CHOOSING: Words(
        _("%(run)s"), _("Choose"), "clock", _("%(group)s. You have not chosen anything yet.")
    ),
    JobKind.GO_ON_CHOOSING: Words(_("%(run)s"), _("Choose"), "clock", _("%(group)s. You are still choosing.")),
    JobKind.LOCK: Words(_("Lock the list: %(run)s"), _("Lock"), "lock"),
    JobKind.GO_SHOPPING: Words(_("Go shopping: %(run)s"), _("Open"), "car"),
    JobKind.SHOP: Words(_("You are shopping: %(run)s"), _("Continue"), "car"),
    JobKind.SORT_OUT: Words(_("Sort out %(run)s"), _("Sort out"), "scale"),
    JobKind.START_HAND_OUT: Words(_("Start the hand-out: %(run)s"), _("Hand out"), "bag"),
    JobKind.HAND_OUT: Words(_("Hand out %(run)s"), _("Hand out"), "bag"),
    JobKind.FINISH: Words(_("Finish the hand-out: %(run)s"), _("Finish"), "bag"),
    JobKind.PICK_UP: Words(_("Your things are ready"), _("See list"), "bag", IN_RUN, tone="ok"),
    JobKind.PAY: Words(_("You owe %(person)s %(amount)s"), _("See"), "scale", IN_RUN),
    JobKind.GET_PAID: Words(_("You are still owed %(amount)s"), _("See"), "scale", IN_RUN, tone=""),
}


@register.simple_tag
def job_words(job):
    """`{% job_words job as words %}`: title, text, action (the caption of its button), icon and tone."""
    run, words = job.run, WORDS[job.kind]
    amount = format_money(job.amount, run.currency)
    params = {"run": run, "group": run.group, "label": job.label, "person": job.person, "amount": amount}
    return replace(words, title=words.title % params, text=words.text % params)
