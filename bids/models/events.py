from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bids.states import RunState
from bulq.kit.money import format_money
from bulq.kit.units import with_unit
from stores.models import Product

from .runs import Run

# The sentence of each kind of event in the history. Figures come from `Event.data`.
SENTENCES = {
    "run_started": _("%(actor)s started the run"),
    "run_edited": _("%(actor)s changed the day or the note"),
    "run_moved": _("%(actor)s moved the run from “%(origin)s” to “%(to)s”"),
    "left_run": _("%(subject)s left the run; their order was dropped"),
    "left_group": _("%(subject)s left the group; their order stays"),
    "helper_named": _("%(actor)s made %(subject)s a helper"),
    "helper_ended": _("%(subject)s is no longer a helper"),
    "lead_offered": _("%(actor)s asked %(subject)s to take over the lead"),
    "lead_offer_withdrawn": _("%(actor)s no longer asks %(subject)s to take over the lead"),
    "lead_declined": _("%(actor)s declined to take over the lead"),
    "lead_accepted": _("%(actor)s took over the lead from %(subject)s"),
    "ordered": _("%(actor)s wants %(quantity)s of %(product)s"),
    "ordered_for": _("%(actor)s changed %(subject)s's order: %(quantity)s of %(product)s"),
    "interested": _("%(actor)s may want %(product)s"),
    "interested_for": _("%(actor)s changed %(subject)s's order: maybe %(product)s"),
    "order_removed": _("%(actor)s took %(product)s off their order"),
    "order_removed_for": _("%(actor)s took %(product)s off %(subject)s's order"),
    "commented": _("%(actor)s wrote about %(product)s: “%(comment)s”"),
    "commented_for": _("%(actor)s changed %(subject)s's comment on %(product)s: “%(comment)s”"),
    "ready": _("%(actor)s is done choosing"),
    "not_ready": _("%(actor)s is choosing again"),
    "keeps_order": _("%(actor)s keeps their order as it is"),
    "sorts_again": _("%(actor)s is sorting out again"),
    "bought": _("%(actor)s bought %(quantity)s of %(product)s for %(total)s"),
    "purchase_edited": _(
        "%(actor)s corrected the purchase of %(product)s: %(quantity)s for %(total)s, "
        "previously %(was_quantity)s for %(was_total)s"
    ),
    "put_back": _("%(actor)s put %(product)s back on the list"),
    "not_there": _("%(actor)s marked %(product)s as not there"),
    "back_on_list": _("%(actor)s says %(product)s may be there after all"),
    "added_in_shop": _("%(actor)s added %(quantity)s of %(product)s in the shop"),
    "added_in_shop_for": _("%(actor)s added %(quantity)s of %(product)s in the shop for %(subject)s"),
    "sorted_out": _("%(actor)s now takes %(quantity)s of %(product)s"),
    "sorted_out_for": _("%(actor)s decided for %(subject)s: %(quantity)s of %(product)s"),
    "total_corrected": _("%(actor)s corrected what %(product)s cost: %(total)s, previously %(was)s"),
    "extra_added": _("%(actor)s added “%(label)s”: %(amount)s"),
    "extra_removed": _("%(actor)s removed “%(label)s”: %(amount)s"),
    "picked_up": _("%(actor)s handed %(quantity)s of %(product)s to %(subject)s"),
    "not_picked_up": _("%(actor)s unmarked %(product)s as handed to %(subject)s"),
    "paid": _("%(actor)s marked %(subject)s's payment of %(amount)s"),
    "not_paid": _("%(actor)s unmarked %(subject)s's payment of %(amount)s"),
}
AMOUNTS = {"total", "was_total", "amount"}
QUANTITIES = {"quantity", "was_quantity"}
# What a change of state adds to its sentence.
DETAILS = {
    "still_choosing": _("Still choosing then"),
    "forced": _("Divided by the leader"),
    "not_collected": _("Not collected"),
}


class Event(models.Model):
    """Something that happened in a run: by whom, when, and to whom or which product.

    `data` holds the figures of the moment as text; the sentence is made when the history is read, in the language
    of the reader.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=30)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
    # Ids of people to notify besides its subject; not stored.
    concerns = ()

    class Meta:
        indexes = [models.Index(fields=["run", "-id"], name="event_newest")]

    def __str__(self):
        return f"{self.kind} in run {self.run_id}"

    def sentence(self, currency, text=None):
        """The event as a sentence, or `text` filled with its values; amounts are in the run's currency."""
        for_other = self.subject_id and f"{self.kind}_for" in SENTENCES
        params = {key: self._shown(key, value, currency) for key, value in self.data.items()}
        params |= {"actor": self.actor, "subject": self.subject, "product": self.product}
        return (text or SENTENCES[f"{self.kind}_for" if for_other else self.kind]) % params

    def details(self):
        """Lists that belong to a change of state: `[(heading, names)]`."""
        return [(heading, self.data[key]) for key, heading in DETAILS.items() if self.data.get(key)]

    def _shown(self, key, value, currency):
        if key in AMOUNTS or (key == "was" and self.kind == "total_corrected"):
            return format_money(Decimal(value), currency)
        if key in QUANTITIES and value:
            return with_unit(Decimal(value), self.product.unit)
        if key == "to" and value == RunState.COMPLETED and self.data["origin"] == RunState.SHOPPING:
            return _("Settled")  # nothing was bought, so nothing is handed out or owed
        if key in ("origin", "to"):
            return RunState(value).label
        return value
