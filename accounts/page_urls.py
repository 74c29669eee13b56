"""The addresses of accounts' pages."""

from django.urls import path

from accounts import page_views

urlpatterns = [
    path("", page_views.home, name="home"),
    path("welcome", page_views.no_account, name="no-account"),
    path("switch-account", page_views.switch, name="switch-account"),
    path("keys", page_views.keys, name="keys"),
    path("team", page_views.team, name="team"),
    path("settings", page_views.member_settings, name="settings"),
]
