"""Pairs that look the same: looking for them, and telling two apart for good."""

from itertools import chain

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bulq.kit.errors import ChangedMeanwhile
from bulq.kit.locks import locked
from stores.models import Product, Store
from stores.reading.pairs import PAIRS, alike, not_compared

AT_ONCE, BATCH = 2000, 100  # rows: in one task, and in one transaction


def look_for_pairs():
    """Compare what is new or has changed with all others; after an import, as much as takes a minute or two."""
    for model in (Store, Product):
        due = list(not_compared(model)[:AT_ONCE])
        for at in range(0, len(due), BATCH):
            _compare(model, due[at : at + BATCH])


@transaction.atomic
def _compare(model, due):
    """Waits for nobody: rows that someone else has locked, and those that resemble them, have their turn next time."""
    found = alike(model, [row.pk for row in due])
    keys = {*(row.pk for row in due), *chain(*found)}
    rows = model.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True, skip_locked=True)
    busy = keys - set(rows.values_list("pk", flat=True))
    kept = [pair for pair in found if not busy.intersection(pair)]
    late = busy.union(*(pair for pair in found if busy.intersection(pair)))
    done = [row for row in due if row.pk not in late]
    pairs = PAIRS[model].objects
    pairs.proposed().of_any(done).delete()
    made = [PAIRS[model](first_id=first, second_id=second, likeness=found[first, second]) for first, second in kept]
    pairs.bulk_create(made, ignore_conflicts=True)  # of those told apart
    for row in done:
        row.compared_as = row.compare_as
    model.objects.bulk_update(done, ["compared_as"])


@transaction.atomic
def tell_apart(model, pair_id, *, by):
    """Two rows are not the same, and are not proposed again."""
    pair = _locked_pair(model, pair_id)
    if pair.told_apart_at is None:
        _mark(pair, by, timezone.now())
        _log(pair, _("Not the same as “%(name)s” (%(pk)s)."), by=by)
    return pair


@transaction.atomic
def propose_again(model, pair_id, *, by):
    """Take that back. The worker looks once more whether they are alike, as one may have another name by now."""
    pair = _locked_pair(model, pair_id)
    if pair.told_apart_at is not None:
        _mark(pair, None, None)
        model.objects.filter(pk__in=[pair.first_id, pair.second_id]).update(compared_as="")
        _log(pair, _("Perhaps the same as “%(name)s” (%(pk)s) after all."), by=by)
    return pair


def _locked_pair(model, pair_id):
    try:
        return locked(PAIRS[model].objects.select_related("first", "second"), pk=pair_id)
    except PAIRS[model].DoesNotExist:
        raise ChangedMeanwhile(_("This pair is gone: one of the two has been merged, renamed or deleted.")) from None


def _mark(pair, by, at):
    pair.told_apart_by, pair.told_apart_at = by, at
    pair.save(update_fields=["told_apart_by", "told_apart_at"])


def _log(pair, sentence, *, by):
    """In the admin's log, at both of the two."""
    for row, other in ((pair.first, pair.second), (pair.second, pair.first)):
        text = sentence % {"name": other, "pk": other.pk}
        LogEntry.objects.log_actions(by.pk, [row], CHANGE, text, single_object=True)
