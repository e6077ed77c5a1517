"""Bringing a catalogue: its file is sent, the worker brings it, and the report says what became of each line."""

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bulq.kit.errors import BulqError
from bulq.kit.http import flash_errors
from bulq.kit.names import listed
from bulq.kit.numbers import parse_id
from bulq.kit.office import LookOnly, address_of
from bulq.watch import health
from stores.actions import uploads
from stores.actions.importing import CHANGED, EQUAL, NEW, SKIPPED
from stores.importing import ENCODINGS, NAMES, check, parse_mapping
from stores.importing.jobs import beginning_of, is_under_way, percent_of
from stores.models import CatalogueImport, Offer, Store

from .merging import TargetField

OUTCOMES = {NEW: _("New"), CHANGED: _("Changed"), EQUAL: _("Equal"), SKIPPED: _("Skipped")}


class BringForm(forms.Form):
    """`upload` is a file that was sent before this form, `name` what it is called."""

    upload = forms.UUIDField(
        required=False, widget=forms.HiddenInput, error_messages={"invalid": _("Choose the file again")}
    )
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    file = forms.FileField(
        required=False,
        label=_("File"),
        widget=forms.FileInput({"accept": ".csv,.tsv,.txt,text/csv"}),
        error_messages={"empty": _("This file is empty.")},
    )
    is_rehearsal = forms.TypedChoiceField(
        label=_("What to do"),
        choices=[("yes", _("Dry run: say what would happen, and change nothing")), ("no", _("Bring it for real"))],
        coerce=lambda text: text == "yes",
        initial="yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two"), "invalid_choice": _("Choose one of the two")},
    )
    encoding = forms.ChoiceField(
        required=False,
        label=_("Encoding"),
        choices=[("", _("Find out")), *((name, name) for name in ENCODINGS)],
        error_messages={"invalid_choice": _("Choose one of the list")},
    )
    columns = forms.CharField(
        required=False,
        max_length=2000,
        label=_("Columns"),
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, site, *args, **options):
        super().__init__(*args, **options)
        store = TargetField(
            Store.objects.all(),
            label=_("Store"),
            widget=AutocompleteSelect(Offer._meta.get_field("store"), site),
            error_messages={"required": _("Choose a store"), "invalid_choice": _("This store is gone. Choose another")},
        )
        self.fields = {"store": store} | self.fields
        most = {"most": uploads.most_bytes() // uploads.MEGABYTE}
        self.fields["file"].help_text = _("A CSV file of at most %(most)d MB. Its first line names the columns.") % most
        text = _(
            "Only if columns are not found by their names. One in each line, as price=Cena sa PDV; nothing after the = "
            "leaves a column out. The names are: %(names)s."
        )
        self.fields["columns"].help_text = text % {"names": listed(NAMES, most=len(NAMES))}

    def clean(self):
        given = super().clean()
        if not given.get("file") and not given.get("upload") and "file" not in self.errors:
            self.add_error("file", _("Choose the file with the catalogue"))
        return given

    def received(self, by):
        """The file, which the page need not send again when something else is refused."""
        sent, pk = self.cleaned_data["file"], self.cleaned_data["upload"]
        file = uploads.keep_file(sent, name=sent.name, by=by) if sent else uploads.uploaded(pk, by=by)
        self.data = self.data.copy()
        self.data["upload"], self.data["name"] = str(file.pk), file.name
        return file

    @property
    def shown_name(self):
        """Of the file that is here already."""
        return self["upload"].value() and self["name"].value()


class PartForm(forms.Form):
    upload = forms.UUIDField()
    number = forms.IntegerField(min_value=0, max_value=10**5)
    size = forms.IntegerField(min_value=0, max_value=10**12)
    part = forms.FileField(allow_empty_file=True)


class CatalogueImportAdmin(LookOnly):
    """What was brought in the last week. Adding one is sending a file; the page of one shows how it goes."""

    list_display = ["file", "store", "is_rehearsal", "state", "by", "asked_at"]
    list_filter = ["state", "is_rehearsal"]
    found_by = ("store",)
    list_select_related = ["store", "by", "file"]
    search_fields = ["file__name", "store__name", "by__name"]
    date_hierarchy = "asked_at"
    ordering = ["-pk"]
    fields = autocomplete_fields = ["store"]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("part/", view(self.part), name="stores_catalogueimport_part"),
            path("<int:object_id>/report/", view(self.report), name="stores_catalogueimport_report"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request):
        return request.user.has_perm("stores.add_catalogueimport")

    def has_delete_permission(self, request, obj=None):
        return request.user.has_perm("stores.delete_catalogueimport")

    def delete_model(self, request, obj):
        uploads.forget([obj])

    def delete_queryset(self, request, queryset):
        uploads.forget(queryset.all())

    # --- Sending a file ----------------------------------------------------------------------------
    @method_decorator(require_http_methods(["GET", "POST"]))
    def add_view(self, request, form_url="", extra_context=None):
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BringForm(self.admin_site, request.POST or None, request.FILES or None, initial=self._initial(request))
        if form.is_valid():
            with flash_errors(form):
                return redirect(address_of(self._ask(form, request.user)))
        status = getattr(form, "refusal_status", 422) if form.is_bound else 200
        context = self.admin_site.each_context(request) | {
            "title": _("Bring a catalogue"), "opts": self.opts, "form": form, "media": form.media,
            "part": uploads.PART, "most": uploads.most_bytes(),
        }  # fmt: skip
        return TemplateResponse(request, "admin/bring.html", context, status=status)

    def _initial(self, request):
        """A store of the address, or what was said about an earlier import of one's own file."""
        earlier = CatalogueImport.objects.filter(pk=parse_id(request.GET.get("again", "")), by=request.user)
        if (job := earlier.select_related("file").first()) and self.has_view_permission(request, job):
            return {
                "store": job.store_id, "upload": job.file_id, "name": job.file.name, "encoding": job.encoding,
                "columns": "\n".join(job.columns), "is_rehearsal": "yes" if job.is_rehearsal else "no",
            }  # fmt: skip
        return {"store": parse_id(request.GET.get("store", ""))}

    def _ask(self, form, by):
        columns = [line for line in form.cleaned_data["columns"].splitlines() if line.strip()]
        mapping, encoding = parse_mapping(columns), form.cleaned_data["encoding"]
        file = form.received(by)
        check(beginning_of(file), encoding, mapping)
        options = {"is_rehearsal": form.cleaned_data["is_rehearsal"], "encoding": encoding, "columns": columns}
        return uploads.ask_for_import(file, form.cleaned_data["store"], by=by, **options)

    @method_decorator(require_POST)
    def part(self, request):
        """One part of a file: nothing but the status, or a sentence."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PartForm(request.POST, request.FILES)
        if not form.is_valid():
            return HttpResponse(_("This part can't be read. Choose the file again."), "text/plain", status=400)
        sent = form.cleaned_data
        try:
            uploads.keep_part(
                sent["upload"], sent["number"], sent["part"].read(), name=sent["part"].name, size=sent["size"],
                by=request.user,
            )  # fmt: skip
        except BulqError as error:
            return HttpResponse(error.message, "text/plain; charset=utf-8", status=error.status)
        return HttpResponse(status=204)

    # --- How it goes -------------------------------------------------------------------------------
    @method_decorator(require_safe)
    def change_view(self, request, object_id, form_url="", extra_context=None):
        rows = CatalogueImport.objects.select_related("store", "by", "file")
        job = get_object_or_404(rows, pk=parse_id(object_id))
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        is_ours = job.by_id == request.user.pk and self.has_add_permission(request)
        seen = health.last_seen()["worker"]
        context = self.admin_site.each_context(request) | {
            "title": job, "opts": self.opts, "original": job, "job": job, "is_ours": is_ours,
            "may_delete": self.has_delete_permission(request, job),
            "is_under_way": job.state == job.State.RUNNING and is_under_way(),
            "percent": percent_of(job) if job.state == job.State.RUNNING else None,
            "is_worker_away": seen is None or seen[1], "worker_seen": seen and seen[0],
            "not_read": listed(job.reading.get("not_read", []), most=20),
            "outcomes": [(label, job.counts.get(name, 0)) for name, label in OUTCOMES.items()],
        }  # fmt: skip
        return TemplateResponse(request, "admin/brought.html", context)

    @method_decorator(require_safe)
    def report(self, request, object_id):
        job = get_object_or_404(CatalogueImport.objects.select_related("report"), pk=object_id)
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        if job.is_open or job.report is None:
            raise Http404
        response = StreamingHttpResponse(job.report.read(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="bulq-import-{job.pk}.csv"'
        return response
