"""What may be typed as a name or a password. Imports nothing of ours; models, forms and settings use it."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

# They reverse the direction of the text around them, far beyond the name itself.
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
CONTROLS = {"Cc", "Cs", "Zl", "Zp"}


def validate_plain_line(text):
    """Require one readable line: no control characters, and at least one visible character."""
    categories = {unicodedata.category(letter) for letter in text}
    if categories & CONTROLS or DIRECTION_MARKS.intersection(text):
        raise ValidationError(_("Leave out line breaks and control characters"), code="control")
    if text and not any(category[0] in "LNPS" for category in categories):
        raise ValidationError(_("Enter at least one letter or digit"), code="invisible")


class MaximumLengthValidator:
    """Limits what has to be hashed, wherever a password is set."""

    def __init__(self, max_length=128):
        self.max_length = max_length

    def validate(self, password, user=None):
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self):
        return ngettext("Enter at most %(count)d character", "Enter at most %(count)d characters", self.max_length) % {
            "count": self.max_length
        }
