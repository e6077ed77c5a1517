from django.conf import settings
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def is_verified(request):
    """Whether this session has given a code, or none is asked for."""
    return not settings.ADMIN_SECOND_FACTOR or request.user.is_verified()


def safe_next(request):
    """Where the person wanted to go in the admin."""
    url = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours else reverse("admin:index")
