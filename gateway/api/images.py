"""Images from a description: Omakase's text to image, and OpenAI's image generations."""

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, StringConstraints, field_validator
from rest_framework.request import Request

from aio_platform.http.request_ids import started_at
from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import ImageRequest
from gateway.calls.relay import Call
from gateway.contracts.parsing import RequestContract
from gateway.contracts.price_changers import IMAGE_EXTRAS, refuse_price_changers
from gateway.contracts.text import ModelSlug, NonBlank
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.openapi.presentation import IMAGE_FILE, IMAGES, DocsPage, Example, OpenAICall, WorkbenchForm
from gateway.openapi.schemas import (
    BINARY,
    INTEGER,
    STRING,
    array_of,
    json_body,
    json_object,
    operation,
    titled,
)

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
IMAGE_LIST = json_object(
    "ImageList",
    created=INTEGER,
    # `response_format` says which of the first two an image has.
    data=array_of(
        titled(
            "GeneratedImage",
            "b64_json",
            "url",
            "revised_prompt",
            b64_json=STRING,
            url=STRING,
            revised_prompt=STRING,
        )
    ),
)


class TextToImageBody(RequestContract):
    """POST /api/t2i."""

    descriptions = {"prompt": _("What the image shows.")}
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
    descriptions = {
        "prompt": _("What the image shows."),
        "n": _("How many images; each is paid for."),
        "size": _("WIDTHxHEIGHT in pixels, as in 1024x1024, or auto."),
        "response_format": _("b64_json, or url for data URLs: images come inside the answer either way."),
        "output_format": _("The images' file format."),
        "stream": _("Only false: this endpoint answers in one piece."),
    }
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
        return checked_size(given)

    @field_validator("stream")
    @classmethod
    def in_one_piece(cls, given: bool | None) -> bool | None:
        if given:
            raise ValueError(Message(_("this endpoint answers in one piece")))
        return given

    def sides(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return sides_in(self.size)


def checked_size(given: str | None) -> str | None:
    """The size as it was given; raises ValueError for one that is none, or that no image has here."""
    if given is not None and given != "auto":
        width, height = sides_of(given)
        if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
            raise ValueError(
                Message(
                    _("each side must be from %(least)s to %(most)s pixels"), least=MIN_SIDE, most=MAX_SIDE
                )
            )
    return given


def sides_in(size: str | None) -> tuple[int, int]:
    """Width and height of a size that was checked, those of a usual image where there is none."""
    return sides_of(size) if size and size != "auto" else (DEFAULT_SIDE, DEFAULT_SIDE)


def sides_of(size: str) -> tuple[int, int]:
    """Width and height of "1024x768"; raises ValueError for another form."""
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(Message(_("must be WIDTHxHEIGHT, as in 1024x1024, or auto")))
    return int(match.group(1)), int(match.group(2))


class ImageView(JsonEndpointView[TextToImageBody]):
    """POST /api/t2i: a description in, an image out."""

    endpoint = "images"
    contract = TextToImageBody
    session_allowed = True
    example = Example(
        {
            "prompt": "A serene mountain landscape at sunset, photorealistic",
            "negative_prompt": "low quality, blurry",
            "width": 1024,
            "height": 1024,
            "num_inference_steps": 50,
        },
        save_as=IMAGE_FILE,
    )
    docs_page = DocsPage("t2i", _("Text to image"), _("Draws an image from a description."), place=10)
    workbench_form = WorkbenchForm(
        "images",
        _("Text to image"),
        IMAGES,
        place=1,
        main=("prompt", "negative_prompt", "width", "height"),
    )

    @extend_schema(
        **operation(
            "generate_image",
            "An image from a description",
            json_body(TextToImageBody),
            ("image/png", BINARY),
        )
    )
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


class OpenAIImageView(JsonEndpointView[OpenAIImageBody]):
    """POST /v1/images/generations: the images inside the answer."""

    endpoint = "images"
    contract = OpenAIImageBody
    field_names = {"width": "size", "height": "size"}
    example = Example({"model": "qwen-image", "prompt": "An orange cat on a roof", "size": "1024x1024"})
    openai_call = OpenAICall(
        "images.generate",
        frozenset(
            [
                "prompt",
                "model",
                "n",
                "size",
                "response_format",
                "output_format",
                "quality",
                "background",
                "style",
                "user",
            ]
        ),
    )
    docs_page = DocsPage(
        "openai-images", _("Images"), _("Draws images and returns them inside the answer."), place=4
    )

    @extend_schema(
        **operation(
            "openai_create_images",
            "Images from a description, as OpenAI's",
            json_body(OpenAIImageBody),
            IMAGE_LIST,
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIImageBody) -> ImageRequest:
        width, height = contract.sides()
        extra = {name: value for name, value in (contract.model_extra or {}).items() if value is not None}
        if contract.output_format is not None:
            extra["output_format"] = contract.output_format
        return ImageRequest(
            contract.prompt,
            width,
            height,
            contract.negative_prompt or "",
            contract.num_inference_steps,
            contract.seed,
            contract.n or 1,
            contract.quality,
            extra,
        )

    def to_response(self, answer: JsonAnswer, contract: OpenAIImageBody, call: Call) -> HttpResponse:
        return image_list(answer, call, as_url=contract.response_format == "url")


def image_list(answer: JsonAnswer, call: Call, *, as_url: bool) -> HttpResponse:
    """The images in OpenAI's shape."""
    images = [_picture(image, as_url=as_url) for image in answer.values]
    return json_response({"created": int(started_at(call.request_uuid).timestamp()), "data": images})


def _picture(image: dict[str, Any], *, as_url: bool) -> dict[str, Any]:
    """The image as it was asked for: its URL is a data URL, for nothing is kept here to be fetched later."""
    shown: dict[str, Any] = {name: image[name] for name in ("b64_json", "revised_prompt") if name in image}
    if as_url:
        shown["url"] = f"data:{image['content_type']};base64,{shown.pop('b64_json')}"
    return shown
