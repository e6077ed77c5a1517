"""Rate limits and login."""

from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser

from accounts.views.people import log_in_first
from bulq.kit import languages, ratelimit
from bulq.kit.http import came_from_here, too_many


class RateLimitMiddleware:
    """Refuses too many requests, before any view, form or password is looked at."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        limit = ratelimit.limit_of(request)
        if limit and (seconds := ratelimit.seconds_to_wait(request, limit)):
            if limit in ratelimit.ALWAYS_COUNTED:
                request.user = AnonymousUser()  # the answer should cost no query
            languages.follow(request, request.user)
            return too_many(request, seconds)
        return self.get_response(request)


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """People who have been logged out and send a form of ours log in first; what they typed is kept."""

    def handle_no_permission(self, request, view_func):
        if request.method == "POST" and came_from_here(request):
            return log_in_first(request)
        return super().handle_no_permission(request, view_func)
