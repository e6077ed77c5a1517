"""Names in a sentence."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MOST_NAMES = 5


def listed(names, most=MOST_NAMES):
    """`Ana, Jon and Lea`, of many the first ones and how many more. Names that hold a comma themselves are quoted."""
    names = [str(name) for name in names]
    if any("," in name for name in names):
        names = [_("“%(name)s”") % {"name": name} for name in names]
    rest = len(names) - most
    if rest > 1:
        names = [*names[:most], ngettext("%(count)s more", "%(count)s more", rest) % {"count": rest}]
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
