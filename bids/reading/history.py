"""Events in whole sentences: on the history page, in the inbox and in mails."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bids import states
from bids.models.distribution import THE_DIFFERENCE
from bids.models.notifications import Notification
from bids.states import RunState
from bulq.kit.money import format_money
from bulq.kit.names import listed
from bulq.kit.units import with_unit
from bulq.kit.zones import format_moment

from .journal import sentence_of


@dataclass(frozen=True)
class Kind:
    """The sentences for one kind of event. Figures come from `Event.data`.

    The history shows `sentence`, or `for_other` if it was done for someone else, the event's subject, or `by_itself` if
    the clock did it. The subject is notified with `to_subject`, other people with `notice`, where that differs.
    """

    sentence: str
    for_other: str = ""
    to_subject: str = ""
    by_itself: str = ""
    notice: str = ""


KINDS = {
    "run_started": Kind(_("%(actor)s started the run")),
    "last_time": Kind(_("%(actor)s ordered what they had last time")),
    "list_dropped": Kind(_("%(actor)s took the products that nobody wants off the list of last time")),
    "run_edited": Kind(_("%(actor)s changed the day or the note")),
    "run_moved": Kind(
        _("%(actor)s moved the run from “%(origin)s” to “%(to)s”"),
        by_itself=_("The run closed by itself: the list is locked"),
    ),
    "closing_set": Kind(_("%(actor)s set the closing time: %(closes_at)s")),
    "closing_removed": Kind(_("%(actor)s removed the closing time")),
    "closed_open": Kind(_("The closing time has passed, and the list is still open")),
    "closed_empty": Kind(_("The closing time has passed, and nobody has ordered anything")),
    "closing_soon": Kind(
        _("People who were still choosing were reminded of the closing time: %(closes_at)s"),
        notice=_("Closes %(closes_at)s. Choose what you want, or say that you are done."),
    ),
    "packs_to_fill": Kind(
        _("People who could fill a pack were reminded: %(to_fill)s still needed"),
        notice=_("Closes %(closes_at)s. Full packs still need %(to_fill)s: take more, or say up to how much is fine."),
    ),
    "reminded": Kind(
        _("%(actor)s reminded everyone who was still choosing"),
        notice=_("%(actor)s reminds you: choose what you want, or say that you are done."),
    ),
    "left_run": Kind(_("%(subject)s left the run; their order was dropped")),
    "left_group": Kind(_("%(subject)s left the group; their order stays")),
    "helper_named": Kind(
        _("%(actor)s made %(subject)s a helper"),
        to_subject=_("%(actor)s made you a helper"),
    ),
    "helper_ended": Kind(
        _("%(subject)s is no longer a helper"),
        to_subject=_("You are no longer a helper"),
    ),
    "lead_offered": Kind(
        _("%(actor)s asked %(subject)s to take over the lead"),
        to_subject=_("%(actor)s asks you to take over the lead"),
    ),
    "lead_offer_withdrawn": Kind(
        _("%(actor)s no longer asks %(subject)s to take over the lead"),
        to_subject=_("%(actor)s no longer asks you to take over the lead"),
    ),
    "lead_declined": Kind(_("%(actor)s declined to take over the lead")),
    "lead_accepted": Kind(
        _("%(actor)s took over the lead from %(subject)s"),
        to_subject=_("%(actor)s took over the lead from you"),
    ),
    "ordered": Kind(
        _("%(actor)s wants %(quantity)s of %(product)s"),
        for_other=_("%(actor)s changed %(subject)s's order: %(quantity)s of %(product)s"),
        to_subject=_("%(actor)s changed your order: %(quantity)s of %(product)s"),
    ),
    "all_or_nothing": Kind(
        _("%(actor)s wants all of %(product)s or nothing"),
        for_other=_("%(actor)s changed %(subject)s's order: all of %(product)s or nothing"),
        to_subject=_("%(actor)s changed your order: all of %(product)s or nothing"),
    ),
    "less_is_fine": Kind(
        _("%(actor)s says less of %(product)s is fine"),
        for_other=_("%(actor)s changed %(subject)s's order: less of %(product)s is fine"),
        to_subject=_("%(actor)s changed your order: less of %(product)s is fine"),
    ),
    "instead": Kind(
        _("%(actor)s would take %(instead)s instead of %(product)s"),
        for_other=_("%(actor)s changed %(subject)s's order: %(instead)s instead of %(product)s"),
        to_subject=_("%(actor)s changed your order: %(instead)s instead of %(product)s"),
    ),
    "nothing_instead": Kind(
        _("%(actor)s wants nothing instead of %(product)s"),
        for_other=_("%(actor)s changed %(subject)s's order: nothing instead of %(product)s"),
        to_subject=_("%(actor)s changed your order: nothing instead of %(product)s"),
    ),
    "interested": Kind(
        _("%(actor)s may want %(product)s"),
        for_other=_("%(actor)s changed %(subject)s's order: maybe %(product)s"),
        to_subject=_("%(actor)s changed your order: maybe %(product)s"),
    ),
    "order_removed": Kind(
        _("%(actor)s took %(product)s off their order"),
        for_other=_("%(actor)s took %(product)s off %(subject)s's order"),
        to_subject=_("%(actor)s took %(product)s off your order"),
    ),
    "commented": Kind(
        _("%(actor)s wrote about %(product)s: “%(comment)s”"),
        for_other=_("%(actor)s changed %(subject)s's comment on %(product)s: “%(comment)s”"),
        to_subject=_("%(actor)s changed your comment on %(product)s: “%(comment)s”"),
    ),
    "packs_rounded": Kind(_("%(actor)s lowered the orders of %(product)s, to buy %(packs)s full packs")),
    "packs_dropped": Kind(_("%(actor)s took %(product)s off the run: the pack was not full")),
    "packs_undone": Kind(_("%(actor)s brought back the orders of %(product)s")),
    "lowered_for_packs": Kind(
        _("%(actor)s lowered %(subject)s's %(product)s from %(was_quantity)s to %(quantity)s, to buy full packs"),
        to_subject=_("%(actor)s lowered your %(product)s from %(was_quantity)s to %(quantity)s, to buy full packs"),
    ),
    "dropped_for_packs": Kind(
        _("%(actor)s took %(was_quantity)s of %(product)s off %(subject)s's order: the pack was not full"),
        to_subject=_("%(actor)s took %(was_quantity)s of %(product)s off your order: the pack was not full"),
    ),
    "restored_after_packs": Kind(
        _("%(actor)s brought back %(subject)s's order: %(quantity)s of %(product)s"),
        to_subject=_("%(actor)s brought back your order: %(quantity)s of %(product)s"),
    ),
    "last_stretch": Kind(_("%(actor)s started the last stretch: only full packs from now on")),
    "last_stretch_begun": Kind(_("The last stretch has begun: only full packs from now on")),
    "last_stretch_over": Kind(_("%(actor)s ended the last stretch: any amount is fine again")),
    "merged": Kind(_("%(actor)s, site admin, merged “%(name)s” into %(product)s")),
    "ready": Kind(_("%(actor)s is done choosing")),
    "not_ready": Kind(_("%(actor)s is choosing again")),
    "keeps_order": Kind(_("%(actor)s keeps their order as it is")),
    "sorts_again": Kind(_("%(actor)s is sorting out again")),
    "bought": Kind(_("%(actor)s bought %(quantity)s of %(product)s for %(total)s")),
    "purchase_edited": Kind(
        _(
            "%(actor)s corrected the purchase of %(product)s: %(quantity)s for %(total)s, "
            "previously %(was_quantity)s for %(was_total)s"
        )
    ),
    "put_back": Kind(_("%(actor)s put %(product)s back on the list")),
    "not_there": Kind(_("%(actor)s marked %(product)s as not there")),
    "back_on_list": Kind(_("%(actor)s says %(product)s may be there after all")),
    "added_in_shop": Kind(
        _("%(actor)s added %(quantity)s of %(product)s in the shop"),
        for_other=_("%(actor)s added %(quantity)s of %(product)s in the shop for %(subject)s"),
        to_subject=_("%(actor)s added %(quantity)s of %(product)s in the shop for you"),
    ),
    "took_instead": Kind(
        _("%(actor)s takes %(quantity)s of %(product)s instead of %(name)s"),
        for_other=_("%(actor)s put %(quantity)s of %(product)s on the list for %(subject)s, instead of %(name)s"),
        to_subject=_("%(actor)s put %(quantity)s of %(product)s on the list for you, instead of %(name)s"),
    ),
    "not_taken_instead": Kind(
        _("%(actor)s does not take %(quantity)s of %(product)s instead of %(name)s any more"),
        for_other=_("%(actor)s took %(quantity)s of %(product)s back for %(subject)s: %(name)s is there after all"),
        to_subject=_("%(actor)s took %(quantity)s of %(product)s back for you: %(name)s is there after all"),
    ),
    "sorted_out": Kind(
        _("%(actor)s now takes %(quantity)s of %(product)s"),
        for_other=_("%(actor)s decided for %(subject)s: %(quantity)s of %(product)s"),
        to_subject=_("%(actor)s decided for you: %(quantity)s of %(product)s"),
    ),
    "total_corrected": Kind(_("%(actor)s corrected what %(product)s cost: %(total)s, previously %(was)s")),
    "extra_added": Kind(_("%(actor)s added “%(label)s”: %(amount)s")),
    "extra_added_equally": Kind(_("%(actor)s added “%(label)s” in equal parts: %(amount)s")),
    "extra_added_for": Kind(
        _("%(actor)s added “%(label)s” for %(subject)s: %(amount)s"),
        to_subject=_("%(actor)s added “%(label)s” for you: %(amount)s"),
    ),
    "extra_removed": Kind(_("%(actor)s removed “%(label)s”: %(amount)s")),
    "receipt_added": Kind(_("%(actor)s entered a receipt of %(amount)s")),
    "receipt_added_named": Kind(_("%(actor)s entered the receipt “%(label)s”: %(amount)s")),
    "receipt_removed": Kind(_("%(actor)s removed a receipt of %(amount)s")),
    "receipt_removed_named": Kind(_("%(actor)s removed the receipt “%(label)s”: %(amount)s")),
    "difference_split": Kind(_("%(actor)s split the difference to the receipts by value: %(amount)s")),
    "difference_taken": Kind(
        _("%(actor)s left the difference to the receipts to %(subject)s: %(amount)s"),
        to_subject=_("%(actor)s left the difference to the receipts to you: %(amount)s"),
    ),
    "difference_not_taken": Kind(
        _("%(actor)s no longer leaves the difference to the receipts to %(subject)s: %(amount)s"),
        to_subject=_("%(actor)s no longer leaves the difference to the receipts to you: %(amount)s"),
    ),
    "picked_up": Kind(_("%(actor)s handed %(quantity)s of %(product)s to %(subject)s")),
    "not_picked_up": Kind(_("%(actor)s unmarked %(product)s as handed to %(subject)s")),
    "paid": Kind(_("%(actor)s marked %(subject)s's payment of %(amount)s")),
    "not_paid": Kind(_("%(actor)s unmarked %(subject)s's payment of %(amount)s")),
    "given_back": Kind(_("%(actor)s marked that %(subject)s got %(amount)s back")),
    "not_given_back": Kind(_("%(actor)s unmarked that %(subject)s got %(amount)s back")),
    "freed": Kind(
        _("The %(amount)s that %(subject)s paid %(payer)s is credit now; %(subject)s owed %(was)s, now nothing"),
        to_subject=_(
            "The %(amount)s that you paid %(payer)s is credit now: you owed %(was)s for this run, now nothing"
        ),
    ),
}
# Figures by their names in the sentences; all others are written as they are.
AMOUNTS = {"total", "was_total", "was", "amount"}
QUANTITIES = {"quantity", "was_quantity"}
STATES = {"origin", "to"}
MOMENTS = {"closes_at"}
# Added to the sentence about a change of state.
DETAILS = {
    "still_choosing": _("Still choosing then"),
    "forced": _("Divided by the leader"),
    "not_collected": _("Not collected"),
}


@dataclass
class Entry:
    """A line of the history, with the lists that belong to a change of state: `[(heading, names)]`."""

    at: datetime
    sentence: str
    details: list


@dataclass
class News:
    """A notification as the person reads it: what happened, and where."""

    notification: Notification
    sentence: str
    where: str


class _Figures:
    """The values that a sentence about an event names, as people read them."""

    def __init__(self, event, currency):
        self.event, self.currency = event, currency

    def __getitem__(self, name):
        event = self.event
        if name in ("actor", "subject", "product"):
            return getattr(event, name)
        value = event.data[name]
        if name in AMOUNTS:
            return format_money(Decimal(value), self.currency)
        if name in QUANTITIES:
            limit = event.data.get("limit") if name == "quantity" else None
            return with_unit(Decimal(value), event.product.unit, Decimal(limit) if limit else None)
        if name in STATES:
            return self._state(name, value)
        if name in MOMENTS:
            return format_moment(datetime.fromisoformat(value), event.run.group.zone)
        if name == "label":
            return value or gettext(THE_DIFFERENCE)
        return amounts_to_fill(value) if name == "to_fill" else value

    def _state(self, name, value):
        if (name, value, self.event.data["origin"]) == ("to", states.COMPLETED, states.SHOPPING):
            return gettext("Settled")  # nothing was bought, so nothing is handed out or owed
        return RunState(value).label


def amounts_to_fill(missing):
    """“2 kg of Basmati rice and 1 piece of Penne”, of lists of name, amount and unit."""
    text = gettext("%(amount)s of %(product)s")
    return listed(text % {"amount": with_unit(Decimal(much), unit), "product": name} for name, much, unit in missing)


def entries_of(run, events):
    """The events of a run in the order given; they come with actor, subject and product."""
    return [_entry(event, run.currency) for event in events]


def _entry(event, currency):
    kind = KINDS[event.kind]
    sentence = kind.for_other if event.subject_id and kind.for_other else kind.sentence
    if event.actor_id is None and kind.by_itself:
        sentence = kind.by_itself
    details = [(heading, event.data[name]) for name, heading in DETAILS.items() if event.data.get(name)]
    return Entry(event.at, sentence % _Figures(event, currency), details)


def news_of(notifications):
    """Notifications (`with_words`) in the order given."""
    return [_news(notification) for notification in notifications]


def _news(notification):
    event, entry = notification.event, notification.entry
    if entry is not None:
        return News(notification, sentence_of(entry), str(entry.group))
    if event is None:
        sentence = gettext("%(actor)s removed you from the group") % {"actor": notification.actor}
        return News(notification, sentence, str(notification.group))
    run, kind = event.run, KINDS[event.kind]
    if kind.to_subject and event.subject_id == notification.user_id:
        sentence = kind.to_subject % _Figures(event, run.currency)
    elif kind.notice:
        sentence = kind.notice % _Figures(event, run.currency)
    else:
        sentence = _entry(event, run.currency).sentence
    return News(notification, sentence, f"{run}, {run.group}")
