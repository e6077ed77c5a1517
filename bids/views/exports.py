"""A run as files: CSV, JSON, and sheets to print."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from bids.access import get_run_to_show
from bids.reading.export import EXTRA, RUN_TOTAL, TOTAL, WISH, Export, Sheets
from bulq.kit.errors import BulqError, NotAllowed
from bulq.kit.tables import BOM, write_for_reader

COLUMNS = {
    "person_id": gettext_lazy("person_id"),
    "person": gettext_lazy("person"),
    "product_id": gettext_lazy("product_id"),
    "product": gettext_lazy("product"),
    "brand": gettext_lazy("brand"),
    "unit": gettext_lazy("unit"),
    "wanted": gettext_lazy("wanted"),
    "received": gettext_lazy("received"),
    "cost": gettext_lazy("cost"),
    "picked_up": gettext_lazy("picked_up"),
    "kind": gettext_lazy("kind"),
    "limit": gettext_lazy("limit"),
    "all_or_nothing": gettext_lazy("all_or_nothing"),
    "instead": gettext_lazy("instead"),
}
# What the column `kind` says.
KINDS = {
    WISH: gettext_lazy("wish"),
    EXTRA: gettext_lazy("extra costs"),
    TOTAL: gettext_lazy("total"),
    RUN_TOTAL: gettext_lazy("run total"),
}


def _get_exportable(request, run_id):
    run = get_run_to_show(request.user, run_id)
    if not run.participations.current().filter(user=request.user).exists():
        raise NotAllowed(_("Only people in this run can export it."))
    if not run.can_be_exported:
        raise BulqError(_("A run can be exported once its list is locked."))
    return run


@require_GET
def csv_file(request, run_id):
    run = _get_exportable(request, run_id)
    response = HttpResponse(BOM, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="bulq-run-{run.pk}.csv"'
    rows = Export(run, request.user).table()
    rows = (row | {"kind": str(KINDS[row["kind"]])} for row in rows)
    write_for_reader(response, COLUMNS.values(), ([row[column] for column in COLUMNS] for row in rows))
    return response


@require_GET
def json_file(request, run_id):
    run = _get_exportable(request, run_id)
    document = Export(run, request.user).document()
    response = JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="bulq-run-{run.pk}.json"'
    return response


@require_GET
def sheets(request, run_id):
    """Sheets by product and by person, made to be printed."""
    run = _get_exportable(request, run_id)
    return render(request, "bids/print.html", {"run": run, "sheets": Sheets(Export(run, request.user))})
