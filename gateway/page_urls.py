"""The addresses of gateway's pages."""

from django.urls import path

from gateway.page_views import docs, tasks, workbench

urlpatterns = [
    path("tasks", tasks.tasks, name="tasks"),
    path("workbench", workbench.workbench, name="workbench"),
    path("docs", docs.docs, name="docs"),
]
