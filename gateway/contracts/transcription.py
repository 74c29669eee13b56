"""What the transcription endpoints accept beside their `file`."""

from typing import Literal

from pydantic import Field, field_validator

from gateway.contracts.form import FormContract
from gateway.contracts.text import ModelSlug


class SpeechToTextForm(FormContract):
    """POST /api/stt. `language` is a code or a name; the adapters know which there are."""

    model: ModelSlug | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    beam_size: int | None = Field(default=None, ge=1, le=20)
    vad_filter: bool | None = None


class OpenAITranscriptionForm(FormContract):
    """POST /v1/audio/transcriptions and /v1/audio/translations."""

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
            raise ValueError("this endpoint answers in one piece")
        return given

    @field_validator("timestamp_granularities", mode="before")
    @classmethod
    def one_or_several(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given
