"""The language of a page, and the switch at its foot."""

from django import template
from django.conf import settings
from django.utils.translation import get_language

from bulq.kit import languages
from bulq.kit.http import back_url

register = template.Library()
register.filter("language_tag", languages.tag_of)
register.simple_tag(languages.current_tag, name="page_language")


@register.inclusion_tag("includes/_languages.html", takes_context=True)
def language_switch(context):
    """Leads back to this page; from the answer to a form, to the page with the form."""
    request = context["request"]
    return {
        "languages": settings.LANGUAGES,
        "current": get_language(),
        "next": request.get_full_path() if request.method in ("GET", "HEAD") else back_url(request),
    }
