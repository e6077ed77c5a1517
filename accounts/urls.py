from django.contrib.auth import views as framework
from django.urls import include, path

from bulq.kit.http import repeatable
from bulq.kit.ratelimit import limited

from .views import groups, membership, people

# Named as in the framework, whose own pages refer to each other by these names.
password_reset = [
    path("", limited("reset")(people.PasswordReset.as_view()), name="password_reset"),
    path("done/", framework.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path("complete/", framework.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
    path("<uidb64>/<token>/", people.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
]

group = [
    path("people/", membership.people, name="people"),
    path("people/<int:user_id>/role/", membership.member_role, name="member-role"),
    path("people/<int:user_id>/remove/", membership.member_remove, name="member-remove"),
    path("invite/renew/", membership.invite_renew, name="invite-renew"),
    path("invite/joining/", membership.invite_joining, name="invite-joining"),
    path("settings/", groups.group_settings, name="group-settings"),
    path("leave/", membership.group_leave, name="group-leave"),
]

urlpatterns = [
    path("login/", limited("login")(repeatable(people.Login.as_view())), name="login"),
    path("language/", people.switch_language, name="language"),
    path("logout/", people.logout_here, name="logout"),
    path("logout/everywhere/", people.logout_everywhere, name="logout-everywhere"),
    path("register/", people.register, name="register"),
    path("join/<slug:token>/", membership.join, name="join"),
    path("password-reset/", include(password_reset)),
    path("me/settings/", people.settings, name="settings"),
    path("me/settings/profile/", people.settings_profile, name="settings-profile"),
    path("me/settings/password/", people.settings_password, name="settings-password"),
    path("me/settings/theme/", people.settings_theme, name="settings-theme"),
    path("me/settings/language/", people.settings_language, name="settings-language"),
    path("me/settings/reminders/", people.settings_reminders, name="settings-reminders"),
    path("me/settings/pay/", people.settings_pay, name="settings-pay"),
    path("me/settings/calendar/", people.settings_calendar, name="settings-calendar"),
    path("mail/off/<str:token>/", people.mail_off, name="mail-off"),
    path("reminders/off/<str:token>/", people.reminders_off, name="reminders-off"),
    path("me/close/", people.close, name="close-account"),
    path("groups/", groups.groups, name="groups"),
    path("groups/new/", groups.group_new, name="group-new"),
    path("groups/invite-link/", groups.invite_link, name="invite-link"),
    path("groups/<int:group_id>/", include(group)),
]
