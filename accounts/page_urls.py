"""The addresses of accounts' pages."""

from django.urls import path

from accounts.pages import audit_log, entrance, invitation, settings, team

urlpatterns = [
    path("", entrance.home, name="home"),
    path("welcome", entrance.no_account, name="no-account"),
    path("switch-account", entrance.switch, name="switch-account"),
    path("team", team.team, name="team"),
    path("team/invite", team.invite, name="team-invite"),
    path("team/invitations/<str:invitation_id>/again", team.invite_again, name="team-invite-again"),
    path("team/invitations/<str:invitation_id>/withdraw", team.withdraw, name="team-invite-withdraw"),
    path("team/<int:user_id>/role", team.change_role, name="team-role"),
    path("team/<int:user_id>/remove", team.remove, name="team-remove"),
    path("invitations/<str:token>", invitation.invitation, name="invitation"),
    path("settings", settings.general, name="settings"),
    path("settings/profile", settings.profile, name="settings-profile"),
    path("settings/account", settings.rename, name="settings-account"),
    path("settings/security", settings.security, name="settings-security"),
    path("audit", audit_log.audit_log, name="audit"),
]
