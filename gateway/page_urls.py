"""The addresses of gateway's pages."""

from django.urls import path

from gateway import page_views

urlpatterns = [
    path("tasks", page_views.tasks, name="tasks"),
    path("workbench", page_views.workbench, name="workbench"),
    path("docs", page_views.docs, name="docs"),
]
