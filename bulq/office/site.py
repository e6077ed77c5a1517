from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from .doors import is_verified, safe_next

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
        from . import merging, same, views  # models can be imported only now

        return [
            *(
                path(
                    "{}/{}/<int:object_id>/merge/".format(*merging.names_of(model)),
                    self.admin_view(merging.merge_page(self, model)),
                    name="{}_{}_merge".format(*merging.names_of(model)),
                )
                for model in merging.SEARCHED_BY
            ),
            *(
                path(
                    "{}/{}/<int:object_id>/{}/".format(*merging.names_of(pairs), name),
                    self.admin_view(view(self, model)),
                    name="{}_{}_{}".format(*merging.names_of(pairs), name),
                )
                for model, pairs in same.PAIRS.items()
                for name, view in (("apart", same.apart), ("again", same.again))
            ),
            path("same/", self.admin_view(same.same_page(self)), name="same"),
            path("same/told-apart/", self.admin_view(same.told_apart_page(self)), name="told_apart"),
            path("internals/", self.admin_view(self.internals), name="internals"),
            path("second-factor/", views.second_factor, name="second_factor"),
            path("second-factor-set-up/", views.set_up, name="second_factor_set_up"),
            *super().get_urls(),
        ]

    def has_permission(self, request):
        """Decides for every address of the admin but logging in and the second factor itself."""
        return super().has_permission(request) and is_verified(request)

    def login(self, request, extra_context=None):
        if request.method == "GET" and super().has_permission(request) and not is_verified(request):
            return redirect(f"{reverse('admin:second_factor')}?{urlencode({'next': safe_next(request)})}")
        return super().login(request, extra_context)

    def each_context(self, request):
        context = super().each_context(request)
        return context | {"menu": self._menu(context["available_apps"]) if context["has_permission"] else []}

    @staticmethod
    def _menu(available):
        """The models of the menu that the person may see, as Django describes them."""
        by_label = {model["model"]._meta.label: model for app in available for model in app["models"]}
        return [by_label[label] for label in MENU if label in by_label]

    def index(self, request, extra_context=None):
        from .front import front_page

        return super().index(request, {"front": front_page(), **(extra_context or {})})

    def internals(self, request):
        """Every table, for superusers who look for something unusual."""
        if not request.user.is_superuser:
            raise PermissionDenied
        context = self.each_context(request) | {"title": _("Internals"), "app_list": self.get_app_list(request)}
        return TemplateResponse(request, "admin/internals.html", context)
