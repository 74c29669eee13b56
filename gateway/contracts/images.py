"""What the image endpoints accept: Omakase's text-to-image, and OpenAI's image generations."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from gateway.contracts.parsing import RequestContract
from gateway.contracts.price_changers import IMAGE_EXTRAS, refuse_price_changers
from gateway.contracts.text import ModelSlug, NonBlank

MIN_SIDE, MAX_SIDE, DEFAULT_SIDE = 64, 4_096, 1_024
MAX_STEPS = 200
# OpenAI's defaults of fields that not every server knows.
NOTHING_SPECIAL: Mapping[str, tuple[Any, ...]] = {
    "background": ("auto",),
    "moderation": ("auto",),
    "output_compression": (100,),
    "partial_images": (0,),
    "style": ("vivid",),
}
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
Prompt = Annotated[NonBlank, StringConstraints(max_length=32_000)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]
Quality = Annotated[str, StringConstraints(min_length=1, max_length=50)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class TextToImageBody(RequestContract):
    """POST /api/t2i."""

    model: ModelSlug | None = None
    prompt: Prompt
    negative_prompt: Annotated[str, StringConstraints(max_length=32_000)] | None = None
    width: Side | None = None
    height: Side | None = None
    num_inference_steps: Steps | None = None
    seed: Seed | None = None
    quality: Quality | None = None

    def check(self) -> None:
        refuse_price_changers(self.model_extra, IMAGE_EXTRAS)

    def sides(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width or DEFAULT_SIDE, self.height or DEFAULT_SIDE


class OpenAIImageBody(RequestContract):
    """POST /v1/images/generations: images come back inside the answer, in base64 or as data URLs."""

    nothing_special: ClassVar[Mapping[str, tuple[Any, ...]]] = NOTHING_SPECIAL
    model: ModelSlug | None = None
    prompt: Prompt
    n: int | None = Field(default=None, ge=1, le=10)
    size: str | None = None
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    stream: bool | None = None
    negative_prompt: Annotated[str, StringConstraints(max_length=32_000)] | None = None
    num_inference_steps: Steps | None = None
    seed: Seed | None = None
    quality: Quality | None = None

    def check(self) -> None:
        refuse_price_changers(self.model_extra, IMAGE_EXTRAS)

    @field_validator("size")
    @classmethod
    def a_size(cls, given: str | None) -> str | None:
        if given is not None and given != "auto":
            width, height = sides_of(given)
            if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
                raise ValueError(f"each side must be from {MIN_SIDE} to {MAX_SIDE} pixels")
        return given

    @field_validator("stream")
    @classmethod
    def in_one_piece(cls, given: bool | None) -> bool | None:
        if given:
            raise ValueError("this endpoint answers in one piece")
        return given

    def sides(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return sides_of(self.size) if self.size and self.size != "auto" else (DEFAULT_SIDE, DEFAULT_SIDE)


def sides_of(size: str) -> tuple[int, int]:
    """Width and height of "1024x768"; raises ValueError for another form."""
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError("must be WIDTHxHEIGHT, as in 1024x1024, or auto")
    return int(match.group(1)), int(match.group(2))
