from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from bulq.kit.languages import forget_cookie


@receiver(user_logged_out)
def forget_language(request, user, **_kwargs):
    """Of someone who chose for themselves, no language stays behind in the browser."""
    if user and user.language:
        forget_cookie(request)
