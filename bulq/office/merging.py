"""Making two rows one: the other is searched for, what would happen is shown, and then it is done."""

import hashlib

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, User
from bids.actions.merging import merge, rehearse
from bulq.kit.errors import BulqError
from bulq.kit.numbers import parse_id
from bulq.kit.office import address_of
from stores.models import Offer, Product, Store

# For each model that can be merged, a foreign key to it: that is what Django's autocomplete searches by.
SEARCHED_BY = {
    Product: Offer._meta.get_field("product"),
    Store: Offer._meta.get_field("store"),
    User: Membership._meta.get_field("user"),
}
SHOWN = 100  # sentences about what was there twice, as many as in the template


def names_of(model):
    return model._meta.app_label, model._meta.model_name


def may_merge(request, office):
    """Who may not change and delete its rows may not merge them."""
    app, name = names_of(office.model)
    return office.has_change_permission(request) and request.user.has_perm(f"{app}.delete_{name}")


class TargetField(forms.ModelChoiceField):
    def bound_data(self, data, initial):
        """Django's autocomplete takes numbers only."""
        return data if parse_id(data) else None


class MergeForm(forms.Form):
    """`seen` is what the preview showed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, model, site, *args, **options):
        super().__init__(*args, **options)
        self.fields["target"] = TargetField(
            model.objects.all(),
            label=_("Merge into"),
            widget=AutocompleteSelect(SEARCHED_BY[model], site),
            error_messages={
                "required": _("Choose what it should become part of"),
                "invalid_choice": _(
                    "This one is gone: someone else has merged or deleted it in the meantime. Choose another."
                ),
            },
        )


def merge_page(site, model):
    """The view `/<id>/merge/` of a model; `?target=` is chosen already."""

    def view(request, object_id):
        office = site.get_model_admin(model)
        if not may_merge(request, office):
            raise PermissionDenied
        source = get_object_or_404(model, pk=object_id)
        if not office.has_change_permission(request, source):
            raise PermissionDenied
        form = MergeForm(model, site, request.POST or None, initial={"target": parse_id(request.GET.get("target", ""))})
        plan, status = None, 200
        if form.is_valid():
            if not office.has_change_permission(request, form.cleaned_data["target"]):
                raise PermissionDenied
            plan, status = _do(request, source, form)
            if status == 302:
                return redirect(address_of(plan.target))
        elif form.is_bound:
            status = 422
        context = site.each_context(request) | {
            "title": _("Merge"), "opts": model._meta, "original": source, "form": form, "plan": plan,
            "media": form.media, "seen": _digest(plan) if plan else "",
            "more_united": plan and max(0, len(plan.united) - SHOWN),
        }  # fmt: skip
        return TemplateResponse(request, "admin/merge.html", context, status=status)

    return view


def _do(request, source, form):
    """The plan, and the status of the answer: 302 once it is done."""
    target, seen = form.cleaned_data["target"], form.cleaned_data["seen"]
    try:
        plan = rehearse(source, target, by=request.user)
        if plan.refusals:
            form.add_error("target", " ".join(plan.refusals))
            return None, 422
        if not seen:
            return plan, 200
        if seen != _digest(plan):
            form.add_error(None, _("Something has changed since this was shown. Look at it again, then merge."))
            return plan, 409
        name, plan = str(source), merge(source, target, by=request.user)
    except BulqError as error:
        form.add_error("target", error.message)
        return None, error.status
    messages.success(request, _("“%(name)s” is part of this now.") % {"name": name})
    return plan, 302


def _digest(plan):
    shown = plan.source.pk, plan.target.pk, str(plan.target), plan.moves, plan.united, plan.sums
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]
