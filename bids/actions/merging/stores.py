"""Two stores become one: runs and prices of the source belong to the target."""

from collections import defaultdict

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from bids.actions.calendar import raise_sequence_of_names
from bids.models import Purchase, Run
from stores.models import CatalogueImport, ForwardedStore, Price, StorePair

from .offers import unite_offers
from .pairs import unite_pairs


def groups_of(_source, _target):
    return Q(pk__in=[])


def runs_of(source, target):
    return Q(store__in=[source, target])


def refusals(source, target):
    if source.currency != target.currency:
        yield _("“%(source)s” sells in %(source_currency)s, “%(target)s” in %(target_currency)s.") % {
            "source": source,
            "source_currency": source.currency,
            "target": target,
            "target_currency": target.currency,
        }


def sums(stores):
    bought = Purchase.objects.filter(item__run__store__in=stores)
    yield _("Runs"), Run.objects.filter(store__in=stores).count()
    yield _("Paid there"), bought.aggregate(sum=Sum("total"))["sum"]
    yield _("Prices logged"), Price.objects.filter(offer__store__in=stores).count()


def unite(plan):
    source, target = plan.source, plan.target
    _renumber(plan)
    raise_sequence_of_names(store=source)
    plan.move(Run.objects.filter(store=source), store=target)
    plan.move(CatalogueImport.objects.filter(store=source), store=target)
    unite_offers(plan, source, target, of="store")
    unite_pairs(plan, StorePair.objects)
    ForwardedStore.objects.filter(target=source).update(target=target)
    ForwardedStore.objects.create(old_id=source.pk, target=target)
    target.is_verified = target.is_verified or source.is_verified
    target.is_currency_fixed = target.is_currency_fixed or source.is_currency_fixed
    target.save(update_fields=["is_verified", "is_currency_fixed"])


def _renumber(plan):
    """Runs of a group to one store on one day are told apart by their number."""
    numbers = defaultdict(list)
    for group, day, number in Run.objects.filter(store__in=[plan.source, plan.target]).values_list(
        "group_id", "day", "number"
    ):
        numbers[group, day].append(number)
    changed = []
    for run in Run.objects.filter(store=plan.source).select_related("store", "group").order_by("pk"):
        same_name = numbers[run.group_id, run.day]
        if same_name.count(run.number) > 1:
            same_name.remove(run.number)
            run.number = max(same_name) + 1
            same_name.append(run.number)
            changed.append(run)
            plan.united.append(_("A run gets another number: %(run)s.") % {"run": run})
    if changed:
        Run.objects.bulk_update(changed, ["number"])
