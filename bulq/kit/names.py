"""Names of people and things: comparing them, and listing several in a sentence."""

import re
import unicodedata

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MOST_NAMES = 5


def listed(names, most=MOST_NAMES):
    """`Ana, Jon and Lea`; of many, the first ones and how many more. Names that contain a comma are quoted."""
    names = [str(name) for name in names]
    if any("," in name for name in names):
        names = [quoted(name) for name in names]
    rest = len(names) - most
    if rest > 1:
        names = [*names[:most], ngettext("%(count)s more", "%(count)s more", rest) % {"count": rest}]
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}


def quoted(text):
    """`“Ana, from work”`: in the reader's quotation marks."""
    return _("“%(name)s”") % {"name": text}


def initials(name):
    """First letters of the first and the last word, whatever the script."""
    words = re.findall(r"\w+", str(name))
    return "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words)).upper() or "?"


def normalise_username(username):
    """The one spelling of a username, at registration, at login and in limits: trimmed, lower case."""
    return unicodedata.normalize("NFKC", username).strip().lower()


def fold(text):
    """Key under which two spellings are the same name: width, case, spaces and invisible signs are ignored."""
    visible = (sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return "".join("".join(visible).casefold().split())
