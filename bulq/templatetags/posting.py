import uuid

from django import template
from django.utils.html import format_html

register = template.Library()


@register.simple_tag(takes_context=True)
def post_token(context):
    """The two hidden inputs of every posting form: against forgery, and against sending twice."""
    return format_html(
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><input type="hidden" name="once" value="{}">',
        context["csrf_token"],  # masked once for the whole page: each time costs 32 calls for random bytes
        uuid.uuid4(),
    )
