"""Moderations: whether texts and images are harmful, and in what way, as OpenAI's say it."""

from typing import Annotated, Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Discriminator, Field, StringConstraints, Tag, WithJsonSchema
from rest_framework.request import Request

from aio_platform.errors import wrong_field
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import ModerationRequest
from gateway.calls.relay import Call
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.openapi.presentation import DocsPage, Example, OpenAICall
from gateway.openapi.schemas import (
    STRING,
    array_of,
    json_body,
    json_object,
    map_of,
    operation,
    titled,
)

MAX_INPUTS = 2048
IMAGE_URLS = ("data:image/", "https://", "http://")
Text = Annotated[str, StringConstraints(min_length=1)]
# What the OpenAPI document says of a part; `_check_part` is what holds it.
Part = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "anyOf": [
                titled("TextToJudge", type={"type": "string", "enum": ["text"]}, text=STRING),
                titled(
                    "ImageToJudge",
                    type={"type": "string", "enum": ["image_url"]},
                    image_url=titled("UrlToJudge", url=STRING),
                ),
            ]
        }
    ),
]


def _form_of(given: Any) -> str:
    """Which of the three forms is meant, by the first element; its name is left out of error messages."""
    if not isinstance(given, list):
        return "str"
    return "list[dict]" if given and isinstance(given[0], dict) else "list[str]"


Input = Annotated[
    Annotated[Text, Tag("str")]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS), Tag("list[str]")]
    | Annotated[list[Part], Field(min_length=1, max_length=MAX_INPUTS), Tag("list[dict]")],
    Discriminator(_form_of),
]


class ModerationBody(RequestContract):
    """POST /v1/moderations."""

    descriptions = {
        "input": _(
            "A text, an array of texts, or an array of parts, text and images, that are judged together."
        ),
    }
    model: ModelSlug | None = None
    input: Input

    def check(self) -> None:
        for position, each in enumerate(self.input if isinstance(self.input, list) else ()):
            if isinstance(each, dict):
                _check_part(f"input.{position}", each)

    def to_judge(self) -> ModerationRequest:
        """In the adapters' form; of a part only what its type names."""
        if isinstance(self.input, str):
            return ModerationRequest([self.input])
        parts = [_part(each) for each in self.input if isinstance(each, dict)]
        return ModerationRequest([each for each in self.input if isinstance(each, str)], parts)


def _check_part(path: str, part: dict[str, Any]) -> None:
    kind = part.get("type")
    if kind == "text":
        if not isinstance(part.get("text"), str) or not part["text"]:
            raise wrong_field(f"{path}.text", _("expected a text that is not empty"))
    elif kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str) or not url.startswith(IMAGE_URLS):
            raise wrong_field(f"{path}.image_url.url", _("expected an http(s) or data:image/ URL"))
    else:
        raise wrong_field(f"{path}.type", _("expected text or image_url"))


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    return {"type": "image_url", "image_url": {"url": part["image_url"]["url"]}}


class ModerationView(JsonEndpointView[ModerationBody]):
    """POST /v1/moderations."""

    endpoint = "moderations"
    contract = ModerationBody
    example = Example({"model": "omni-moderation", "input": "I want to kill them."})
    openai_call = OpenAICall("moderations.create", frozenset(["input", "model"]))
    docs_page = DocsPage(
        "openai-moderations",
        _("Moderations"),
        _("Says whether texts and images are harmful, and in what way."),
        place=7,
    )

    @extend_schema(
        **operation(
            "openai_create_moderation",
            "Whether texts and images are harmful, as OpenAI's",
            json_body(ModerationBody),
            json_object(
                "Moderation",
                id=STRING,
                model=STRING,
                results=array_of(
                    titled(
                        "ModerationResult",
                        "category_applied_input_types",
                        flagged={"type": "boolean"},
                        categories=map_of({"type": ["boolean", "null"]}),
                        category_scores=map_of({"type": ["number", "null"]}),
                        category_applied_input_types=map_of(array_of(STRING)),
                    )
                ),
            ),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: ModerationBody) -> ModerationRequest:
        return contract.to_judge()

    def to_response(self, answer: JsonAnswer, contract: ModerationBody, call: Call) -> HttpResponse:
        return json_response(
            {
                "id": f"modr-{call.request_uuid.replace('-', '')}",
                "model": call.routes[0].model,
                "results": answer.values,
            }
        )
