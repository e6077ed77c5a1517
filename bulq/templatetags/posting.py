import re
import uuid
from dataclasses import dataclass

from django import template
from django.utils.translation import gettext_lazy as _

from bulq.kit.rows import write

register = template.Library()
# Fields that a page fills in itself, not people.
BOOKKEEPING = re.compile(r"was|was-.*|seen|version|next|on|kept|join|waiting|open_lines|owed|_.*")
AMOUNT = re.compile(r"q-[0-9]+")
PASSWORDS = {
    "current_password": _("Current password"),
    "old_password": _("Current password"),
    "new_password": _("New password"),
    "new_password1": _("New password"),
    "new_password_again": _("New password again"),
    "new_password2": _("New password again"),
    "password_again": _("Password again"),
    "password2": _("Password again"),
}


@register.filter
def typed_lines(kept):
    """`[(label, text)]` of the fields of a form that a person filled in."""
    shown = [(name, text) for name, text in kept if text.strip() and not BOOKKEEPING.fullmatch(name)]
    return [(_("Amount") if AMOUNT.fullmatch(name) else _readable(name), text) for name, text in shown]


def _readable(name):
    return name.replace("_", " ").capitalize()


@register.filter
def password_label(name):
    return PASSWORDS.get(name, _("Password"))


@dataclass
class PostToken:
    csrf_token: str
    once: str


@register.simple_tag(takes_context=True)
def post_token(context):
    """The two hidden inputs of every posting form: against forgery, and against sending twice."""
    # The first is masked once for the whole page: each time costs 32 calls for random bytes.
    return write("includes/_post_token.html", [PostToken(str(context["csrf_token"]), str(uuid.uuid4()))])
