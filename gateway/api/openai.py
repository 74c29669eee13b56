"""OpenAI's endpoints beside chat, as its SDKs expect them, and the rerank that Jina and Cohere share."""

import base64
import struct
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from aio_platform.errors import UnknownAddress
from aio_platform.http.handler import GatewayRequest
from aio_platform.http.request_ids import started_at
from gateway.adapters.protocol import JsonAnswer, MalformedAnswer
from gateway.adapters.shared.requests import EmbeddingRequest, ImageRequest, RerankRequest, SpeechRequest
from gateway.adapters.sync_registry import ADAPTER_TABLE
from gateway.calls.relay import Call
from gateway.calls.runtime import runtime
from gateway.contracts.embedding import OpenAIEmbeddingBody
from gateway.contracts.images import OpenAIImageBody
from gateway.contracts.rerank import OpenAIRerankBody
from gateway.contracts.speech import OpenAISpeechBody
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.openapi import openai

OPENAI_SPEECH_FORMAT = "mp3"
FALLBACK_SPEECH_FORMAT = "wav"


class OpenAIEmbeddingView(JsonEndpointView[OpenAIEmbeddingBody]):
    """POST /v1/embeddings."""

    endpoint = "embeddings"
    contract = OpenAIEmbeddingBody

    @extend_schema(**openai.EMBEDDINGS)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIEmbeddingBody) -> EmbeddingRequest:
        return EmbeddingRequest(contract.inputs(), contract.dimensions, contract.input_type, contract.user)

    def to_response(self, answer: JsonAnswer, contract: OpenAIEmbeddingBody, call: Call) -> HttpResponse:
        encode = as_base64 if contract.encoding_format == "base64" else list
        data = [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(answer.values)
        ]
        tokens = answer.units.tokens_in
        return json_response(
            {
                "object": "list",
                "data": data,
                "model": call.routes[0].model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )


def as_base64(vector: list[float]) -> str:
    """The vector as OpenAI's clients decode it: little-endian 32-bit floats in base64.

    Raises MalformedAnswer for a number that these cannot hold.
    """
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (OverflowError, struct.error):
        raise MalformedAnswer("a number too large for 32 bits") from None
    return base64.b64encode(packed).decode("ascii")


class OpenAIRerankView(JsonEndpointView[OpenAIRerankBody]):
    """POST /v1/rerank: one shape, whatever the upstream speaks."""

    endpoint = "rerank"
    contract = OpenAIRerankBody

    @extend_schema(**openai.RERANK)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIRerankBody) -> RerankRequest:
        return RerankRequest(
            contract.query, contract.passages(), contract.top_n, contract.documents_returned()
        )

    def to_response(self, answer: JsonAnswer, contract: OpenAIRerankBody, call: Call) -> HttpResponse:
        tokens = answer.units.tokens_in
        return json_response(
            {
                "id": f"rerank-{call.request_uuid}",
                "model": call.routes[0].model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                "results": [_ranked(rank) for rank in answer.values],
            }
        )


def _ranked(rank: dict[str, Any]) -> dict[str, Any]:
    result = {"index": rank["index"], "relevance_score": rank["score"]}
    if "text" in rank:
        result["document"] = {"text": rank["text"]}
    return result


class OpenAISpeechView(JsonEndpointView[OpenAISpeechBody]):
    """POST /v1/audio/speech: MP3 unless another format is asked for, or the model has only WAV."""

    endpoint = "speech"
    contract = OpenAISpeechBody
    field_names = {"text": "input"}

    @extend_schema(**openai.SPEECH)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAISpeechBody) -> SpeechRequest:
        assert not isinstance(contract.voice, dict)
        return SpeechRequest(
            contract.input,
            contract.voice or None,
            contract.language or None,
            contract.instructions or None,
            _format_of(contract),
            contract.speed,
        )


def _format_of(contract: OpenAISpeechBody) -> str:
    """The format asked for; OpenAI's default, named or not, is WAV of a model that has no other.

    Raises UnknownModel.
    """
    if contract.response_format not in (None, OPENAI_SPEECH_FORMAT):
        return contract.response_format
    route = runtime().catalog.current.routes_for("speech", contract.model)[0]
    formats = route.options.get("formats", getattr(ADAPTER_TABLE[route.adapter], "FORMATS", ()))
    return OPENAI_SPEECH_FORMAT if OPENAI_SPEECH_FORMAT in formats else FALLBACK_SPEECH_FORMAT


class OpenAIImageView(JsonEndpointView[OpenAIImageBody]):
    """POST /v1/images/generations: the images inside the answer."""

    endpoint = "images"
    contract = OpenAIImageBody
    field_names = {"width": "size", "height": "size"}

    @extend_schema(**openai.IMAGES)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIImageBody) -> ImageRequest:
        width, height = contract.sides()
        extra = {name: value for name, value in (contract.model_extra or {}).items() if value is not None}
        if contract.output_format is not None:
            extra["output_format"] = contract.output_format
        return ImageRequest(
            contract.prompt,
            width,
            height,
            contract.negative_prompt or "",
            contract.num_inference_steps,
            contract.seed,
            contract.n or 1,
            contract.quality,
            extra,
        )

    def to_response(self, answer: JsonAnswer, contract: OpenAIImageBody, call: Call) -> HttpResponse:
        images = [_picture(image, as_url=contract.response_format == "url") for image in answer.values]
        created = int(started_at(call.request_uuid).timestamp())
        return json_response({"created": created, "data": images})


def _picture(image: dict[str, Any], *, as_url: bool) -> dict[str, Any]:
    """The image as it was asked for: its URL is a data URL, for nothing is kept here to be fetched later."""
    shown: dict[str, Any] = {name: image[name] for name in ("b64_json", "revised_prompt") if name in image}
    if as_url:
        shown["url"] = f"data:{image['content_type']};base64,{shown.pop('b64_json')}"
    return shown


async def legacy_completions(request: GatewayRequest) -> HttpResponseBase:
    """/v1/completions: what some clients still try, told where to go instead."""
    raise UnknownAddress("There are no legacy completions here. Use POST /v1/chat/completions.")
