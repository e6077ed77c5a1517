from django.contrib.admin.apps import AdminConfig


class OfficeConfig(AdminConfig):
    default_site = "bulq.office.site.Site"
