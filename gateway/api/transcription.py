"""Text from speech: Omakase's speech to text, and OpenAI's transcriptions and translations."""

from typing import Literal

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, field_validator
from rest_framework.request import Request

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import TranscriptionRequest
from gateway.api.subtitles import as_srt, as_vtt, cues_of
from gateway.calls.relay import Call
from gateway.contracts.form import FormContract
from gateway.contracts.text import ModelSlug
from gateway.http.endpoint_view import json_response, passed_through
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi.presentation import (
    SOUND,
    SOUND_FILES,
    SPEECH_FILE,
    DocsPage,
    Example,
    OpenAICall,
    WorkbenchForm,
)
from gateway.openapi.schemas import (
    ANY_JSON,
    INTEGER,
    NUMBER,
    STRING,
    array_of,
    form_body,
    json_object,
    operation,
    titled,
)

_SEGMENT = titled(
    "TranscriptSegment", "id", "start", "end", id=INTEGER, start=NUMBER, end=NUMBER, text=STRING
)
_WORD = titled("TranscriptWord", word=STRING, start=NUMBER, end=NUMBER)
# What is said beside `text` depends on `response_format`.
_TRANSCRIPT = (
    json_object(
        "Transcript",
        "task",
        "language",
        "duration",
        "segments",
        "words",
        "usage",
        text=STRING,
        task=STRING,
        language=STRING,
        duration=NUMBER,
        segments=array_of(_SEGMENT),
        words=array_of(_WORD),
        usage=titled("HeardSeconds", type=STRING, seconds=INTEGER),
    ),
    ("text/plain", STRING),
    ("text/vtt", STRING),
)
_KNOWN_TO_CLIENT = frozenset(["file", "model", "prompt", "response_format", "temperature"])


class SpeechToTextForm(FormContract):
    """POST /api/stt. `language` is a code or a name; the adapters know which there are."""

    descriptions = {
        "file": _("The audio file."),
        "task": _("transcribe keeps the language that is spoken; translate answers in English."),
        "beam_size": _("How many readings are weighed against one another; more are slower."),
        "vad_filter": _("Whether stretches without speech are left out."),
    }
    model: ModelSlug | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    beam_size: int | None = Field(default=None, ge=1, le=20)
    vad_filter: bool | None = None


class OpenAITranscriptionForm(FormContract):
    """POST /v1/audio/transcriptions and /v1/audio/translations."""

    descriptions = {
        "file": _("The audio file."),
        "prompt": _("Words that help with names and style, in the language of the sound."),
        "response_format": _("The transcript's format."),
        "timestamp_granularities": _("What verbose_json gives times for: words, segments, or both."),
        "stream": _("Only false: this endpoint answers in one piece."),
    }
    model: ModelSlug
    language: str | None = None
    prompt: str | None = None
    response_format: Literal["json", "text", "verbose_json", "srt", "vtt"] = "json"
    temperature: float | None = Field(default=None, ge=0, le=1)
    timestamp_granularities: list[Literal["word", "segment"]] = Field(default_factory=list)
    stream: bool = False

    @field_validator("stream")
    @classmethod
    def in_one_piece(cls, given: bool) -> bool:
        if given:
            raise ValueError(Message(_("this endpoint answers in one piece")))
        return given

    @field_validator("timestamp_granularities", mode="before")
    @classmethod
    def one_or_several(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given


class SpeechToTextView(FormEndpointView[SpeechToTextForm]):
    """POST /api/stt: the upstream's JSON as it is."""

    endpoint = "transcription"
    contract = SpeechToTextForm
    file_field = "file"
    session_allowed = True
    example = Example(fields={"language": "en"}, files={"file": SPEECH_FILE})
    docs_page = DocsPage("stt", _("Speech to text"), _("Turns an uploaded audio file into text."), place=6)
    workbench_form = WorkbenchForm(
        "transcription", _("Speech to text"), SOUND, place=4, main=("language", "task"), accepts=SOUND_FILES
    )

    @extend_schema(
        **operation(
            "transcribe_speech",
            "Text from speech; the upstream's answer as it is",
            form_body(SpeechToTextForm, "file"),
            ANY_JSON,
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: SpeechToTextForm, form: ReceivedForm) -> TranscriptionRequest:
        file, length = await form.sound()
        return TranscriptionRequest(
            file, length, contract.language, contract.task, contract.beam_size, contract.vad_filter
        )

    def to_response(self, answer: JsonAnswer, contract: SpeechToTextForm, call: Call) -> HttpResponse:
        return passed_through(answer)


class OpenAITranscriptionView(FormEndpointView[OpenAITranscriptionForm]):
    """POST /v1/audio/transcriptions: text in the language that is spoken."""

    endpoint = "transcription"
    contract = OpenAITranscriptionForm
    file_field = "file"
    task = "transcribe"
    example = Example(fields={"model": "whisper-1"}, files={"file": SPEECH_FILE})
    openai_call = OpenAICall(
        "audio.transcriptions.create", _KNOWN_TO_CLIENT | {"language", "timestamp_granularities"}
    )
    docs_page = DocsPage(
        "openai-transcriptions",
        _("Transcriptions and translations"),
        _("Turns speech into text, in its own language or in English."),
        place=6,
    )

    @extend_schema(
        **operation(
            "openai_create_transcription",
            "Text from speech, as OpenAI's",
            form_body(OpenAITranscriptionForm, "file"),
            *_TRANSCRIPT,
        )
    )
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
        return _in_format(answer, contract.response_format, self.task)


class OpenAITranslationView(OpenAITranscriptionView):
    """POST /v1/audio/translations: text in English, whatever is spoken."""

    task = "translate"
    openai_call = OpenAICall("audio.translations.create", _KNOWN_TO_CLIENT)

    @extend_schema(
        **operation(
            "openai_create_translation",
            "English text from speech, as OpenAI's",
            form_body(OpenAITranscriptionForm, "file"),
            *_TRANSCRIPT,
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)


def _in_format(answer: JsonAnswer, response_format: str, task: str) -> HttpResponse:
    """The transcript as json, text, verbose_json, srt or vtt."""
    heard = answer.values
    if response_format == "text":
        return HttpResponse(heard["text"] + "\n", content_type="text/plain; charset=utf-8")
    if response_format == "srt":
        return HttpResponse(as_srt(cues_of(heard)), content_type="text/plain; charset=utf-8")
    if response_format == "vtt":
        return HttpResponse(as_vtt(cues_of(heard)), content_type="text/vtt; charset=utf-8")
    usage = {"type": "duration", "seconds": -(-answer.units.audio_ms // 1000)}
    if response_format == "json":
        return json_response({"text": heard["text"], "usage": usage})
    verbose = {
        "task": task,
        "language": heard.get("language", ""),
        "duration": heard.get("duration", answer.units.audio_ms / 1000),
        "text": heard["text"],
        "segments": heard.get("segments", []),
        "usage": usage,
    }
    if "words" in heard:
        verbose["words"] = heard["words"]
    return json_response(verbose)
