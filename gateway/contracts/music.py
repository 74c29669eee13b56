"""What /api/t2m accepts."""

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.contracts.parsing import RequestContract
from gateway.contracts.price_changers import MUSIC_EXTRAS, refuse_price_changers
from gateway.contracts.text import ModelSlug, NonBlank

DEFAULT_DURATION_S = 10.0
MAX_DURATION_S = 600


class TextToMusicBody(RequestContract):
    """POST /api/t2m. `audio_duration` is in seconds."""

    model: ModelSlug | None = None
    prompt: Annotated[NonBlank, StringConstraints(max_length=5_000)]
    audio_duration: float | None = Field(default=None, ge=1, le=MAX_DURATION_S)
    seed: int | None = Field(default=None, ge=0, lt=2**32)

    def check(self) -> None:
        refuse_price_changers(self.model_extra, MUSIC_EXTRAS)

    def audio_ms(self) -> int:
        """The length asked for, in milliseconds."""
        return round((self.audio_duration or DEFAULT_DURATION_S) * 1000)
