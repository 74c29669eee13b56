"""Speech from a text: Omakase's TTS, whose address also tells who can speak, and OpenAI's speech."""

from typing import Annotated, Any, Literal

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, StringConstraints, field_validator
from rest_framework.request import Request

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.adapters.shared.requests import SpeechRequest
from gateway.api.voices import LIST_SPEAKERS, SpeakersView
from gateway.calls.runtime import runtime
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, Speakable
from gateway.http.endpoint_view import JsonEndpointView
from gateway.openapi.presentation import SOUND, SPEECH_FILE, DocsPage, Example, OpenAICall, WorkbenchForm
from gateway.openapi.schemas import BINARY, json_body, operation, sound

OPENAI_SPEECH_FORMAT = "mp3"
FALLBACK_SPEECH_FORMAT = "wav"
Style = Annotated[str, StringConstraints(max_length=4_096)]
VoiceName = Annotated[str, StringConstraints(max_length=200)]


class SpokenTextBody(RequestContract):
    """POST /api/tts. `language` is a code or a name; the adapters know which there are.

    Of two styles the one under the field's own name, `instruct`, is spoken; the document's example has both.
    """

    descriptions = {
        "text": _("The text to read aloud."),
        "speaker": _("Who speaks; GET /api/tts lists the speakers."),
        "instruct": _("How to speak: a style or a tone, in words."),
        "style_instruction": _("Another name for instruct; give one of the two."),
    }
    model: ModelSlug | None = None
    text: Speakable
    language: str | None = None
    speaker: VoiceName | None = None
    instruct: Style | None = None
    style_instruction: Style | None = None

    @field_validator("language", "speaker")
    @classmethod
    def first_named(cls, given: str | None) -> str | None:
        # The document's example lists what there is in a value's place: "ko | korean | english (optional)".
        return given and given.partition(" (")[0].partition(" | ")[0]

    def style(self) -> str | None:
        """The style; None where there is none."""
        return self.instruct or self.style_instruction or None


class OpenAISpeechBody(RequestContract):
    """POST /v1/audio/speech."""

    descriptions = {
        "input": _("The text to read aloud."),
        "voice": _("Who speaks: a voice's name, or an object with its id."),
        "instructions": _("How to speak: a style or a tone, in words."),
        "response_format": _("The sound's format; mp3 when left out, or wav where the model has no other."),
        "speed": _("1 is the voice's own speed."),
        "stream_format": _("Only audio: the bytes themselves, as they come."),
    }
    model: ModelSlug
    input: Speakable
    voice: VoiceName | dict[str, Any] | None = None
    instructions: Style | None = None
    response_format: Literal["mp3", "wav", "pcm", "flac", "opus", "aac"] | None = None
    speed: float | None = Field(default=None, ge=0.25, le=4)
    stream_format: Literal["audio"] | None = None
    language: str | None = None

    @field_validator("voice")
    @classmethod
    def named_voice(cls, given: str | dict[str, Any] | None) -> str | None:
        if isinstance(given, dict):
            name = given.get("id")
            if not isinstance(name, str) or not 0 < len(name) <= 200:
                raise ValueError(Message(_("must be a voice's name, or an object with its id")))
            return name
        return given


class SpeechView(JsonEndpointView[SpokenTextBody]):
    """POST /api/tts: a text in, sound out, streamed."""

    endpoint = "speech"
    contract = SpokenTextBody
    session_allowed = True
    field_names = {"voice": "speaker"}
    example = Example({"text": "Text to read", "language": "english", "speaker": "ryan"}, save_as=SPEECH_FILE)
    docs_page = DocsPage(
        "tts", _("Text to speech"), _("Reads a text aloud, and lists who can speak."), place=5
    )
    workbench_form = WorkbenchForm(
        "speech",
        _("Text to speech"),
        SOUND,
        place=1,
        main=("text", "language", "speaker"),
        other_names=frozenset({"style_instruction"}),
    )

    @extend_schema(
        **operation("synthesize_speech", "Speech from a text", json_body(SpokenTextBody), *sound())
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    @extend_schema(**LIST_SPEAKERS)
    async def get(self, request: Request) -> HttpResponseBase:
        return await SpeakersView().execute(request)

    def to_request(self, contract: SpokenTextBody) -> SpeechRequest:
        return SpeechRequest(
            contract.text,
            voice=contract.speaker or None,
            language=contract.language or None,
            instructions=contract.style(),
        )


class OpenAISpeechView(JsonEndpointView[OpenAISpeechBody]):
    """POST /v1/audio/speech: MP3 unless another format is asked for, or the model has only WAV."""

    endpoint = "speech"
    contract = OpenAISpeechBody
    field_names = {"text": "input"}
    example = Example(
        {"model": "tts-1", "input": "Text to read", "voice": "alloy", "response_format": "wav"},
        save_as=SPEECH_FILE,
    )
    openai_call = OpenAICall(
        "audio.speech.create",
        frozenset(["input", "model", "voice", "instructions", "response_format", "speed", "stream_format"]),
    )
    docs_page = DocsPage("openai-speech", _("Speech"), _("Reads a text aloud."), place=5)

    @extend_schema(
        **operation(
            "openai_create_speech",
            "Speech from a text, as OpenAI's",
            json_body(OpenAISpeechBody),
            *sound(),
            ("audio/pcm", BINARY),
        )
    )
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
    formats = route.options.get("formats", getattr(CALL_ADAPTERS[route.adapter], "FORMATS", ()))
    return OPENAI_SPEECH_FORMAT if OPENAI_SPEECH_FORMAT in formats else FALLBACK_SPEECH_FORMAT
