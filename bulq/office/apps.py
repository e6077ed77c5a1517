from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class OfficeConfig(AdminConfig):
    default_site = "bulq.office.site.Site"

    def ready(self):
        super().ready()
        from django_otp.plugins.otp_static.models import StaticDevice
        from django_otp.plugins.otp_totp.models import TOTPDevice

        # Their pages would show secrets.
        admin.site.unregister([StaticDevice, TOTPDevice])
