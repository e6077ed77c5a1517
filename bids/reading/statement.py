"""A person's debts and payments as rows for a file: their own, whoever administers the group.

A row for each debt of a run (`kind` is "debt"), with what is confirmed as paid of it, and for each payment
("payment"), with what of it covers no debt. `from` owes or paid, `to` is owed or was paid. Sums that are owed to the
person and by the person add up to the balance with each other person: debts less what is paid of them, less credit and
what is said to be on its way.

JSON, version 1: `version`, `person`, `balances` (group, currency, person_id, person, owes: below zero, they owe
you), and `rows` as in the CSV. Amounts are strings of plain decimals, times are ISO 8601.
"""

from django.db.models import F, Q
from django.utils.translation import gettext_lazy, pgettext_lazy

from bids import states
from bids.models.payments import Payment
from bids.models.runs import Participation

from .money import nets_of
from .sums import ZERO, with_owed

VERSION = 1
DEBT, PAYMENT = "debt", "payment"
COLUMNS = {
    "kind": gettext_lazy("kind"),
    "at": gettext_lazy("at"),
    "group": gettext_lazy("group"),
    "currency": gettext_lazy("currency"),
    "from_id": gettext_lazy("from_id"),
    "from": gettext_lazy("from"),
    "to_id": gettext_lazy("to_id"),
    "to": pgettext_lazy("person", "to"),
    "run": gettext_lazy("run"),
    "store": gettext_lazy("store"),
    "day": gettext_lazy("day"),
    "amount": gettext_lazy("amount"),
    "paid": gettext_lazy("paid"),
    "credit": gettext_lazy("credit"),
    "state": gettext_lazy("state"),
    "note": gettext_lazy("note"),
}
# What the column `kind` says.
KINDS = {DEBT: gettext_lazy("debt"), PAYMENT: gettext_lazy("payment")}


class Statement:
    """Of one group, or of all."""

    def __init__(self, user, group=None):
        self.user, self.group = user, group
        self.rows = sorted([*self._debts(), *self._payments()], key=lambda row: (row["at"], row["kind"]))

    def _in_group(self, rows, column):
        return rows.filter(**{column: self.group}) if self.group else rows

    def _debts(self):
        people = Participation.objects.filter(run__state__in=states.WITH_ALLOCATIONS)
        people = self._in_group(people.filter(Q(user=self.user) | Q(run__payer=self.user)), "run__group")
        people = with_owed(people.exclude(user=F("run__payer")))
        for person in people.select_related("user", "run__payer", "run__store", "run__group").order_by("pk"):
            run, paid = person.run, person.paid_amount or ZERO
            if person.total or paid:
                people = _people(person.user, run.payer)
                values = {"run": run.pk, "store": run.store.name, "day": run.day, "amount": person.total, "paid": paid}
                yield _row(DEBT, run.state_at, run.group, people, **values)

    def _payments(self):
        payments = self._in_group(Payment.objects.of(self.user).with_credit(), "group")
        for payment in payments.select_related("group", "sender", "receiver").order_by("pk"):
            people = _people(payment.sender, payment.receiver)
            credit = payment.credit if payment.is_confirmed else None
            values = {
                "day": payment.day,
                "amount": payment.amount,
                "credit": credit,
                "state": payment.state,
                "note": payment.note,
            }
            yield _row(PAYMENT, payment.created_at, payment.group, people, **values)

    def document(self):
        nets = [net for net in nets_of(self.user) if self.group in (None, net.group)]
        return {
            "version": VERSION,
            "person": self.user.name,
            "balances": [
                {
                    "group": net.group.name,
                    "currency": net.currency,
                    "person_id": net.person.pk,
                    "person": net.person.name,
                    "owes": net.balance,
                }
                for net in nets
            ],
            "rows": self.rows,
        }


def _people(owing, owed):
    return {"from_id": owing.pk, "from": owing.name, "to_id": owed.pk, "to": owed.name}


def _row(kind, at, group, people, **values):
    shared = {"kind": kind, "at": at, "group": group.name, "currency": group.currency}
    return dict.fromkeys(COLUMNS) | shared | people | values
