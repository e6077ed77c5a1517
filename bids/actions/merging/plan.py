"""What all merges have in common: order, locks, the comparison of sums, and taking it back."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.admin.utils import model_ngettext
from django.db import models, transaction
from django.utils.translation import gettext as _

from accounts.models import Group, User
from bids.models import Run
from bulq.kit.errors import BulqError, ChangedMeanwhile
from bulq.kit.live import announce
from bulq.kit.locks import busy_when_locked
from stores.models import Product, Store

from . import people, products, stores

KINDS = {Product: products, Store: stores, User: people}


@dataclass
class Plan:
    """What the merge of `source` into `target` does; with refusals, it does nothing.

    `moved`: how many rows of each model now belong to the target. `united`: sentences about what was there
    on both sides. `sums`: label, before, after; none of them may differ.
    """

    source: models.Model
    target: models.Model
    by: User
    refusals: list = field(default_factory=list)
    moved: Counter = field(default_factory=Counter)
    united: list = field(default_factory=list)
    sums: list = field(default_factory=list)

    def move(self, rows, **values):
        """Point rows of the source to the target."""
        if count := rows.update(**values):
            self.moved[rows.model] += count

    @property
    def moves(self):
        """How many rows of which name."""
        return [(count, model_ngettext(model, count)) for model, count in self.moved.items()]

    @property
    def is_whole(self):
        return all(before == after for _label, before, after in self.sums)


class _Rehearsed(Exception):
    """Takes the transaction of a rehearsal back."""


def rehearse(source, target, *, by):
    """The plan of a merge. Nothing is kept of it."""
    try:
        with transaction.atomic():
            plan = _carry_out(source, target, by=by)
            raise _Rehearsed
    except _Rehearsed:
        return plan


@transaction.atomic
def merge(source, target, *, by):
    """Make the source part of the target, for good. Refused as a whole or done as a whole."""
    plan = _carry_out(source, target, by=by)
    if plan.refusals:
        raise BulqError(" ".join(plan.refusals))
    return plan


def _carry_out(source, target, *, by):
    """Locks groups and runs before the two rows, as everything else does; see bulq/kit/locks.py.

    Whoever writes something new that refers to one of the rows waits, at the latest when committing, and is refused.
    """
    kind = KINDS[type(source)]
    if source.pk == target.pk:
        return Plan(source, target, by, [_("That is the same one. Choose another.")])
    with busy_when_locked():
        list(_once(Group, kind.groups_of(source, target)).select_for_update(no_key=True))
        runs = list(_once(Run, kind.runs_of(source, target)).select_for_update(no_key=True))
        rows = type(source).objects.filter(pk__in=[source.pk, target.pk]).order_by("pk").select_for_update()
        found = {row.pk: row for row in rows}
    if len(found) < 2:
        raise ChangedMeanwhile(_("One of the two is gone: someone else has merged or deleted it in the meantime."))
    plan = Plan(found[source.pk], found[target.pk], by)
    plan.refusals.extend(kind.refusals(plan.source, plan.target))
    if not plan.refusals:
        _unite(kind, plan, runs)
    return plan


def _once(model, condition):
    """Rows that a condition over several tables names; what is locked cannot be made distinct."""
    return model.objects.filter(pk__in=model.objects.filter(condition).values("pk")).order_by("pk")


def _unite(kind, plan, runs):
    name, pk = str(plan.source), plan.source.pk
    before = _sums(kind, plan)
    kind.unite(plan)
    _log(plan, name)
    plan.source.delete()
    plan.source.pk = pk
    after = _sums(kind, plan)
    plan.sums = [(label, before[label], after[label]) for label in before]
    if not plan.is_whole:
        plan.refusals.append(_("The sums would change, so nothing was done."))
    for run in runs:
        announce(f"run:{run.pk}")
        announce(f"group:{run.group_id}")


def _sums(kind, plan):
    keys = [plan.source.pk, plan.target.pk]
    return {label: total or Decimal(0) for label, total in kind.sums(keys)}


def _log(plan, name):
    sentence = _("Merged “%(name)s” (%(pk)s) into this.") % {"name": name, "pk": plan.source.pk}
    LogEntry.objects.log_actions(plan.by.pk, [plan.target], CHANGE, sentence, single_object=True)
    sentence = _("Merged into “%(name)s” (%(pk)s).") % {"name": plan.target, "pk": plan.target.pk}
    LogEntry.objects.log_actions(plan.by.pk, [plan.source], DELETION, sentence, single_object=True)
