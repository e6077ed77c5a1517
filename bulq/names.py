"""Several names in one sentence."""

from babel.lists import format_list

from .money import current_locale


def joined(names):
    """“Bob”, “Bob and Hana”, “Bob, Hana, and Dora”, in the reader's language."""
    return format_list([str(name) for name in names], locale=current_locale())
