"""The addresses of usage's pages."""

from django.urls import path

from usage.page_views import credits, explore, overview

urlpatterns = [
    path("overview", overview.overview, name="overview"),
    path("usage", explore.usage, name="usage"),
    path("credits", credits.credits, name="credits"),
]
