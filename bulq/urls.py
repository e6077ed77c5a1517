from django.contrib import admin
from django.urls import include, path

from .views import admin_login, alive, backup_health, no_stream, ready

handler400 = "bulq.views.bad_request"
handler500 = "bulq.views.answer_to_error"
urlpatterns = [
    path("admin/login/", admin_login),  # found under the admin's own name for it
    path("admin/", admin.site.urls),
    path("health/live", alive, name="health-live"),
    path("health/ready", ready, name="health-ready"),
    path("health/backup", backup_health, name="health-backup"),
    path("live/", no_stream, name="live"),
    path("", include("accounts.urls")),
    path("", include("stores.urls")),
    path("", include("bids.urls")),
]
