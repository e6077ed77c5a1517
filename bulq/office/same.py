"""What looks the same, side by side: to be merged, or told apart for good."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Model, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.db.models.options import Options
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bids.models import Bid, Run
from bulq.kit.dates import format_day
from bulq.kit.names import listed
from bulq.kit.units import unit_name
from stores.actions.pairs import propose_again, tell_apart
from stores.models import Offer, Price, Product, Store
from stores.reading.pairs import PAIRS, not_compared

from .merging import may_merge

SHOWN = 20  # pairs of a kind
PAGE = 50  # of those told apart
# Where a row is used: the name of the count, the rows, and by which of their columns.
USES = {
    Product: (
        ("offer_count", Offer, "product"),
        ("price_count", Price, "offer__product"),
        ("bid_count", Bid, "product"),
    ),
    Store: (("offer_count", Offer, "store"), ("price_count", Price, "offer__store"), ("run_count", Run, "store")),
}


@dataclass(frozen=True)
class Twins:
    """A pair. `facts`: a label, and what each of the two has; `kept`: the one that had better stay."""

    pk: int
    first: Model
    second: Model
    percent: int
    facts: list
    kept: Model

    @property
    def ways(self):
        """Each of the two, and the other, which can become part of it."""
        return (self.first, self.second), (self.second, self.first)


@dataclass(frozen=True)
class Kind:
    """`waiting`: how many rows are still to be compared."""

    options: Options
    pairs: list[Twins] = field(repr=False)
    total: int
    waiting: int
    may_merge: bool

    @property
    def more(self):
        return self.total - len(self.pairs)


def same_page(site):
    """The view `same/`, with the models that the person may change."""

    @require_safe
    def view(request):
        kinds = [_kind(office.model, may_merge=may_merge(request, office)) for office in _offices(site, request)]
        context = site.each_context(request) | {"title": _("Pairs that look the same"), "kinds": kinds}
        return TemplateResponse(request, "admin/same.html", context)

    return view


def told_apart_page(site):
    """The view `same/told-apart/`: what is not proposed again. `?product=2` is the second page of products."""

    @require_safe
    def view(request):
        kinds = []
        for office in _offices(site, request):
            rows = PAIRS[office.model].objects.told_apart().select_related("first", "second", "told_apart_by")
            kinds.append((office.opts, Paginator(rows, PAGE).get_page(request.GET.get(office.opts.model_name))))
        context = site.each_context(request) | {"title": _("Told apart"), "kinds": kinds}
        return TemplateResponse(request, "admin/told_apart.html", context)

    return view


def _offices(site, request):
    """Of the models whose rows the person may change."""
    offices = [site.get_model_admin(model) for model in (Product, Store)]
    offices = [office for office in offices if office.has_change_permission(request)]
    if not offices:
        raise PermissionDenied
    return offices


def again(site, model):
    """The view `/<id>/again/` of the pairs of a model: perhaps they are the same after all."""

    @require_POST
    def view(request, object_id):
        if not site.get_model_admin(model).has_change_permission(request):
            raise PermissionDenied
        pair = propose_again(model, object_id, by=request.user)
        names = {"first": pair.first, "second": pair.second}
        messages.success(request, _("“%(first)s” and “%(second)s” can be proposed again.") % names)
        return redirect("admin:told_apart")

    return view


def apart(site, model):
    """The view `/<id>/apart/` of the pairs of a model: they are not the same."""

    @require_POST
    def view(request, object_id):
        if not site.get_model_admin(model).has_change_permission(request):
            raise PermissionDenied
        pair = tell_apart(model, object_id, by=request.user)
        names = {"first": pair.first, "second": pair.second}
        messages.success(request, _("“%(first)s” and “%(second)s” are not proposed again.") % names)
        return redirect("admin:same")

    return view


def _kind(model, *, may_merge):
    proposed = PAIRS[model].objects.proposed()
    pairs = list(proposed[:SHOWN])
    rows = _with_uses(model, {pk for pair in pairs for pk in (pair.first_id, pair.second_id)})
    twins = [_twins(pair, rows[pair.first_id], rows[pair.second_id]) for pair in pairs]
    return Kind(model._meta, twins, proposed.count(), not_compared(model).count(), may_merge)


def _with_uses(model, keys):
    """The rows by key, with how often each is used."""
    rows = model.objects.select_related("created_by")
    if model is Product:
        rows = rows.select_related("category").prefetch_related("aliases")
    for name, used_in, column in USES[model]:
        used = used_in.objects.filter(**{column: OuterRef("pk")}).order_by().values(column)
        rows = rows.annotate(**{name: Coalesce(Subquery(used.annotate(count=Count("pk")).values("count")), 0)})
    return rows.in_bulk(keys)


def _twins(pair, first, second):
    both = zip(_facts(first), _facts(second), strict=True)
    facts = [(label, mine, other) for (label, mine), (_label, other) in both if mine != "" or other != ""]
    kept = max(first, second, key=lambda row: (row.is_verified, sum(_uses(row)), -row.pk))
    return Twins(pair.pk, first, second, round(pair.likeness * 100), facts, kept)


def _uses(row):
    return [getattr(row, name) for name, _used_in, _column in USES[type(row)]]


def _facts(row):
    if isinstance(row, Product):
        yield _("Unit"), unit_name(row.unit)
        yield _("Category"), row.category or ""
        yield _("Bar code"), row.printed_barcode
        yield _("Other names"), listed([alias.name for alias in row.aliases.all()])
    else:
        yield _("Chain"), row.chain
        yield _("Address"), row.address
    yield _("Verified"), _("yes") if row.is_verified else _("no")
    yield _("Added"), format_day(row.created_at)
    yield _("Added by"), row.created_by or ""
    last = _("Orders") if isinstance(row, Product) else _("Runs")
    yield from zip((_("Offers"), _("Prices"), last), _uses(row), strict=True)
