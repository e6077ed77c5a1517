"""How every form is rendered, and how a form selects a row."""

from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .numbers import parse_id


class FormRenderer(TemplatesSetting):
    form_template_name = "includes/_form.html"
    field_template_name = "includes/_field.html"


class RowField(forms.ModelChoiceField):
    """A row chosen by its id, which is parsed like every submitted id."""

    def to_python(self, value):
        if isinstance(value, str) and value not in self.empty_values and parse_id(value) is None:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value})
        return super().to_python(value)


class PastDayField(forms.DateField):
    """A day that is not to come."""

    def __init__(self, **kwargs):
        super().__init__(
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"required": _("Enter the day"), "invalid": _("Enter a day, for example 2026-11-26")},
            **kwargs,
        )

    def validate(self, value):
        super().validate(value)
        # Where the person is it may be tomorrow already.
        if value and value > timezone.localdate() + timedelta(days=1):
            raise ValidationError(_("This day is still to come"))
