"""Omakase's endpoints that take a file: speech to text, voice clone, image to text."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import TranscriptionRequest, VisionRequest, VoiceCloneRequest
from gateway.calls.relay import Call
from gateway.contracts.speech import VoiceCloneForm
from gateway.contracts.transcription import SpeechToTextForm
from gateway.contracts.vision import ImageToTextForm
from gateway.http.endpoint_view import passed_through
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi import omakase

# Says that a clone was made from the voice's timbre alone, because no transcript of it was given.
FALLBACK_HEADER = "X-Voice-Clone-Fallback"


class SpeechToTextView(FormEndpointView[SpeechToTextForm]):
    """POST /api/stt: the upstream's JSON as it is."""

    endpoint = "transcription"
    contract = SpeechToTextForm
    file_field = "file"
    session_allowed = True

    @extend_schema(**omakase.SPEECH_TO_TEXT)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: SpeechToTextForm, form: ReceivedForm) -> TranscriptionRequest:
        file, length = await form.sound()
        return TranscriptionRequest(
            file, length, contract.language, contract.task, contract.beam_size, contract.vad_filter
        )

    def to_response(self, answer: JsonAnswer, contract: SpeechToTextForm, call: Call) -> HttpResponse:
        return passed_through(answer)


class VoiceCloneView(FormEndpointView[VoiceCloneForm]):
    """POST /api/voice-clone: a voice and a text in, sound out, streamed.

    The model cannot take a voice's prosody without its transcript, so that is then left out, and a header
    says so.
    """

    endpoint = "voice_clone"
    contract = VoiceCloneForm
    file_field = "ref_audio"
    session_allowed = True

    @extend_schema(**omakase.VOICE_CLONE)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: VoiceCloneForm, form: ReceivedForm) -> VoiceCloneRequest:
        reference, _ = await form.sound()
        return VoiceCloneRequest(
            contract.text,
            reference,
            contract.language,
            contract.x_vector_only_mode,
            contract.reference_text(),
        )

    def headers_for(self, adapter_request: Any) -> Mapping[str, str]:
        falls_back = not adapter_request.x_vector_only and adapter_request.reference_text is None
        return {FALLBACK_HEADER: "x-vector"} if falls_back else {}


class ImageToTextView(FormEndpointView[ImageToTextForm]):
    """POST /api/image2text: an image in, `{"text"}` out."""

    endpoint = "vision"
    contract = ImageToTextForm
    file_field = "image"
    session_allowed = True

    @extend_schema(**omakase.IMAGE_TO_TEXT)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: ImageToTextForm, form: ReceivedForm) -> VisionRequest:
        return VisionRequest(await form.image(), contract.prompt, contract.temperature)
