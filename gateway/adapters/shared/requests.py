"""What each endpoint asks, whatever mount it came through: validated, in one normal form for all adapters.

Chat has its own, in `adapters/chat/request.py`.
"""

from dataclasses import dataclass, field
from typing import Any

from gateway.adapters.protocol import Upload
from gateway.media.sound_length import SoundLength


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """`inputs` are texts, or arrays of token ids where `token_arrays`. Vectors come back in their order."""

    inputs: list[str] | list[list[int]]
    dimensions: int | None = None
    input_type: str | None = None
    user: str | None = None

    @property
    def token_arrays(self) -> bool:
        return bool(self.inputs) and isinstance(self.inputs[0], list)


@dataclass(frozen=True, slots=True)
class RerankRequest:
    query: str
    documents: list[str]
    top_n: int | None = None
    return_documents: bool = False


@dataclass(frozen=True, slots=True)
class ModerationRequest:
    """What is judged: texts, each for itself; or, where there are any, OpenAI's parts of text and image, as one."""

    texts: list[str] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """How many results there must be."""
        return 1 if self.parts else len(self.texts)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """`language` is a full English name such as "Korean", or None for the upstream's own guess."""

    text: str
    voice: str | None = None
    language: str | None = None
    instructions: str | None = None
    response_format: str = "wav"
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class VoicesRequest:
    """The speakers a speech route offers."""


@dataclass(frozen=True, slots=True)
class VoiceCloneRequest:
    text: str
    reference: Upload
    language: str = "Korean"
    x_vector_only: bool = True
    reference_text: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """`length` is what the file's own pieces come to, not only what its header states."""

    file: Upload
    length: SoundLength
    language: str | None = None
    task: str = "transcribe"
    beam_size: int | None = None
    vad_filter: bool | None = None
    prompt: str | None = None
    temperature: float | None = None
    timestamp_granularities: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VisionRequest:
    """An image to be read, and what is asked about it."""

    image: Upload
    prompt: str
    temperature: float = 0.1


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """`quality` and `input_fidelity` are None where the caller leaves them to the model."""

    prompt: str
    width: int = 1024
    height: int = 1024
    negative_prompt: str = ""
    steps: int | None = None
    seed: int | None = None
    count: int = 1
    quality: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    input_fidelity: str | None = None


@dataclass(frozen=True, slots=True)
class ImageEditRequest:
    """What is to be made, the images that it is made of, and the mask that says where the first may change."""

    made: ImageRequest
    images: list[Upload]
    mask: Upload | None = None


@dataclass(frozen=True, slots=True)
class MusicRequest:
    prompt: str
    audio_ms: int = 10_000
    seed: int | None = None
