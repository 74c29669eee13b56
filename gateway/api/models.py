"""The models a key may call, as OpenAI's clients list them."""

import asyncio

import orjson
from django.db import close_old_connections
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.keys.scope import KeyScope, scope_of_key
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from gateway.api.model_listing import listed_models
from gateway.calls.runtime import runtime
from gateway.http.authentication import credentials_of, precheck
from gateway.openapi.schemas import INTEGER, MAYBE_STRING, STRING, json_object, operation, titled

_MAYBE_NUMBER = {"type": ["integer", "null"]}
_STRINGS = {"type": "array", "items": STRING}
_MODELS = operation(
    "",
    "List the models",
    None,
    json_object(
        "ModelList",
        object=STRING,
        data={
            "type": "array",
            "items": titled(
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
            ),
        },
    ),
)
# Two mounts have it, each by an id of its own.
del _MODELS["operation_id"]


class ModelsView(AsyncAPIView):
    """GET /v1/models and /api/v1/models: what this mount and this key can call."""

    operation_name = "list_models"

    @extend_schema(**_MODELS)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(request)
        refusal = await precheck(caller)
        if refusal is not None:
            raise refusal
        assert caller.key_digest is not None, "no session is taken here"
        scope = await asyncio.to_thread(_scope, caller.key_digest)
        mount = request.path.removesuffix("models")
        models = listed_models(runtime().catalog.current, mount, scope)
        return HttpResponse(orjson.dumps({"object": "list", "data": models}), content_type="application/json")


def _scope(digest: bytes) -> KeyScope:
    # No request signals here: this thread's connection is renewed, and given up, by hand.
    close_old_connections()
    try:
        return scope_of_key(digest)
    finally:
        close_old_connections()
