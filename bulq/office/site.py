from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

# The menu, in this order. Everything else is under "Internals".
MENU = (
    *("accounts.User", "accounts.Group", "stores.Store", "stores.Product", "stores.Price", "bids.Run"),
    *("bulq.BackupRun", "accounts.SiteSettings"),
)


class Site(AdminSite):
    """Django's admin with a menu in the words of the people who run the site."""

    site_title = site_header = _("Bulq site admin")
    index_title = _("Is everything well?")
    enable_nav_sidebar = False

    def get_urls(self):
        internals = path("internals/", self.admin_view(self.internals), name="internals")
        return [internals, *super().get_urls()]

    def each_context(self, request):
        context = super().each_context(request)
        return context | {"menu": self._menu(context["available_apps"]) if context["has_permission"] else []}

    @staticmethod
    def _menu(available):
        """The models of the menu that the person may see, as Django describes them."""
        by_label = {model["model"]._meta.label: model for app in available for model in app["models"]}
        return [by_label[label] for label in MENU if label in by_label]

    def index(self, request, extra_context=None):
        from .front import front_page  # models can be imported only now

        return super().index(request, {"front": front_page(), **(extra_context or {})})

    def internals(self, request):
        """Every table, for superusers who look for something unusual."""
        if not request.user.is_superuser:
            raise PermissionDenied
        context = self.each_context(request) | {"title": _("Internals"), "app_list": self.get_app_list(request)}
        return TemplateResponse(request, "admin/internals.html", context)
