from django.apps import AppConfig


class BulqConfig(AppConfig):
    name = "bulq"

    def ready(self):
        from . import checks  # noqa: F401 - registers them
