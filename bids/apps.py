from django.apps import AppConfig


class BidsConfig(AppConfig):
    name = "bids"

    def ready(self):
        from . import receivers  # noqa: F401 - connects them
