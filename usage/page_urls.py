"""The addresses of usage's pages."""

from django.urls import path

from usage import page_views

urlpatterns = [
    path("overview", page_views.overview, name="overview"),
    path("usage", page_views.usage, name="usage"),
    path("credits", page_views.credits, name="credits"),
]
