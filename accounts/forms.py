"""What people type about themselves and their groups. Each field says what to do instead of what is wrong."""

import re

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator, ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from bulq.kit import bank
from bulq.kit.money import currency_choices
from bulq.kit.names import normalise_username
from bulq.kit.zones import parse_zone, proposed_zones

from .models import HowToPay, User
from .validators import validate_plain_line

LONGEST_PASSWORD = 128
PASTED_LINK = re.compile(r"(?:.*/join/)?([A-Za-z0-9_-]{20,32})/?(?:[?#].*)?", re.DOTALL)


class LineField(forms.CharField):
    """One line of a certain length, trimmed, in any script."""

    def __init__(self, *, low=1, high=100, autocomplete="off", **kwargs):
        super().__init__(**kwargs)
        self.widget.attrs |= {"autocomplete": autocomplete, "maxlength": high}
        self.validators += [
            MinLengthValidator(
                low,
                ngettext_lazy(
                    "Enter at least %(limit_value)d character",
                    "Enter at least %(limit_value)d characters",
                    "limit_value",
                ),
            ),
            MaxLengthValidator(
                high,
                ngettext_lazy(
                    "Enter at most %(limit_value)d character",
                    "Enter at most %(limit_value)d characters",
                    "limit_value",
                ),
            ),
            validate_plain_line,
        ]


class PersonNameField(LineField):
    def __init__(self, **kwargs):
        errors = {"required": _("Enter your name")}
        kwargs = {"label": _("Name"), "help_text": _("As your friends know you")} | kwargs
        super().__init__(low=1, high=100, autocomplete="name", error_messages=errors, **kwargs)


class UsernameField(LineField):
    """Accepts any case and surrounding blanks; cleans to the one spelling that is stored."""

    def __init__(self, **kwargs):
        errors = {"required": _("Enter a username")}
        hint = _("3 to 50 letters from a to z, digits, _ or -. You log in with it.")
        kwargs = {"label": _("Username"), "help_text": hint, "error_messages": errors} | kwargs
        super().__init__(low=3, high=50, autocomplete="username", **kwargs)
        self.widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        # Surrounding blanks are trimmed on the server, so the browser must not count them.
        del self.widget.attrs["maxlength"]
        self.validators += User._meta.get_field("username").validators[1:2]

    def to_python(self, value):
        return normalise_username(super().to_python(value))


class PasswordField(forms.CharField):
    def __init__(self, *, autocomplete="new-password", **kwargs):
        kwargs = {"error_messages": {"required": _("Enter a password")}} | kwargs
        super().__init__(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}), **kwargs)
        self.validators.append(
            MaxLengthValidator(LONGEST_PASSWORD, _("A password has at most %(limit_value)d characters"))
        )


class PasswordAgainField(PasswordField):
    """Only has to equal the first; every other rule is checked there."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.validators = []


class EmailField(forms.EmailField):
    def __init__(self, **kwargs):
        errors = {
            "required": _("Enter your e-mail address"),
            "invalid": _("Enter an e-mail address, for example ana@example.org"),
        }
        kwargs = {"label": _("E-mail"), "max_length": 254, "error_messages": errors} | kwargs
        super().__init__(widget=forms.EmailInput(attrs={"autocomplete": "email"}), **kwargs)


class OptionalEmailField(EmailField):
    def __init__(self):
        hint = _("Only used to reset a forgotten password and for e-mail notifications")
        super().__init__(required=False, help_text=hint)


class CurrencyField(forms.ChoiceField):
    def __init__(self, **kwargs):
        errors = {"required": _("Choose a currency"), "invalid_choice": _("Choose a currency from the list")}
        super().__init__(label=_("Currency"), choices=currency_choices, error_messages=errors, **kwargs)


class ZoneInput(forms.TextInput):
    """A text field that proposes the zones containing what is typed."""

    template_name = "includes/_zone_input.html"

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = f"{context['widget']['attrs'].get('id', name)}_zones"
        return context | {"zones": proposed_zones()}


class ZoneField(forms.CharField):
    """The IANA name of a time zone."""

    def __init__(self, **kwargs):
        widget = ZoneInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
        hint = _("Closing times are in it. Type a city, for example Vienna.")
        super().__init__(label=_("Time zone"), help_text=hint, widget=widget, **kwargs)

    def to_python(self, value):
        text = super().to_python(value)
        return parse_zone(text) if text else text


class NewPassword(forms.Form):
    """A password typed twice, checked against the rules for the person it is for.

    Subclasses define `person()`: the person as they will be, so that the password cannot be their own name.
    """

    first, second = "password", "password_again"

    def clean(self):
        super().clean()
        password, again = self.cleaned_data.get(self.first), self.cleaned_data.get(self.second)
        if password and again and password != again:
            self.add_error(self.second, _("The two passwords differ. Enter the same one twice"))
        if password:
            try:
                password_validation.validate_password(password, self.person())
            except ValidationError as error:
                self.add_error(self.first, error)


class RegistrationForm(NewPassword):
    name = PersonNameField()
    username = UsernameField()
    email = OptionalEmailField()
    password = PasswordField(label=_("Password"), help_text=_("At least 8 characters"))
    password_again = PasswordAgainField(
        label=_("Password again"), error_messages={"required": _("Enter the password again")}
    )
    join = forms.CharField(required=False, widget=forms.HiddenInput)

    def person(self):
        return User(**{name: self.cleaned_data.get(name, "") for name in ("name", "username", "email")})

    def person_fields(self):
        return {name: self.cleaned_data[name] for name in ("name", "username", "email", "password")}


class LoginForm(auth_forms.AuthenticationForm):
    username = UsernameField(help_text="", error_messages={"required": _("Enter your username")})
    password = PasswordField(
        label=_("Password"),
        autocomplete="current-password",
        error_messages={"required": _("Enter your password")},
    )
    error_messages = {"invalid_login": _("Wrong username or password. Try again.")}

    def __init__(self, request=None, *args, **kwargs):
        super().__init__(request, *args, **kwargs)
        # An impossible username gets the same answer as an unknown one.
        self.fields["username"].validators = [ProhibitNullCharactersValidator()]
        self.fields["username"].widget.attrs.pop("maxlength", None)

    def get_invalid_login_error(self):
        return ValidationError(self.error_messages["invalid_login"], code="invalid_login")


class CurrentPassword(forms.Form):
    """Asks for the password again, so that a borrowed phone with an open page does not give the account away."""

    current_password = PasswordField(
        label=_("Current password"),
        autocomplete="current-password",
        error_messages={"required": _("Enter your current password")},
    )

    def __init__(self, user, *args, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_current_password(self):
        if not self.user.check_password(self.cleaned_data["current_password"]):
            raise ValidationError(_("This is not your current password. Try again"))
        return self.cleaned_data["current_password"]


class ProfileForm(CurrentPassword):
    name = PersonNameField()
    username = UsernameField()
    email = OptionalEmailField()
    wants_mail = forms.BooleanField(label=_("Send me notifications by e-mail"), required=False)

    field_order = ["name", "username", "email", "wants_mail", "current_password"]

    def __init__(self, user, *args, **kwargs):
        initial = {name: getattr(user, name) for name in ("name", "username", "email", "wants_mail")}
        super().__init__(user, *args, initial=initial, auto_id="profile_%s", **kwargs)

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("wants_mail") and cleaned.get("email") == "":
            self.add_error("email", _("Enter the address to send them to"))
        return cleaned


class PasswordForm(NewPassword, CurrentPassword):
    new_password = PasswordField(label=_("New password"), help_text=_("At least 8 characters"))
    new_password_again = PasswordAgainField(
        label=_("New password again"), error_messages={"required": _("Enter the new password again")}
    )

    first, second = "new_password", "new_password_again"
    field_order = ["current_password", "new_password", "new_password_again"]

    def __init__(self, user, *args, **kwargs):
        super().__init__(user, *args, auto_id="password_%s", **kwargs)

    def person(self):
        return self.user


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=User.Theme,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a theme"), "invalid_choice": _("Choose a theme from the list")},
    )

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, initial={"theme": user.theme}, auto_id="theme_%s", **kwargs)


class LanguageChoice(forms.RadioSelect):
    """Each language is named in itself."""

    option_template_name = "includes/_language_option.html"


class LanguageForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language"),
        choices=User._meta.get_field("language").choices,
        required=False,
        widget=LanguageChoice(attrs={"class": "options"}),
        error_messages={"invalid_choice": _("Choose a language from the list")},
    )

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, initial={"language": user.language}, auto_id="language_%s", **kwargs)


class RemindersForm(forms.Form):
    wants_reminders = forms.BooleanField(
        label=_("Remind me before a run closes while I am still choosing"), required=False
    )

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, initial={"wants_reminders": user.wants_reminders}, auto_id="reminders_%s", **kwargs)


class AccountField(forms.CharField):
    """An IBAN or a Serbian account; cleans to the compact form that is stored."""

    def __init__(self, *, parse=bank.parse_account, **kwargs):
        too_long = {"max_length": _("This is too long. Enter only the number")}
        super().__init__(required=False, max_length=100, error_messages=too_long, **kwargs)
        self.widget.attrs |= {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        self.parse = parse

    def clean(self, value):
        text = super().clean(value)
        return self.parse(text) if text else ""


class HowToPayForm(CurrentPassword):
    account = AccountField(label=_("Account number"), help_text=_("IBAN, or a Serbian account"))
    bic = AccountField(
        parse=bank.parse_bic,
        label=_("BIC"),
        help_text=_("Only for an account outside the European Economic Area, for example in Switzerland or Serbia"),
    )
    text = LineField(high=200, required=False, label=_("A line of text"), help_text=_("For example “Cash is fine too”"))

    field_order = ["account", "bic", "text", "current_password"]

    def __init__(self, user, *args, **kwargs):
        kept = HowToPay.objects.filter(user=user).first() or HowToPay()
        initial = {"account": bank.as_written(kept.account), "bic": kept.bic, "text": kept.text}
        super().__init__(user, *args, initial=initial, auto_id="pay_%s", **kwargs)

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("bic") and cleaned.get("account") == "":
            self.add_error("account", _("Enter the account number, too"))
        return cleaned


class ResetRequestForm(forms.Form):
    email = EmailField()


class ResetForm(NewPassword):
    """Sets the new password at the end of the framework's reset flow, which calls `save`."""

    new_password = PasswordField(label=_("New password"), help_text=_("At least 8 characters"))
    new_password_again = PasswordAgainField(
        label=_("New password again"), error_messages={"required": _("Enter the new password again")}
    )
    first, second = "new_password", "new_password_again"

    def __init__(self, user, *args, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def person(self):
        return self.user

    def save(self):
        self.user.set_password(self.cleaned_data["new_password"])
        self.user.save(update_fields=["password"])
        return self.user


class GroupForm(forms.Form):
    name = LineField(
        low=2,
        label=_("Group name"),
        help_text=_("For example “Thursday Club”"),
        error_messages={"required": _("Enter a name for the group")},
    )
    currency = CurrencyField(help_text=_("Every run in the group uses it"))
    timezone = ZoneField(required=False)

    def clean_timezone(self):
        """Left empty, it stays as it was preset."""
        return self.cleaned_data["timezone"] or self.initial.get("timezone", "")


class GroupSettingsForm(GroupForm):
    """The currency field is removed once it is fixed, but a page opened earlier may still send it."""

    sends_reminders = forms.BooleanField(
        label=_("Remind people who are still choosing before a run closes"), required=False
    )

    def __init__(self, group, *args, **kwargs):
        initial = {"name": group.name, "currency": group.currency, "timezone": group.zone.key}
        super().__init__(*args, initial=initial | {"sends_reminders": group.sends_reminders}, **kwargs)
        if group.is_currency_fixed and "currency" not in self.data:
            del self.fields["currency"]


class InviteLinkForm(forms.Form):
    link = forms.CharField(
        label=_("I have an invite link"),
        max_length=500,
        help_text=_("Paste the whole link, including /join/"),
        error_messages={
            "required": _("Paste the invite link"),
            "max_length": _("This is too long for an invite link. Paste only the link"),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_link(self):
        """The token in what was pasted: a link of this site, whatever its host, or the token alone."""
        found = PASTED_LINK.fullmatch(self.cleaned_data["link"])
        if not found:
            raise ValidationError(_("This is not an invite link. Paste the whole link, including /join/"))
        return found[1]
