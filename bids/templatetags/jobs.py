"""How a job is shown on the home page: a sentence, its run, an icon and a button."""

from dataclasses import dataclass, replace

from django import template
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bids.reading.jobs import JobKind
from bulq.kit.money import format_money
from bulq.kit.zones import format_moment

register = template.Library()
CHOOSING = {JobKind.START_CHOOSING, JobKind.GO_ON_CHOOSING}
IN_GROUP, IN_RUN, ALONE = _("%(group)s. %(label)s"), _("%(run)s, %(group)s"), _("%(group)s")


@dataclass(frozen=True)
class Texts:
    title: str
    action: str
    icon: str
    text: str = IN_GROUP
    tone: str = "warn"


TEXTS = {
    JobKind.ANSWER: Texts(_("%(person)s asks you to lead"), _("Answer"), "users", IN_RUN),
    JobKind.START_CHOOSING: Texts(
        _("%(run)s"), _("Choose"), "clock", _("%(group)s. You have not chosen anything yet.")
    ),
    JobKind.GO_ON_CHOOSING: Texts(_("%(run)s"), _("Choose"), "clock", _("%(group)s. You are still choosing.")),
    JobKind.LOCK: Texts(_("Lock the list: %(run)s"), _("Lock"), "lock"),
    JobKind.GO_SHOPPING: Texts(_("Go shopping: %(run)s"), _("Open"), "car"),
    JobKind.SHOP: Texts(_("You are shopping: %(run)s"), _("Continue"), "car"),
    JobKind.SORT_OUT: Texts(_("Sort out %(run)s"), pgettext_lazy("button", "Sort out"), "scale"),
    JobKind.START_HAND_OUT: Texts(_("Start the hand-out: %(run)s"), _("Hand out"), "bag"),
    JobKind.HAND_OUT: Texts(_("Hand out %(run)s"), _("Hand out"), "bag"),
    JobKind.FINISH: Texts(_("Finish the hand-out: %(run)s"), _("Finish"), "bag"),
    JobKind.PICK_UP: Texts(_("Your things are ready"), _("See list"), "bag", IN_RUN, tone="ok"),
    JobKind.SAY_IF_ARRIVED: Texts(
        _("%(person)s says they paid you %(amount)s"), _("Answer"), "swap", ALONE, tone="info"
    ),
    JobKind.PAY: Texts(_("You owe %(person)s %(amount)s"), _("Pay"), "scale", ALONE),
    JobKind.GET_PAID: Texts(_("You are still owed %(amount)s"), _("See"), "scale", ALONE, tone=""),
}


@register.simple_tag
def job_texts(job):
    """`{% job_texts job as texts %}`: title, text, action (the caption of its button), icon and tone."""
    run, texts = job.run, TEXTS[job.kind]
    group = job.group or run.group
    amount = format_money(job.amount, group.currency)
    params = {"run": run, "group": group, "label": job.label, "person": job.person, "amount": amount}
    text = texts.text % params
    if job.kind in CHOOSING and run.closes_at and not run.has_closed:
        text = f"{text} {_('Closes %(closes)s.') % {'closes': format_moment(run.closes_at, run.group.zone)}}"
    return replace(texts, title=texts.title % params, text=text)
