"""The models a key may call, as OpenAI's clients list them, or Anthropic's, which ask at the same address."""

import asyncio
from typing import Any, ClassVar

import orjson
from django.db import close_old_connections
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.keys.scope import KeyScope, scope_of_key
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from gateway.api.model_listing import as_anthropic, listed_models
from gateway.calls.runtime import runtime
from gateway.catalog.routes import unknown_model
from gateway.http.authentication import credentials_of, precheck
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, json_object, operation, titled

_MAYBE_NUMBER = {"type": ["integer", "null"]}
_STRINGS = {"type": "array", "items": STRING}
_MODEL = titled(
    "Model",
    id=STRING,
    object=STRING,
    created=INTEGER,
    owned_by=STRING,
    name=STRING,
    endpoints=_STRINGS,
    aliases=_STRINGS,
    context_length=_MAYBE_NUMBER,
    max_output_tokens=_MAYBE_NUMBER,
    architecture=titled(
        "ModelArchitecture",
        modality=STRING,
        input_modalities=_STRINGS,
        output_modalities=_STRINGS,
    ),
    pricing=titled(
        "ModelPricing",
        currency={"type": "string", "enum": ["credits"]},
        prompt=MAYBE_STRING,
        completion=MAYBE_STRING,
        rates={
            "type": "object",
            "description": "Endpoint to unit to price",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": titled("ModelPrice", credits=STRING, per=INTEGER),
            },
        },
    ),
)
_LIST = operation(
    "",
    "List the models",
    None,
    json_object("ModelList", object=STRING, data={"type": "array", "items": _MODEL}),
)
_RETRIEVE = operation("", "One model, by its id or one of its aliases", None, ("application/json", _MODEL))
# Two mounts have them, each by an id of its own.
del _LIST["operation_id"], _RETRIEVE["operation_id"]


# Anthropic's clients send it with every request, and nobody else does.
ANTHROPIC_VERSION = b"anthropic-version"


class ModelsOfKey(AsyncAPIView):
    """What the models' addresses have in common: a key, and what it may call."""

    key_header: ClassVar[bytes | None] = b"x-api-key"

    async def callable_models(self, request: GatewayRequest, mount: str) -> list[dict[str, Any]]:
        """The models that this mount and this key can call. Raises the key's refusal."""
        caller = await credentials_of(request, key_header=self.key_header)
        refusal = await precheck(caller)
        if refusal is not None:
            raise refusal
        assert caller.key_digest is not None, "no session is taken here"
        scope = await asyncio.to_thread(_scope, caller.key_digest)
        return listed_models(runtime().catalog.current, mount, scope)


class ModelsView(ModelsOfKey):
    """GET /v1/models and /api/v1/models: what this mount and this key can call."""

    operation_name = "list_models"

    @extend_schema(**_LIST)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        models = await self.callable_models(request, request.path.removesuffix("models"))
        listed: dict[str, Any] = {"object": "list", "data": models}
        if request.header(ANTHROPIC_VERSION):
            ids = [model["id"] for model in models] or [None]
            listed = {
                "data": [as_anthropic(model) for model in models],
                "has_more": False,
                "first_id": ids[0],
                "last_id": ids[-1],
            }
        return HttpResponse(orjson.dumps(listed), content_type="application/json")


class ModelView(ModelsOfKey):
    """GET /v1/models/{id} and /api/v1/models/{id}: one of them. An id may have slashes in it."""

    operation_name = "get_model"

    @extend_schema(**_RETRIEVE)
    async def get(self, drf_request: Request, model: str) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        models = await self.callable_models(request, request.path.partition("models/")[0])
        for each in models:
            if model == each["id"] or model in each["aliases"]:
                found = as_anthropic(each) if request.header(ANTHROPIC_VERSION) else each
                return HttpResponse(orjson.dumps(found), content_type="application/json")
        raise unknown_model(model)


def _scope(digest: bytes) -> KeyScope:
    # No request signals here: this thread's connection is renewed, and given up, by hand.
    close_old_connections()
    try:
        return scope_of_key(digest)
    finally:
        close_old_connections()
