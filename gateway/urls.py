"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler. Endpoints' own are the registry's."""

from typing import Any

from django.urls import path
from django.utils.module_loading import import_string

from gateway.api.chat import legacy_completions
from gateway.api.models import ModelsView
from gateway.api.tasks import CancelTaskView, TaskListView, TaskView
from gateway.api.upstream_webhooks import UpstreamWebhookView
from gateway.endpoints import ENDPOINTS


def _views_of_endpoints() -> dict[str, Any]:
    """The registry's views by path."""
    views: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        for address in endpoint.addresses:
            views.setdefault(address.path, import_string(address.view))
    return views


urlpatterns = [
    *(path(each.removeprefix("/"), view.as_view()) for each, view in _views_of_endpoints().items()),
    path("api/v1/models", ModelsView.as_view()),
    path("api/v1/tasks", TaskListView.as_view()),
    path("api/v1/tasks/<str:task_id>", TaskView.as_view()),
    path("api/v1/tasks/<str:task_id>/cancel", CancelTaskView.as_view()),
    path("v1/completions", legacy_completions),
    path("v1/models", ModelsView.as_view()),
    path("webhooks/upstreams/<str:upstream>", UpstreamWebhookView.as_view()),
]
