"""What the speech endpoints accept: Omakase's TTS and voice clone, and OpenAI's speech."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from gateway.contracts.form import FormContract
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, NonBlank

# A bound for what is read at all; each route has its own.
MAX_CHARACTERS = 100_000
DEFAULT_CLONE_LANGUAGE = "Korean"
Speakable = Annotated[NonBlank, StringConstraints(max_length=MAX_CHARACTERS)]
Style = Annotated[str, StringConstraints(max_length=4_096)]
VoiceName = Annotated[str, StringConstraints(max_length=200)]


class SpokenTextBody(RequestContract):
    """POST /api/tts. `language` is a code or a name; the adapters know which there are.

    Of two styles the one under the field's own name, `instruct`, is spoken; the document's example has both.
    """

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

    model: ModelSlug
    input: Annotated[NonBlank, StringConstraints(max_length=MAX_CHARACTERS)]
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
                raise ValueError("must be a voice's name, or an object with its id")
            return name
        return given


class VoiceCloneForm(FormContract):
    """POST /api/voice-clone, beside the file `ref_audio`."""

    model: ModelSlug | None = None
    text: Speakable
    language: str = DEFAULT_CLONE_LANGUAGE
    x_vector_only_mode: bool = True
    ref_text: Annotated[str, StringConstraints(max_length=MAX_CHARACTERS)] | None = None

    def reference_text(self) -> str | None:
        """The reference's transcript, None where there is nothing in it."""
        text = (self.ref_text or "").strip()
        return text or None
