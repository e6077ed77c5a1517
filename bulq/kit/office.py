"""What the pages of the site admin have in common: panels, writing, and refusing to delete what is in use."""

from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.db import IntegrityError, models, transaction
from django.forms import SplitDateTimeField
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from .numbers import parse_id

NEWEST = 20  # rows of a panel
PANELS = defaultdict(list)


def address_of(row):
    """Where the admin shows a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@dataclass(frozen=True)
class Cell:
    """A text of a panel, and the address of what it names, if the admin has a page for it."""

    text: str
    address: str = ""


@dataclass(frozen=True)
class Panel:
    """What belongs to the row of a page. A value that is a row itself becomes a link to it."""

    title: str
    columns: tuple
    rows: list = field(repr=False)
    total: int
    address: str = ""

    @property
    def cells(self):
        return [
            [Cell(str(value), address_of(value)) if isinstance(value, models.Model) else Cell(value) for value in row]
            for row in self.rows
        ]

    @property
    def has_more(self):
        return self.total > len(self.rows)


def newest(title, rows, columns, **found_by):
    """A panel of the first rows of a queryset. `columns` are pairs of a heading and a function from a row to a value.

    `found_by` is how the list of all of them is filtered.
    """
    shown = list(rows[: NEWEST + 1])
    options = rows.model._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist") + "?" + urlencode(found_by)
    total = len(shown) if len(shown) <= NEWEST else rows.order_by().count()
    values = [[value(row) for _heading, value in columns] for row in shown[:NEWEST]]
    return Panel(title, tuple(heading for heading, _value in columns), values, total, address)


def panel_of(model, *, needs):
    """Register a function from a row of `model` to a panel for its page, for people who may view the model `needs`.

    So a lower app's page shows what a higher app knows.
    """

    def register(make):
        PANELS[model].append((needs, make))
        return make

    return register


class Office(admin.ModelAdmin):
    """Writes the changed columns only, so that an open page does not undo what people have changed since.

    Conflicts with another request become a sentence.
    """

    list_per_page = 50
    show_full_result_count = False
    # Whether the site has a page for making two of its rows one.
    can_be_merged = False
    # Relations whose rows are deleted along with a row, and so do not keep it from being deleted.
    deleted_along = ()
    # Derived columns, written together with their source.
    written_along = {}
    # Lookups over several tables that the panels of other pages filter the list by.
    found_by = ()

    def save_model(self, request, obj, form, change):
        if not change:
            if hasattr(obj, "created_by"):
                obj.created_by = request.user
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in obj._meta.concrete_fields}.intersection(form.changed_data)
        along = {self.written_along[name] for name in columns & self.written_along.keys()}
        obj.save(update_fields=columns | along)

    def lookup_allowed(self, lookup, value, request=None):
        return lookup in self.found_by or super().lookup_allowed(lookup, value, request)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        """Date and time are two inputs, and Django names neither."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, SplitDateTimeField):
            for widget, part in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                widget.attrs["aria-label"] = f"{field.label}: {part}"
        return field

    def get_changeform_initial_data(self, request):
        """Initial values from the address; Django's autocomplete fields take numbers only."""
        given = super().get_changeform_initial_data(request).items()
        return {name: value for name, value in given if name not in self.autocomplete_fields or parse_id(value)}

    # --- Pages -------------------------------------------------------------------------------------
    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if change and obj is not None:
            context["panels"] = self._panels(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _panels(self, request, row):
        registered = self.admin_site._registry
        return [make(row) for model, make in PANELS[self.model] if registered[model].has_view_permission(request)]

    def changeform_view(self, request, *args, **kwargs):
        return self._refused(request, super().changeform_view, *args, **kwargs)

    def changelist_view(self, request, *args, **kwargs):
        return self._refused(request, super().changelist_view, *args, **kwargs)

    def delete_view(self, request, object_id, extra_context=None):
        return self._refused(request, super().delete_view, object_id, extra_context)

    def render_delete_form(self, request, context):
        """What is in use is shown below the refusal, which is a 409 when deleting was asked for."""
        is_refused = bool(context["protected"])
        context["panels"] = self._panels(request, context["object"]) if is_refused else []
        response = super().render_delete_form(request, context)
        response.status_code = 409 if is_refused and request.method == "POST" else response.status_code
        return response

    def _refused(self, request, view, *args, **kwargs):
        try:
            with transaction.atomic():
                return view(request, *args, **kwargs)
        except IntegrityError:
            sentence = _(
                "Someone else got there first: the name is taken, or this is in use by now. Nothing was changed."
            )
            self.message_user(request, sentence, messages.ERROR)
            return redirect(request.get_full_path())

    # --- Deleting ----------------------------------------------------------------------------------
    def get_deleted_objects(self, objs, request):
        """Nothing that is in use is deleted; of that, a sentence for each row takes the place of Django's tree."""
        rows = list(objs)
        if sentences := list(self._in_use(rows)):
            return [], {}, set(), sentences
        return super().get_deleted_objects(rows, request)

    def _in_use(self, rows):
        uses = defaultdict(list)
        relations = [one for one in self.model._meta.get_fields(include_hidden=True) if one.auto_created]
        relations = [
            one for one in relations if (one.one_to_many or one.one_to_one) and one.name not in self.deleted_along
        ]
        for relation in relations:
            column = relation.field.name
            of_rows = relation.related_model._base_manager.filter(**{f"{column}__in": rows})
            for pk, count in of_rows.order_by().values_list(column).annotate(models.Count("pk")):
                uses[pk].append(f"{count} {model_ngettext(relation.related_model, count)}")
        for row in rows:
            if row.pk in uses:
                parts = ", ".join(uses[row.pk])
                yield _("“%(name)s” can't be deleted because it is in use: %(parts)s.") % {"name": row, "parts": parts}


class LookOnly(Office):
    """Can be searched and filtered but not changed: sums and states belong together."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
