"""The addresses of accounts."""

from django.urls import path

from accounts.api.keys import KeyRotationView, KeysView, KeyView

urlpatterns = [
    path("api/v1/keys", KeysView.as_view()),
    path("api/v1/keys/<str:key_id>", KeyView.as_view()),
    path("api/v1/keys/<str:key_id>/rotate", KeyRotationView.as_view()),
]
