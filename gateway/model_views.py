"""The models a key may call, as OpenAI's clients list them."""

import orjson
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from aio_platform.async_api import AsyncAPIView
from aio_platform.handler import GatewayRequest
from gateway.callers import caller_of, refusal_of
from gateway.lifespan import running
from gateway.model_schema import MODELS


class ModelsView(AsyncAPIView):
    """GET /v1/models and /api/v1/models."""

    operation_name = "list_models"

    @extend_schema(**MODELS)
    async def get(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await caller_of(request)
        refusal = await refusal_of(caller)
        if refusal is not None:
            raise refusal
        models = [
            {
                "id": model.slug,
                "object": "model",
                "created": model.created,
                "owned_by": model.owned_by,
                "name": model.name,
                "endpoints": list(model.endpoints),
                "aliases": list(model.aliases),
            }
            for model in running().catalog.current.models()
        ]
        return HttpResponse(orjson.dumps({"object": "list", "data": models}), content_type="application/json")
