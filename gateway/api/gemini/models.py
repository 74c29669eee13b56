"""The models a key may call, as Google's clients list them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from aio_platform.problems import OPENAI_MOUNT
from gateway.api.gemini.addresses import KEY_HEADER, MOUNT, RESOURCE, query_of, refuse_key_in_query
from gateway.api.models import ModelsOfKey, ModelsView, ModelView
from gateway.catalog.routes import unknown_model
from gateway.dialects.dialect import bad_field
from gateway.endpoints import BY_NAME, CHAT
from gateway.http.endpoint_view import json_response
from gateway.openapi.schemas import INTEGER, STRING, array_of, json_object, operation, titled

MOST_ON_A_PAGE = 1000
_MODEL = titled(
    "GeminiModel",
    "inputTokenLimit",
    "outputTokenLimit",
    name=STRING,
    baseModelId=STRING,
    version=STRING,
    displayName=STRING,
    inputTokenLimit=INTEGER,
    outputTokenLimit=INTEGER,
    supportedGenerationMethods=array_of(STRING),
)
_LIST = operation(
    "gemini_list_models",
    "List the models, as Google does",
    None,
    json_object("GeminiModelList", "nextPageToken", models=array_of(_MODEL), nextPageToken=STRING),
)
_LIST["parameters"] = [
    OpenApiParameter("pageSize", int, description="At most so many models, 1 to 1,000."),
    OpenApiParameter("pageToken", str, description="nextPageToken of the page before."),
]
_RETRIEVE = operation(
    "gemini_get_model",
    "One model, by its id or one of its aliases",
    None,
    ("application/json", _MODEL),
)


class GeminiModelsView(ModelsOfKey):
    """GET /v1beta/models: what this mount and this key can call."""

    key_header = KEY_HEADER

    @extend_schema(**_LIST)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        refuse_key_in_query(request)
        models = await self.callable_models(request, MOUNT)
        query = query_of(request)
        start = _whole_number(query, "pageToken", 0, len(models)) or 0
        size = _whole_number(query, "pageSize", 1, MOST_ON_A_PAGE)
        end = len(models) if size is None else start + size
        page: dict[str, Any] = {"models": [_as_google_lists(each) for each in models[start:end]]}
        if end < len(models):
            page["nextPageToken"] = str(end)
        return json_response(page)


class GeminiModelView(ModelsOfKey):
    """GET /v1beta/models/{model}: one of them. An id may have slashes in it."""

    key_header = KEY_HEADER

    @extend_schema(**_RETRIEVE)
    async def get(self, drf_request: Request, model: str) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        refuse_key_in_query(request)
        names = (model, model.removeprefix(RESOURCE))
        for each in await self.callable_models(request, MOUNT):
            if any(name == each["id"] or name in each["aliases"] for name in names):
                return json_response(_as_google_lists(each))
        raise unknown_model(model)


class _ByHeader(AsyncAPIView):
    """An address that Google's clients share with OpenAI's: who shows Google's header is answered as Google does."""

    # Google's view of the same, as a URL table holds it.
    googles: ClassVar[Callable[..., Any]]

    async def dispatch(  # type: ignore[override]
        self, request: GatewayRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if not request.header(KEY_HEADER) or request.header(b"authorization"):
            return await super().dispatch(request, *args, **kwargs)
        # Errors too take the form of the address that is meant.
        request.path = MOUNT + request.path.removeprefix(OPENAI_MOUNT)
        answer: HttpResponseBase = await type(self).googles(request, *args, **kwargs)
        return answer


class SharedModelsView(_ByHeader, ModelsView):
    """GET /v1/models."""

    googles = staticmethod(GeminiModelsView.as_view())


class SharedModelView(_ByHeader, ModelView):
    """GET /v1/models/{id}."""

    googles = staticmethod(GeminiModelView.as_view())


def _as_google_lists(model: dict[str, Any]) -> dict[str, Any]:
    listed = {
        "name": f"{RESOURCE}{model['id']}",
        "baseModelId": model["id"],
        "version": datetime.fromtimestamp(model["created"], UTC).date().isoformat(),
        "displayName": model["name"],
        "inputTokenLimit": model["context_length"],
        "outputTokenLimit": model["max_output_tokens"],
        "supportedGenerationMethods": [
            method for endpoint in model["endpoints"] for method in _methods_of(endpoint)
        ],
    }
    return {name: value for name, value in listed.items() if value is not None}


def _methods_of(endpoint: str) -> list[str]:
    """What Google calls that can be asked of a model of this endpoint."""
    paths = [address.path for address in BY_NAME[endpoint].addresses if address.path.startswith(MOUNT)]
    counted = ["countTokens"] if endpoint == CHAT else []
    return [path.rpartition(":")[2] for path in paths] + counted


def _whole_number(query: dict[str, str], name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    if number is None or not least <= number <= most:
        raise bad_field(name, _("must be between %(least)s and %(most)s"), least=least, most=most)
    return number
