"""Edits of images: new ones made of those that are sent, and of a description, as OpenAI's."""

from typing import Annotated, Literal

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import ConfigDict, Field, StringConstraints, field_validator
from rest_framework.request import Request

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import ImageEditRequest, ImageRequest
from gateway.api.images import (
    IMAGE_LIST,
    NOTHING_SPECIAL,
    Prompt,
    Quality,
    Seed,
    Steps,
    checked_size,
    image_list,
    sides_in,
)
from gateway.calls.relay import Call
from gateway.contracts.form import FormContract
from gateway.contracts.price_changers import IMAGE_EXTRAS, refuse_price_changers_of_form
from gateway.contracts.text import ModelSlug
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi.presentation import IMAGE_FILE, DocsPage, Example, OpenAICall
from gateway.openapi.schemas import form_body, operation

# As many as OpenAI takes.
MAX_IMAGES = 16


class OpenAIImageEditForm(FormContract):
    """POST /v1/images/edits. Unknown fields go to the adapters, which know what servers take."""

    model_config = ConfigDict(extra="allow")
    descriptions = {
        "image": _("The image to edit: PNG, JPG, WEBP or GIF. For several, send each as image[]."),
        "mask": _("An image whose transparent places say where the first image may change."),
        "prompt": _("What the image shall show once it is edited."),
        "n": _("How many images; each is paid for."),
        "size": _("WIDTHxHEIGHT in pixels, as in 1024x1024, or auto."),
        "input_fidelity": _("How closely the images are kept to, for models whose price tells that apart."),
        "background": _("Whether the background is transparent, opaque, or as the model decides (auto)."),
        "response_format": _("b64_json, or url for data URLs: images come inside the answer either way."),
        "output_format": _("The images' file format."),
        "output_compression": _("How much WEBP and JPG images are compressed, in percent."),
        "stream": _("Only false: this endpoint answers in one piece."),
        "partial_images": _("Only 0: this endpoint answers in one piece."),
    }
    model: ModelSlug | None = None
    prompt: Prompt
    n: int = Field(default=1, ge=1, le=10)
    size: str | None = None
    quality: Quality | None = None
    input_fidelity: Literal["low", "high"] | None = None
    background: Annotated[str, StringConstraints(max_length=50)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int | None = Field(default=None, ge=0, le=100)
    stream: bool = False
    partial_images: int = Field(default=0, ge=0, lt=2**31)
    negative_prompt: Annotated[str, StringConstraints(max_length=32_000)] | None = None
    num_inference_steps: Steps | None = None
    seed: Seed | None = None
    user: str | None = None

    @field_validator("size")
    @classmethod
    def a_size(cls, given: str | None) -> str | None:
        return checked_size(given)

    @field_validator("stream", "partial_images")
    @classmethod
    def in_one_piece(cls, given: int) -> int:
        if given:
            raise ValueError(Message(_("this endpoint answers in one piece")))
        return given

    def to_make(self) -> ImageRequest:
        """What shall come out. Raises InvalidRequest for unknown fields that would change the price."""
        refuse_price_changers_of_form(self.model_extra, IMAGE_EXTRAS)
        width, height = sides_in(self.size)
        told = {
            **(self.model_extra or {}),
            "background": self.background,
            "output_format": self.output_format,
            "output_compression": self.output_compression,
            "user": self.user,
        }
        return ImageRequest(
            self.prompt,
            width,
            height,
            self.negative_prompt or "",
            self.num_inference_steps,
            self.seed,
            self.n,
            self.quality,
            {name: value for name, value in told.items() if _asks_for_something(name, value)},
            self.input_fidelity,
        )


def _asks_for_something(name: str, value: object) -> bool:
    """Whether a server need be told of it; a list is no value of any field here."""
    usual = map(str, NOTHING_SPECIAL.get(name, ()))
    return isinstance(value, str | int) and str(value) not in usual


class OpenAIImageEditView(FormEndpointView[OpenAIImageEditForm]):
    """POST /v1/images/edits: the images inside the answer."""

    endpoint = "image_edits"
    contract = OpenAIImageEditForm
    file_field = "image"
    most_files = {"image": MAX_IMAGES, "mask": 1}
    field_names = {"width": "size", "height": "size"}
    example = Example(
        fields={"model": "qwen-image", "prompt": "The same landscape in winter", "size": "1024x1024"},
        files={"image": IMAGE_FILE},
    )
    openai_call = OpenAICall(
        "images.edit",
        frozenset(
            [
                "image",
                "prompt",
                "background",
                "input_fidelity",
                "mask",
                "model",
                "n",
                "output_compression",
                "output_format",
                "quality",
                "response_format",
                "size",
                "user",
            ]
        ),
    )
    docs_page = DocsPage(
        "openai-image-edits", _("Image edits"), _("Makes new images of those that you send."), place=4
    )

    @extend_schema(
        **operation(
            "openai_create_image_edit",
            "Images made of images and a description, as OpenAI's",
            form_body(OpenAIImageEditForm, "image", "mask"),
            IMAGE_LIST,
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: OpenAIImageEditForm, form: ReceivedForm) -> ImageEditRequest:
        made = contract.to_make()
        masks = await form.images("mask")
        return ImageEditRequest(made, list(await form.images("image")), masks[0] if masks else None)

    def to_response(self, answer: JsonAnswer, contract: OpenAIImageEditForm, call: Call) -> HttpResponse:
        return image_list(answer, call, as_url=contract.response_format == "url")
