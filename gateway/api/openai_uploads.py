"""OpenAI's transcriptions and translations."""

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import TranscriptionRequest
from gateway.api.transcripts import transcript_response
from gateway.calls.relay import Call
from gateway.contracts.transcription import OpenAITranscriptionForm
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi import openai


class OpenAITranscriptionView(FormEndpointView[OpenAITranscriptionForm]):
    """POST /v1/audio/transcriptions: text in the language that is spoken."""

    endpoint = "transcription"
    contract = OpenAITranscriptionForm
    file_field = "file"
    task = "transcribe"

    @extend_schema(**openai.TRANSCRIPTIONS)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: OpenAITranscriptionForm, form: ReceivedForm) -> TranscriptionRequest:
        file, length = await form.sound()
        return TranscriptionRequest(
            file,
            length,
            contract.language,
            self.task,
            prompt=contract.prompt,
            temperature=contract.temperature,
            timestamp_granularities=list(contract.timestamp_granularities),
        )

    def to_response(self, answer: JsonAnswer, contract: OpenAITranscriptionForm, call: Call) -> HttpResponse:
        return transcript_response(answer, contract.response_format, self.task)


class OpenAITranslationView(OpenAITranscriptionView):
    """POST /v1/audio/translations: text in English, whatever is spoken."""

    task = "translate"

    @extend_schema(**openai.TRANSLATIONS)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)
