"""Omakase's endpoints that take JSON: each says how its body is asked of an adapter, and how it answers.

Those that take a file are in `omakase_form_views`.
"""

import base64

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import (
    EmbeddingRequest,
    ImageRequest,
    MusicRequest,
    RerankRequest,
    SpeechRequest,
    VoicesRequest,
)
from gateway.calls.relay import Call
from gateway.contracts.embedding import TextEmbeddingBody
from gateway.contracts.images import TextToImageBody
from gateway.contracts.music import TextToMusicBody
from gateway.contracts.rerank import PassageRerankBody
from gateway.contracts.speech import SpokenTextBody
from gateway.http.endpoint_view import BodilessView, JsonEndpointView, json_response, passed_through
from gateway.openapi import omakase


class EmbeddingView(JsonEndpointView[TextEmbeddingBody]):
    """POST /api/embedding: a text in, `{"embeddingVector"}` out."""

    endpoint = "embeddings"
    contract = TextEmbeddingBody
    session_allowed = True

    @extend_schema(**omakase.EMBEDDING)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: TextEmbeddingBody) -> EmbeddingRequest:
        return EmbeddingRequest([contract.asked_text()], input_type=contract.input_type)

    def to_response(self, answer: JsonAnswer, contract: TextEmbeddingBody, call: Call) -> HttpResponse:
        return json_response({"embeddingVector": answer.values[0]})


class RerankView(JsonEndpointView[PassageRerankBody]):
    """POST /api/rerank: the upstream's answer as it is."""

    endpoint = "rerank"
    contract = PassageRerankBody
    session_allowed = True
    field_names = {"documents": "input"}

    @extend_schema(**omakase.RERANK)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: PassageRerankBody) -> RerankRequest:
        return RerankRequest(
            contract.query, contract.passages(), contract.top_n, bool(contract.return_documents)
        )

    def to_response(self, answer: JsonAnswer, contract: PassageRerankBody, call: Call) -> HttpResponse:
        return passed_through(answer)


class SpeechView(JsonEndpointView[SpokenTextBody]):
    """POST /api/tts: a text in, sound out, streamed."""

    endpoint = "speech"
    contract = SpokenTextBody
    session_allowed = True
    field_names = {"voice": "speaker"}

    @extend_schema(**omakase.SPEECH)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    @extend_schema(**omakase.SPEAKERS)
    async def get(self, request: Request) -> HttpResponseBase:
        return await SpeakersView().execute(request)

    def to_request(self, contract: SpokenTextBody) -> SpeechRequest:
        return SpeechRequest(
            contract.text,
            voice=contract.speaker or None,
            language=contract.language or None,
            instructions=contract.style(),
        )


class SpeakersView(BodilessView):
    """GET /api/tts: who can speak, as the upstream says it."""

    endpoint = "voices"
    session_allowed = True

    def to_request(self) -> VoicesRequest:
        return VoicesRequest()

    def to_response(self, answer: JsonAnswer) -> HttpResponse:
        return passed_through(answer)


class MusicView(JsonEndpointView[TextToMusicBody]):
    """POST /api/t2m: a description in, music out, streamed."""

    endpoint = "music"
    contract = TextToMusicBody
    session_allowed = True

    @extend_schema(**omakase.MUSIC)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: TextToMusicBody) -> MusicRequest:
        return MusicRequest(contract.prompt, contract.audio_ms(), contract.seed)


class ImageView(JsonEndpointView[TextToImageBody]):
    """POST /api/t2i: a description in, an image out."""

    endpoint = "images"
    contract = TextToImageBody
    session_allowed = True

    @extend_schema(**omakase.IMAGE)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: TextToImageBody) -> ImageRequest:
        width, height = contract.sides()
        return ImageRequest(
            contract.prompt,
            width,
            height,
            contract.negative_prompt or "",
            contract.num_inference_steps,
            contract.seed,
            quality=contract.quality,
        )

    def to_response(self, answer: JsonAnswer, contract: TextToImageBody, call: Call) -> HttpResponse:
        image = answer.values[0]
        return HttpResponse(base64.b64decode(image["b64_json"]), content_type=image["content_type"])
