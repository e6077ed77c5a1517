"""When a run closes, typed as day and time on the clocks of its group."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bids.actions.closing import ClosingTime
from bulq.kit.dates import format_time
from bulq.kit.zones import moments, zone_label

LOCK, TELL = "lock", "tell"
FIRST, SECOND = "first", "second"
FURTHEST = timedelta(days=366)
# Hours before closing at which the last stretch begins by itself.
STRETCHES = {"": gettext_lazy("Not"), "3": gettext_lazy("3 h"), "6": gettext_lazy("6 h"), "24": gettext_lazy("24 h")}


class ClosingFields(forms.Form):
    """Asks which of two moments is meant when clocks are put back, and refuses times they skip."""

    closing_day = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Enter a day, for example 2026-11-26")},
    )
    closing_time = forms.TimeField(
        required=False,
        input_formats=["%H:%M", "%H:%M:%S", "%H.%M"],
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": gettext_lazy("Enter a time, for example 18:00")},
    )
    which = forms.ChoiceField(
        required=False,
        choices=[(FIRST, ""), (SECOND, "")],
        widget=forms.RadioSelect(attrs={"class": "options"}),
        error_messages={"invalid_choice": gettext_lazy("Choose one of the two")},
    )
    at_closing = forms.ChoiceField(
        label=gettext_lazy("At that time"),
        required=False,
        initial=LOCK,
        choices=[(LOCK, gettext_lazy("Lock by itself")), (TELL, gettext_lazy("Remind me"))],
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": gettext_lazy("Choose one of the two")},
    )
    last_stretch = forms.ChoiceField(
        label=gettext_lazy("Only full packs before that"),
        required=False,
        initial="",
        choices=list(STRETCHES.items()),
        widget=forms.RadioSelect,
        help_text=gettext_lazy("In the last stretch amounts can only make packs fuller."),
        error_messages={"invalid_choice": gettext_lazy("Choose one of these")},
    )
    asks_which = False

    def __init__(self, *args, zone, run=None, **kwargs):
        """`zone` is that of the group; a form about a `run` begins with its closing time."""
        self.zone = zone
        initial = kwargs.pop("initial", {})
        super().__init__(*args, initial=(self._typed_as(run) if run else {}) | initial, **kwargs)
        self.fields["closing_time"].label = _("Time, in %(place)s") % {"place": place_of(zone)}
        if run and run.closes_at and not self.is_bound:
            self._moments(self.initial["closing_day"], self.initial["closing_time"])

    def _typed_as(self, run):
        """What someone would have typed for the closing time of the run."""
        at_closing = LOCK if run.locks_itself else TELL
        hours = str(run.last_stretch_hours or "")
        if run.closes_at is None:
            return {"at_closing": at_closing, "last_stretch": hours}
        local = run.closes_at.astimezone(self.zone)
        return {
            "closing_day": local.date(),
            "closing_time": local.time().replace(fold=0),
            "which": SECOND if local.fold else FIRST,
            "at_closing": at_closing,
            "last_stretch": hours,
        }

    def clean(self):
        data = super().clean()
        day, time = data.get("closing_day"), data.get("closing_time")
        if {"closing_day", "closing_time"} & self.errors.keys():
            return data
        if day and time is None:
            self.add_error("closing_time", _("Enter the time as well"))
        elif time is not None and not day:
            self.add_error("closing_day", _("Enter the day as well"))
        elif day:
            data["closes_at"] = self._chosen(day, time.replace(second=0, microsecond=0), data.get("which"))
        return data

    def _chosen(self, day, time, which):
        """The moment that is meant; None, with an error at its field, if that can't be said."""
        today = timezone.localdate(timezone=self.zone)
        if day < today:
            self.add_error("closing_day", _("This day has passed. Choose a later one"))
            return None
        if day > today + FURTHEST:
            self.add_error("closing_day", _("Choose a day within the next year"))
            return None
        found = self._moments(day, time)
        if not found:
            text = _("The clocks go forward then, and there is no %(time)s. Choose another time")
            self.add_error("closing_time", text % {"time": format_time(time)})
            return None
        if self.asks_which and which not in (FIRST, SECOND):
            if "which" not in self.errors:
                text = _("Say which %(time)s you mean")
                self.add_error("which", text % {"time": format_time(time)})
            return None
        return found[which == SECOND] if self.asks_which else found[0]

    def _moments(self, day, time):
        """The moments that are meant by a day and a time; prepares the question which of two."""
        found = moments(day, time, self.zone)
        if len(found) == 2:
            self.asks_which = self.fields["which"].required = True
            params = {"time": format_time(time)}
            question = self["which"]  # has taken over the field's texts already
            question.label = _("Which %(time)s?") % params
            question.help_text = _("The clocks go back then, so %(time)s comes twice.") % params
            first, second = _names(*(moment.astimezone(self.zone) for moment in found))
            self.fields["which"].choices = [
                (FIRST, _("The first, %(zone)s") % {"zone": first}),
                (SECOND, _("The second, %(zone)s") % {"zone": second}),
            ]
        return found

    @property
    def closing(self):
        data = self.cleaned_data
        hours, locks_itself = data.get("last_stretch"), data.get("at_closing") != TELL
        return ClosingTime(data.get("closes_at"), locks_itself, int(hours) if hours else None)


def place_of(zone):
    """“Vienna” of Europe/Vienna."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def _names(first, second):
    """“summer time: CEST (UTC+2)” and “winter time: CET (UTC+1)”, or only the labels."""
    texts = "%(zone)s", "%(zone)s"
    if first.dst() > timedelta() == second.dst():
        texts = _("summer time: %(zone)s"), _("winter time: %(zone)s")
    return [text % {"zone": zone_label(local)} for text, local in zip(texts, (first, second), strict=True)]


class ClosingForm(ClosingFields):
    """The closing time of a run that is collecting; without day and time it has none."""

    version = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)


class UnlockForm(ClosingFields):
    """A new closing time for a list that is opened again after the old one."""

    def clean(self):
        data = super().clean()
        if not self.errors and data.get("closes_at") is None:
            self.add_error("closing_day", _("Choose a day and a time, or unlock without a closing time"))
        return data
