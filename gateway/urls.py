"""The gateway's addresses; aio_platform.asgi gives them to GatewayHandler. Endpoints' own are the registry's."""

import re
from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import Resolver404, URLPattern, URLResolver, path
from django.urls.resolvers import RegexPattern
from django.utils.module_loading import import_string

from aio_platform.http.schema_view import SCHEMA_PATH
from gateway.api.chat.messages import CountTokensView
from gateway.api.gemini.count_tokens import GeminiCountView
from gateway.api.gemini.models import GeminiModelsView, GeminiModelView, SharedModelsView, SharedModelView
from gateway.api.models import ModelsView, ModelView
from gateway.api.tasks import CancelTaskView, TaskListView, TaskView
from gateway.api.upstream_webhooks import UpstreamWebhookView
from gateway.endpoints import ENDPOINTS, BadEndpoint, Endpoint

_BESIDE_ENDPOINTS = [
    path("api/v1/models", ModelsView.as_view()),
    path("api/v1/models/<path:model>", ModelView.as_view()),
    path("api/v1/tasks", TaskListView.as_view()),
    path("api/v1/tasks/<str:task_id>", TaskView.as_view()),
    path("api/v1/tasks/<str:task_id>/cancel", CancelTaskView.as_view()),
    path("v1/messages/count_tokens", CountTokensView.as_view()),
    path("v1/models", SharedModelsView.as_view()),
    # Before the models, whose ids may hold anything.
    path("v1/models/<path:model>:countTokens", GeminiCountView.as_view(schema=None)),
    path("v1/models/<path:model>", SharedModelView.as_view()),
    path("v1beta/models", GeminiModelsView.as_view()),
    path("v1beta/models/<path:model>:countTokens", GeminiCountView.as_view()),
    path("v1beta/models/<path:model>", GeminiModelView.as_view()),
    path("webhooks/upstreams/<str:upstream>", UpstreamWebhookView.as_view()),
]


def views_of(endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
    """The views of endpoints by path, each path's the first that the registry names.

    Raises BadEndpoint where a path is already one of the platform's other addresses, or a name is a scope that keys
    have for one of them: who may call the endpoint could then read an account's usage.
    """
    others = [*_BESIDE_ENDPOINTS]
    for urlconf in settings.API_URLCONFS:
        others += import_module(urlconf).urlpatterns
    resolver = URLResolver(RegexPattern(r"^/"), others)
    scopes = {_scope_of(pattern) for pattern in others}
    views: dict[str, Any] = {}
    for endpoint in endpoints:
        if endpoint.name in scopes:
            raise BadEndpoint(f"{endpoint.name} is a scope of keys already")
        for address in endpoint.addresses:
            # Ours that name a model say more than the addresses of models do, and come before them.
            is_fixed = "{" not in address.path
            if address.path == f"/{SCHEMA_PATH}" or (is_fixed and _resolves(resolver, address.path)):
                raise BadEndpoint(f"{endpoint.name}: {address.path} is another address of the platform")
            views.setdefault(address.path, import_string(address.view))
    return views


def _route_of(address: str) -> str:
    """An address as Django writes it."""
    return re.sub(r"\{(\w+)\}", r"<path:\1>", address.removeprefix("/"))


def _scope_of(pattern: URLPattern) -> str:
    return str(getattr(getattr(pattern.callback, "view_class", None), "endpoint_scope", ""))


def _resolves(resolver: URLResolver, address: str) -> bool:
    try:
        resolver.resolve(address)
    except Resolver404:
        return False
    return True


try:
    _views = views_of(ENDPOINTS)
except BadEndpoint as error:
    raise SystemExit(f"AIO_ENDPOINTS: {error}") from None
_aliases = {
    address.alias: _views[address.path] for each in ENDPOINTS for address in each.addresses if address.alias
}
urlpatterns = [
    *(path(_route_of(each), view.as_view()) for each, view in _views.items()),
    # Without a schema: one address of each is documented.
    *(path(_route_of(each), view.as_view(schema=None)) for each, view in _aliases.items()),
    *_BESIDE_ENDPOINTS,
]
