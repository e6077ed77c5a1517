"""The steps of payments in whole sentences, as the person reads them to whom they are told."""

from django.utils.translation import gettext_lazy as _

from bids.models.payments import JournalEntry
from bulq.kit.money import format_money

Kind = JournalEntry.Kind
# By the kind, and whether the actor is the receiver of the payment.
SENTENCES = {
    (Kind.SAID, False): _("%(actor)s says they paid you %(amount)s"),
    (Kind.MARKED, True): _("%(actor)s marked that you paid them %(amount)s"),
    (Kind.MARKED, False): _("%(actor)s marked that they paid you %(amount)s"),
    (Kind.CONFIRMED, True): _("%(actor)s confirmed your payment of %(amount)s"),
    (Kind.CORRECTED, True): _("%(actor)s says that %(amount)s arrived, not %(said)s. You can say the rest again."),
    (Kind.REFUSED, True): _("%(actor)s says that your payment of %(amount)s has not arrived"),
    (Kind.UNDONE, True): _("%(actor)s undid their answer: your payment of %(amount)s is on its way again"),
    (Kind.TAKEN_BACK, True): _("%(actor)s took back that you paid %(amount)s"),
    (Kind.TAKEN_BACK, False): _("%(actor)s took back their payment of %(amount)s to you"),
}
REMINDED = _("%(actor)s reminds you: you owe them %(amount)s")
SET_OFF = _("%(actor)s set off what you owe each other")
NOT_SET_OFF = _("%(actor)s took back that you set off what you owe each other")
WITH_NOTE = _("%(sentence)s: “%(note)s”")


def sentence_of(entry):
    """To the subject of an entry; it comes with actor, payment and group."""
    payment, currency = entry.payment, entry.group.currency
    values = {"actor": entry.actor, "amount": format_money(entry.amount, currency)}
    if payment is None:
        return REMINDED % values
    if not payment.said_amount:
        return (NOT_SET_OFF if entry.kind == Kind.TAKEN_BACK else SET_OFF) % values
    values["said"] = format_money(payment.said_amount, currency)
    sentence = SENTENCES[Kind(entry.kind), entry.actor_id == payment.receiver_id] % values
    return WITH_NOTE % {"sentence": sentence, "note": entry.note} if entry.note else sentence
