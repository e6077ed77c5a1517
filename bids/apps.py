from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BidsConfig(AppConfig):
    name = "bids"
    verbose_name = _("Runs")

    def ready(self):
        from . import receivers  # noqa: F401 - connects them
