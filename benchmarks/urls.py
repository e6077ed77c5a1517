"""The site's addresses, and one empty signed-in page to compare with."""

from django.http import HttpResponse
from django.urls import include, path


def empty(request):
    """As much as any page needs: the session and the person."""
    return HttpResponse(request.user.name)


urlpatterns = [path("bench/empty/", empty), path("", include("bulq.urls"))]
