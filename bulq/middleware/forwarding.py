"""Addresses of products and stores that became part of another lead on to it."""

from django.http import HttpResponsePermanentRedirect
from django.urls import reverse

from stores.models import forwarded


class ForwardingMiddleware:
    """Looks only when a page was not found, so that other pages pay nothing for it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        route = request.resolver_match
        if response.status_code != 404 or request.method != "GET" or not route or not request.user.is_authenticated:
            return response
        arguments = forwarded(route.kwargs)
        if arguments == route.kwargs:
            return response
        query = f"?{request.META['QUERY_STRING']}" if request.META["QUERY_STRING"] else ""
        return HttpResponsePermanentRedirect(reverse(route.view_name, kwargs=arguments) + query)
