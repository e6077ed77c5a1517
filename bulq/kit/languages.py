"""Which language a page, a mail or a task speaks.

A code is a key of `settings.LANGUAGES`: only those are stored and set as a cookie. `code_of` makes one of what browsers
send.
"""

from django.conf import settings
from django.utils.translation import activate, get_language, override, to_locale
from django.utils.translation.trans_real import parse_accept_lang_header

# What browsers call the languages of people who read Serbian: in Latin letters, unless they ask for Cyrillic ones.
SERBIAN = {"sr", "sh", "hr", "bs", "cnr"}
# What pages and headers call a language (BCP 47), where its code says less.
TAGS = {"sr": "sr-Cyrl"}


def tag_of(code):
    """`sr-Latn` of `sr-latn`, for `lang` and Content-Language."""
    return TAGS.get(code) or to_locale(code).replace("_", "-")


def code_of(tag, codes):
    """The one of `codes` that a tag means, however it is spelt (`sr_RS`, `RU`, `en-GB`); None if it is none of them."""
    parts = tag.lower().replace("_", "-").split("-")
    if parts[0] in SERBIAN:
        parts = ["sr"] if "cyrl" in parts else ["sr", "latn"]
    prefixes = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((code for code in prefixes if code in codes), None)


def is_known(code):
    return code in dict(settings.LANGUAGES)


def of_reader(request):
    """By cookie, else as the browser says, else the site's."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    return chosen if is_known(chosen) else _of_browser(request) or settings.LANGUAGE_CODE


def _of_browser(request):
    codes = dict(settings.LANGUAGES)
    for tag, priority in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if priority and tag != "*" and (code := code_of(tag, codes)):
            return code
    return None


def of_person(person):
    """In which language to write to someone."""
    return person.language or settings.LANGUAGE_CODE


def speaking_to(person):
    """A context in which everything is in the language of its receiver, whoever caused it."""
    return override(of_person(person))


def follow(request, user):
    """From here on, answer in what `user` has chosen; without a choice, or for a stranger, in the reader's language."""
    activate(getattr(user, "language", "") or of_reader(request))


def current_tag():
    return tag_of(get_language())


def set_cookie(response, code):
    """Keep a stranger's choice in the browser."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )


def forget_cookie(request):
    """What strangers chose in this browser counts no more; the answer takes the cookie away (`delete_cookie`)."""
    if request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None) is not None:
        request.forgets_language = True


def delete_cookie(request, response):
    if getattr(request, "forgets_language", False):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, max_age=0, secure=settings.LANGUAGE_COOKIE_SECURE,
                            samesite=settings.LANGUAGE_COOKIE_SAMESITE)  # fmt: skip
